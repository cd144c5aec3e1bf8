import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The moves that this planner began by itself, and what becomes of them. When several in a row did not start on their new node, something is wrong with the
/// rules or with the nodes, and every further move would stop one more workload for it.
struct OwnMoves: Hashable, Sendable {
  private struct Move: Hashable, Sendable {
    var to: NodeName
    /// Failures there that were known when it began.
    var failures: Int
  }
  private struct Failed: Hashable, Sendable {
    var workload: WorkloadName
    var to: NodeName
    var reason: String
  }
  private var underWay: [WorkloadName: Move] = [:]
  /// The latest in a row.
  private var failures: [Failed] = []

  /// Placements were committed.
  mutating func began(_ writes: [Write<RecordKey, Record>], _ facts: Facts) {
    for case .put(.placement(let name), .placement(let placement)) in writes {
      underWay[name] = nil
      guard placement.isOwnMove, let node = placement.node, let holder = facts.view.holder(of: name), holder != node else {
        continue
      }
      underWay[name] = Move(to: node, failures: facts.view.claims[name]?.value.failures[node]?.count ?? 0)
    }
  }

  /// Looks at what became of them.
  mutating func settle(_ facts: Facts) {
    var hasArrived = false, failed: [Failed] = []
    for (name, move) in underWay.sorted(by: { $0.key < $1.key }) {
      let claim = facts.view.claims[name]?.value
      if let failure = claim?.failures[move.to], failure.count > move.failures {
        failed.append(Failed(workload: name, to: move.to, reason: failure.reason))
      } else if claim?.holder?.node == move.to, claim?.activity == .running {
        hasArrived = true
      } else if facts.view.placements[name]?.value.node == move.to {
        continue
      }
      underWay[name] = nil
    }
    if hasArrived { failures = [] }
    failures += failed
  }

  /// The failures in words, when they were so many in a row; nil: fewer.
  func failed(atLeast limit: Int) -> String? {
    guard failures.count >= limit, let last = failures.last else { return nil }
    let names = failures.suffix(limit).map { "\($0.workload) on \($0.to)" }
    return "\(failures.count == 1 ? "a move" : "\(failures.count) moves in a row") did not start: "
      + "\(InWords.list(names, most: 5)) (the last: \(last.reason))"
  }

  mutating func forgetFailures() { failures = [] }
}

extension PlacementRecord {
  /// The policies moved it by themselves, from where it ran.
  package var isOwnMove: Bool { node != nil && reason.isOwnMove }
}
