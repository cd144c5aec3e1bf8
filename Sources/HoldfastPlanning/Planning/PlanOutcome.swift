import HoldfastModel

/// The outcome of planning.
public struct PlanOutcome: Hashable, Sendable {
  public var placements: [WorkloadName: PlacementRecord]
  /// Warnings that somebody should know besides.
  public var warnings: [PlanWarning]
  /// Seconds after which planning the same again gives something else: something waits. nil: nothing does.
  public var lookAgainAfter: Double?
  /// Moves that would be made by themselves and wait for their turn, in the order in which the turns come.
  public var waiting: [WaitingMove]
  /// Nodes that what runs there is to leave as soon as that is decided, and for which check.
  public var ailing: [NodeName: NodeFinding]

  public init(
    placements: [WorkloadName: PlacementRecord], warnings: [PlanWarning] = [], lookAgainAfter: Double? = nil,
    waiting: [WaitingMove] = [], ailing: [NodeName: NodeFinding] = [:]
  ) {
    self.placements = placements
    self.warnings = warnings
    self.lookAgainAfter = lookAgainAfter
    self.waiting = waiting
    self.ailing = ailing
  }
}

/// A move that nobody asked for, as the policies say or home after a maintenance, and whose turn has not come.
public struct WaitingMove: Hashable, Sendable {
  public enum Why: Hashable, Sendable {
    /// As many as may be are on their way in the cluster.
    case atOnce(Int)
    /// As many as may be are leaving the node, or on their way to it.
    case perNode(Int, NodeName)
    /// A workload that a rule keeps it apart from, as another copy of one application, is on its way.
    case copy(WorkloadName)
    /// The new place is not free before others have gone.
    case place
    /// Moves are off.
    case off
  }
  public var workload: WorkloadName
  public var from: NodeName
  public var to: NodeName
  public var why: Why
  /// The rule that does not allow the workload to be where it is; nil: none is against that.
  public var brokenRule: String?

  public init(_ workload: WorkloadName, from: NodeName, to: NodeName, why: Why, brokenRule: String? = nil) {
    self.workload = workload
    self.from = from
    self.to = to
    self.why = why
    self.brokenRule = brokenRule
  }

  /// That the workload is where a rule does not allow it, and why it stays for now: a clause whose subject is the workload; nil: it breaks none.
  public var breach: String? {
    brokenRule.map { rule in
      let cause = why == .off ? why.cause : "it \(why)"
      return "stays on \(from) for now, though '\(rule)' does not allow it: \(cause)"
    }
  }
}

extension WaitingMove.Why: CustomStringConvertible {
  /// The end of "it …".
  public var description: String { if case .copy = self { "waits \(cause)" } else { "waits: \(cause)" } }

  /// What it waits for, where it is said already that it waits.
  public var cause: String {
    switch self {
    case .atOnce(let most): "\(most) move\(most == 1 ? "" : "s") at a time"
    case .perNode(let most, let node): "\(most) move\(most == 1 ? "" : "s") at a time from or to \(node)"
    case .copy(let other): "for \(other), a copy of the same application, which is on its way"
    case .place: "its place on the other node is not free yet"
    case .off: "moves are off"
    }
  }
}

/// A warning of what a plan leaves as it is although the policies want it otherwise.
public struct PlanWarning: Hashable, Sendable, CustomStringConvertible {
  /// nil: it concerns the cluster.
  public var workload: WorkloadName?
  public var what: What

  public init(workload: WorkloadName? = nil, _ what: What) {
    self.workload = workload
    self.what = what
  }

  /// Without the workload.
  public var text: String { what.description }
  /// The rule that the workload breaks where it is; nil: it breaks none.
  public var brokenRule: String? { if case .stays(_, let rule) = what { rule } else { nil } }
  public var description: String { workload.map { "\($0): \(text)" } ?? text }

  public enum What: Hashable, Sendable {
    case backOnDrained(NodeName)
    case staysOnDrained(NodeName)
    case staysOnAiling(NodeName)
    /// A node check fails on so many nodes, and nobody knows of so many more, of those that could take workloads.
    case commonCause(CheckName, failing: Int, unknown: Int, of: Int)
    /// Where a rule does not allow it.
    case stays(NodeName, against: String)
    /// The policy has it go down with a node that is drained.
    case goesDown(with: NodeName)
    case staysAway(from: NodeName, Setback)
    /// Seconds.
    case waits(Int, for: NodeName)
    /// The resource, and how much of it, with its unit.
    case wouldNotSurvive(loss: String, resource: String, missing: String)
  }

  /// Why a workload does not fail back to its node after a maintenance.
  public enum Setback: Hashable, Sendable {
    case excluded(Exclusion)
    case affinityGroup
    case wantedElsewhere(NodeName)
  }
}

extension PlanWarning {
  /// What a warning is about, whatever the figures in it: while one stands, another one about the same is no news.
  public struct Topic: Hashable, Sendable {
    private let workload: WorkloadName?
    private let what: What

    fileprivate init(_ workload: WorkloadName?, _ what: What) {
      self.workload = workload
      self.what = what
    }
  }

  public var topic: Topic { Topic(workload, what.withoutFigures) }
}

extension PlanWarning.What {
  fileprivate var withoutFigures: Self {
    switch self {
    case .waits(_, let node): .waits(0, for: node)
    case .wouldNotSurvive(let loss, let resource, _): .wouldNotSurvive(loss: loss, resource: resource, missing: "")
    case .staysAway(let node, .excluded(let exclusion)): .staysAway(from: node, .excluded(exclusion.withoutFigures))
    case .commonCause(let check, _, _, _): .commonCause(check, failing: 0, unknown: 0, of: 0)
    case .backOnDrained, .staysOnDrained, .staysOnAiling, .stays, .goesDown, .staysAway: self
    }
  }
}

extension PlanWarning.What: CustomStringConvertible {
  /// A clause whose subject is the workload, or a sentence about the cluster.
  public var description: String {
    switch self {
    case .backOnDrained(let node): "is back on \(node), which is being drained: it runs on no other node"
    case .staysOnDrained(let node): "stays on \(node), which is being drained: no other node can take it"
    case .staysOnAiling(let node): "stays on \(node), which is ailing: no node that is well can take it"
    case .commonCause(let check, let failing, let unknown, let nodes):
      "the check '\(check)' fails on \(failing) of \(nodes) nodes\(unknown > 0 ? ", and nobody knows of \(unknown)" : ""): "
        + "this looks like a common cause, nothing is moved"
    case .stays(let node, let rule): "stays on \(node), though '\(rule)' does not allow it: no other node can take it"
    case .goesDown(let node): "stays on \(node), and goes down with it: 'evacuation: stay'"
    case .staysAway(let node, let setback): "does not fail back to \(node) after its maintenance: \(setback)"
    case .waits(let seconds, let node): "waits \(seconds) s more for \(node) to come back"
    case .wouldNotSurvive(let loss, _, let missing): "the cluster would not survive \(loss): \(missing) would be missing"
    }
  }
}

extension PlanWarning.Setback: CustomStringConvertible {
  public var description: String {
    switch self {
    case .excluded(let exclusion): "\(exclusion)"
    case .affinityGroup: "not all that it goes with find room there"
    case .wantedElsewhere(let node): "its rules want it on \(node)"
    }
  }
}
