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
