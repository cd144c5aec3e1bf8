import HoldfastModel

/// What came out of planning.
public struct PlanOutcome: Hashable, Sendable {
  public var placements: [WorkloadName: PlacementRecord]
  /// What somebody should know besides.
  public var warnings: [PlanWarning]
  /// Seconds after which planning the same again gives something else: something waits. nil: nothing does.
  public var lookAgainAfter: Double?
  /// What would be moved by itself and waits for its turn, in the order in which the turns come.
  public var waiting: [WaitingMove]

  public init(
    placements: [WorkloadName: PlacementRecord], warnings: [PlanWarning] = [], lookAgainAfter: Double? = nil,
    waiting: [WaitingMove] = []
  ) {
    self.placements = placements
    self.warnings = warnings
    self.lookAgainAfter = lookAgainAfter
    self.waiting = waiting
  }
}

/// A move that the policies want and whose turn has not come.
public struct WaitingMove: Hashable, Sendable {
  public enum Why: Hashable, Sendable {
    /// So many in the cluster are on their way.
    case atOnce(Int)
    /// So many are leaving the node, or on their way to it.
    case perNode(Int, NodeName)
    /// A workload that a rule keeps it apart from, as another copy of one application, is on its way.
    case copy(WorkloadName)
    /// Its new place is not free before others have gone.
    case place
    /// Moves are off.
    case off
  }
  public var workload: WorkloadName
  public var from: NodeName
  public var to: NodeName
  public var why: Why

  public init(_ workload: WorkloadName, from: NodeName, to: NodeName, why: Why) {
    self.workload = workload
    self.from = from
    self.to = to
    self.why = why
  }
}

extension WaitingMove.Why: CustomStringConvertible {
  /// The end of "it …".
  public var description: String {
    switch self {
    case .atOnce(let most): "waits: \(most) move\(most == 1 ? "" : "s") at a time"
    case .perNode(let most, let node): "waits: \(most) move\(most == 1 ? "" : "s") at a time from or to \(node)"
    case .copy(let other): "waits for \(other), a copy of the same application, which is on its way"
    case .place: "waits: its place on the other node is not free yet"
    case .off: "waits: moves are off"
    }
  }
}

/// Something that a plan leaves as it is and that is not as the policies want it.
public struct PlanWarning: Hashable, Sendable, CustomStringConvertible {
  /// nil: it concerns the cluster.
  public var workload: WorkloadName?
  public var text: String
  /// The rule that the workload breaks where it is; nil: it breaks none.
  public var brokenRule: String?

  public init(workload: WorkloadName? = nil, text: String, brokenRule: String? = nil) {
    self.workload = workload
    self.text = text
    self.brokenRule = brokenRule
  }
  public var description: String { workload.map { "\($0): \(text)" } ?? text }
}
