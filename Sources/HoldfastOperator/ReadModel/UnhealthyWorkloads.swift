import HoldfastModel

/// What a diagnosis says of workloads that run and fail a check, or have one that cannot be made.
struct UnhealthyWorkloads: Finding {
  private(set) var reasons: [String] = []
  private(set) var steps: [ClusterStatus.Step] = []

  /// - Parameter most: so many names in a sentence.
  init(_ status: ClusterStatus, most: Int) {
    let failing = status.misplaced.filter(\.isUnhealthy)
    if let first = failing.first {
      let reason = (first.health?.reason).map { " (\(first.name): \(InWords.oneLine($0)))" } ?? ""
      let names = InWords.list(failing.map(\.name), most: most)
      reasons.append("\(names) \(failing.count == 1 ? "fails" : "fail") a check\(reason)")
      let purpose = "which check it fails, and what is done about it"
      steps.append(.init(command: "holdfast workload \(first.name)", purpose: purpose))
    }
    guard let unknown = status.ofUnknownHealth, let first = unknown.first else { return }
    let names = InWords.list(unknown, most: most)
    reasons.append("Nobody knows whether \(names) \(unknown.count == 1 ? "is" : "are") well: checks cannot be made")
    steps.append(.init(command: "holdfast workload \(first)", purpose: "which check cannot be made, and why"))
  }
}
