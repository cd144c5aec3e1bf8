import HoldfastModel

/// What came out of planning.
public struct PlanOutcome: Hashable, Sendable {
  public var placements: [WorkloadName: PlacementRecord]
  /// What somebody should know besides.
  public var warnings: [PlanWarning]
  /// Seconds after which planning the same again gives something else: something waits. nil: nothing does.
  public var lookAgainAfter: Double?

  public init(placements: [WorkloadName: PlacementRecord], warnings: [PlanWarning] = [], lookAgainAfter: Double? = nil) {
    self.placements = placements
    self.warnings = warnings
    self.lookAgainAfter = lookAgainAfter
  }
}

/// Something that a plan leaves as it is and that is not as the policies want it.
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
    /// Where a rule does not allow it.
    case stays(NodeName, against: String)
    /// Its policy has it go down with a node that is drained.
    case goesDown(with: NodeName)
    case staysAway(from: NodeName, Setback)
    /// Seconds.
    case waits(Int, for: NodeName)
    case wouldNotSurvive(loss: String, missing: String)
  }

  /// Why a workload does not fail back to its node after a maintenance.
  public enum Setback: Hashable, Sendable {
    case excluded(Exclusion)
    case affinityGroup
    case wantedElsewhere(NodeName)
  }
}

extension PlanWarning.What: CustomStringConvertible {
  /// A clause whose subject is the workload, or a sentence about the cluster.
  public var description: String {
    switch self {
    case .backOnDrained(let node): "is back on \(node), which is being drained: it runs on no other node"
    case .staysOnDrained(let node): "stays on \(node), which is being drained: no other node can take it"
    case .stays(let node, let rule): "stays on \(node), though '\(rule)' does not allow it: no other node can take it"
    case .goesDown(let node): "stays on \(node), and goes down with it: 'evacuation: stay'"
    case .staysAway(let node, let setback): "does not fail back to \(node) after its maintenance: \(setback)"
    case .waits(let seconds, let node): "waits \(seconds) s more for \(node) to come back"
    case .wouldNotSurvive(let loss, let missing): "the cluster would not survive \(loss): \(missing) would be missing"
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
