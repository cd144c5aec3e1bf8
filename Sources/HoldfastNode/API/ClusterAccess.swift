import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastPorts
import Housekeeping

/// What a controller would plan with, were it the planner now.
package struct PlanningState: Sendable {
  package var snapshot: PlanningSnapshot
  package var planner: PolicyPlanner
  /// Why the policies in the store cannot be used.
  package var flaw: String?

  package init(snapshot: PlanningSnapshot, planner: PolicyPlanner, flaw: String? = nil) {
    self.snapshot = snapshot
    self.planner = planner
    self.flaw = flaw
  }
}

/// What the API needs of the daemon it runs in.
package protocol ClusterAccess: Sendable {
  var cluster: String { get }
  var node: NodeName { get }

  /// The mirror of the store, as this node knows it now.
  func view() async -> ClusterView

  /// What the planner would plan on now, and by which policies.
  func planning() async -> PlanningState

  /// The standing session, for commands that claim; nil when the node has none.
  func session() async -> OwnSession.Saved?

  /// Active local domains as last observed.
  func domains() async -> [DomainObservation]

  /// The XML from which the running domain can be started elsewhere.
  func describe(_ id: DomainID) async throws(HypervisorError) -> String

  /// Commits on the operator's behalf; the controller learns of it at once.
  func commit(_ transaction: ClusterTransaction) async throws(StoreError) -> ClusterVerdict

  /// The last lines of the cluster's history, oldest first.
  func history(limit: Int, workload: WorkloadName?) async -> [HistoryRecord]

  /// New lines as they come. Ends when the reader goes; a reader that is too slow loses lines rather than hold anything up.
  func followHistory() -> AsyncStream<HistoryRecord>

  /// Seconds since the store last answered this node; nil when it never did.
  func storeSilence() async -> Double?

  /// The last look at the store; nil: there was none, or the store cannot be looked at. Never waits for the store.
  func storePicture() async -> StorePicture?
}
