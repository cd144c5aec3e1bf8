import HoldfastModel

/// What is wrong with the cluster's records: two workloads that have one thing, what cannot be read, what is missing; and what to type for each.
struct RecordTroubles: Finding {
  private(set) var reasons: [String] = []
  private(set) var steps: [ClusterStatus.Step] = []

  /// - Parameters:
  ///   - clashes: what workloads have at the same time without sharing it.
  ///   - most: clashes in sentences of their own.
  ///   - named: workloads that a sentence names.
  init(_ view: ClusterView, _ clashes: [BelongingsIndex.Clash], most: Int, named: Int) {
    lookAt(clashes, most: most)
    lookAtIntents(view, named: named)
    lookAtUnreadable(view)
  }

  private mutating func suggest(_ command: String, _ purpose: String) {
    steps.append(ClusterStatus.Step(command: command, purpose: purpose, on: nil))
  }

  private mutating func lookAt(_ clashes: [BelongingsIndex.Clash], most: Int) {
    reasons += clashes.prefix(most).map(\.description)
    if clashes.count > most {
      reasons.append("\(clashes.count - most) more disks, directories or addresses belong to several workloads at once")
    }
    if let last = clashes.first?.workloads.last {
      suggest("holdfast workload \(last) --xml", "what it has; give it its own, or share it on purpose with 'shared'")
    }
  }

  /// What is wanted is missing: the planner writes it anew where it can tell, in a moment.
  private mutating func lookAtIntents(_ view: ClusterView, named: Int) {
    let missing = view.withoutIntent
    guard let first = missing.first else { return }
    reasons.append(
      "The record of what is wanted of \(InWords.list(missing.map(\.text), most: named)) is missing: it is not moved or failed over"
    )
    if let unproven = missing.first(where: { !view.isProvenWanted($0) }) {
      suggest("holdfast start \(unproven)", "let it run; or `holdfast stop \(unproven)`, if it is to stay down")
    } else {
      suggest("holdfast store repair", "write anew what is wanted of \(first), if the planner does not")
    }
  }

  private mutating func lookAtUnreadable(_ view: ClusterView) {
    let count = view.unreadable.count
    guard count > 0 else { return }
    reasons.append(
      "\(count) record\(count == 1 ? "" : "s") of the store cannot be read by this build: Holdfast leaves alone whatever depends on \(count == 1 ? "it" : "them")"
    )
    suggest("holdfast store check", "which records, what each of them means, and the way out")
  }
}
