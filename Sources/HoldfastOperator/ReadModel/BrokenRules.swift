import HoldfastModel
import HoldfastPlanning

/// What a diagnosis says of workloads that run where a rule does not allow it: for good, or until they may move.
struct BrokenRules: Finding {
  private(set) var reasons: [String] = []
  private(set) var steps: [ClusterStatus.Step] = []

  /// - Parameter most: so many names in a sentence.
  init(_ status: ClusterStatus, _ sight: ClusterSight, most: Int) {
    let breaking = status.misplaced.filter { $0.brokenRule != nil }
    let waits = breaking.map { sight.waits(WorkloadName($0.name)) }
    func those(_ isMeant: (WaitingMove.Why?) -> Bool) -> [WorkloadInfo] {
      zip(breaking, waits).filter { isMeant($0.1) }.map(\.0)
    }
    let stuck = those { $0 == nil }, halted = those { $0 == .off }, queued = those { $0 != nil && $0 != .off }
    tell(stuck, "no other node can take \(stuck.count == 1 ? "it" : "them")", most)
    if let first = stuck.first { suggest("holdfast explain \(first.name)", "why it is there, and why on no other node") }
    tell(halted, "moves are off", most)
    tell(queued, queued.count == 1 ? "its move waits for its turn" : "their moves wait for their turn", most)
    if !queued.isEmpty { suggest("holdfast moves", "how far the moves are, and what each waits for") }
  }

  private mutating func tell(_ workloads: [WorkloadInfo], _ cause: String, _ most: Int) {
    guard !workloads.isEmpty else { return }
    let names = InWords.list(workloads.map(\.name), most: most)
    let rules = Set(workloads.compactMap(\.brokenRule)).sorted().map { "'\($0)'" }
    reasons.append("\(names) \(workloads.count == 1 ? "runs" : "run") against \(InWords.list(rules, most: most)): \(cause)")
  }

  private mutating func suggest(_ command: String, _ purpose: String) {
    steps.append(ClusterStatus.Step(command: command, purpose: purpose))
  }
}
