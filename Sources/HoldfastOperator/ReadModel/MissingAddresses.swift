import HoldfastModel

/// What a diagnosis says of workloads that run without an address of theirs.
struct MissingAddresses: Finding {
  private(set) var reasons: [String] = []
  private(set) var steps: [ClusterStatus.Step] = []

  /// - Parameter most: so many names in a sentence.
  init(_ status: ClusterStatus, _ sight: ClusterSight, most: Int) {
    guard let names = status.withoutAddress, let first = names.first else { return }
    let why = sight.addressTroubles(of: WorkloadName(first))?.first.map {
      " (\(first): \($0.address), \(InWords.oneLine($0.reason)))"
    }
    reasons.append("\(InWords.list(names, most: most)) \(names.count == 1 ? "runs" : "run") without an address\(why ?? "")")
    steps.append(.init(command: "holdfast workload \(first)", purpose: "which address is not up, and why"))
  }
}
