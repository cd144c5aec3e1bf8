import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What this node knows of the cluster at one instant: whatever an answer or a command needs is taken from one picture, so that its parts fit
/// together. A value, handed out by the controller's loop; nobody works on the loop's time.
package struct ClusterPicture: Sendable {
  /// Pictures of one version differ in the sessions' renewals, and in what depends on the time alone.
  package var version: UInt64
  /// On this host's boot clock, and in milliseconds since 1970 on its wall clock.
  package var instant: BootInstant
  package var time: Int64
  /// The mirror of the store, as this node knows it.
  package var view: ClusterView
  /// Active local domains as last observed.
  package var observations: [DomainID: DomainObservation]
  /// The standing session, for commands that claim; nil when the node has none.
  package var session: OwnSession.Saved?
  /// Seconds since the store last confirmed a renewal of this node's session or, without one, last answered it; nil when it never did.
  package var storeSilence: Double?
  /// By the policies in force.
  package var planner: PolicyPlanner
  /// Why the policies in the store cannot be used.
  package var policyFlaw: String?
  /// What this node's controller found wrong with itself; nil: nothing. It freezes everything then, and decides nothing more.
  package var fault: String?
  /// Of every node in quarantine the seconds that remain; nil: as the records and the wall clock say.
  package var quarantines: [NodeName: Double]?
  private let makeSnapshot: @Sendable () -> PlanningSnapshot
  private let lookAtItself: @Sendable () -> OwnSight?

  package init(
    version: UInt64, instant: BootInstant, time: Int64, view: ClusterView, observations: [DomainID: DomainObservation],
    session: OwnSession.Saved?, storeSilence: Double?, planner: PolicyPlanner, policyFlaw: String?,
    fault: String? = nil, quarantines: [NodeName: Double]? = nil, own: @escaping @Sendable () -> OwnSight? = { nil },
    planning: @escaping @Sendable () -> PlanningSnapshot
  ) {
    self.version = version
    self.instant = instant
    self.time = time
    self.view = view
    self.observations = observations
    self.session = session
    self.storeSilence = storeSilence
    self.planner = planner
    self.policyFlaw = policyFlaw
    self.fault = fault
    self.quarantines = quarantines
    makeSnapshot = planning
    lookAtItself = own
  }

  package var domains: [DomainObservation] { Array(observations.values) }

  /// What this node would plan on, were it the planner. Walks through every workload each time.
  package func planning() -> PlanningSnapshot { makeSnapshot() }

  /// What this node knows of itself now, whether or not the store takes it; nil: nothing besides the records. Walks through its workloads each time.
  package func own() -> OwnSight? { lookAtItself() }
}
