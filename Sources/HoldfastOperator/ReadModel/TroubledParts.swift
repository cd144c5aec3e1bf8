import HoldfastModel
import HostParts

/// What a diagnosis says of workloads of the hosts themselves that run while a part of them fails, or nobody knows how it is.
struct TroubledParts: Finding {
  private(set) var reasons: [String] = []
  private(set) var steps: [ClusterStatus.Step] = []

  /// - Parameter most: so many names in a sentence.
  init(_ status: ClusterStatus, most: Int) {
    let found = status.misplaced.filter { $0.state == .running && $0.partTroubles?.contains(where: \.isBad) == true }
    guard let first = found.first, let clause = first.partTroubles?.compactMap(\.clause).first else { return }
    let names = InWords.list(found.map(\.name), most: most)
    reasons.append(
      "\(names) \(found.count == 1 ? "runs" : "run") with a part that is not known to be up (\(first.name): "
        + "\(InWords.oneLine(clause)))")
    steps.append(.init(command: "holdfast workload \(first.name)", purpose: "which part it is, and which are up"))
  }
}

extension WorkloadInfo {
  /// Each of its parts in a line, with how it is where the workload runs, without options and parameters.
  ///
  /// - Parameter parts: those of its definition.
  public func lines(of parts: [HostPart]) -> [String] {
    let isHere = [State.running, .starting, .stopping].contains(state)
    return parts.map { part in
      guard isHere, let node else { return part.summary }
      let trouble = partTroubles?.first { $0.name == part.name }
      return "\(part.summary); \(trouble.map { InWords.oneLine($0.words) } ?? "up") on \(node)"
    }
  }
}
