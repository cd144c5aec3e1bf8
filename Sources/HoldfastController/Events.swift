import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Numbers a transaction, from the action that asks for it to the event that tells its outcome.
public struct TransactionID: Hashable, Sendable {
  public var value: Int
  public init(_ value: Int) { self.value = value }
}

/// An operation on a domain.
public enum DomainOperation: String, Hashable, Sendable {
  case start, stop, mark, unmark, bar, unbar, migrate, resume, suspend
}

/// Everything that can happen to a controller.
public enum Event: Hashable, Sendable {
  /// A wake-up that was asked for, or just time passing.
  case tick
  case store(StoreEvent)
  case transaction(TransactionID, TransactionOutcome)
  case hypervisor(HypervisorEvent)
  case operation(WorkloadName, DomainOperation, OperationOutcome)
  case fromGuard(GuardEvent)
  /// The outcome of one `isolateDirectly`: everything under protection was seen frozen and the addresses gone, or not yet.
  case frozenDirectly(confirmed: Bool)
  /// Somebody outside the core committed a transaction on this node's behalf (an operator's command): its effects, ahead of the watch.
  case committed([Write<RecordKey, Record>], Revision)
  /// The local time of the week on this node and its wall clock, in milliseconds since 1970; told now and then.
  case wallTime(WeekTime, Int64)
  /// Flaws of this host that people should know; told when it changes.
  case host([NodeFlaw])
  /// Bridges of this host that are silent for long after a start, and for how many seconds; told when it changes.
  case slowBridges([String: Double])
  /// Clean departure: hand everything over, then end. `fast`: nothing is migrated live, everything is stopped and started.
  case leave(fast: Bool)
  /// Definitions that libvirt keeps here under a workload's name or UUID and that are not Holdfast's; told when it changes.
  case leftovers([LeftoverDefinition])
  /// Which workloads libvirt here could not run as they are defined, in the order of the reasons; told when it changes.
  case incompatible([IncompatibleWorkloads])
  /// Workloads here that write to a file of this host alone, and the first such file of each; told when it changes.
  case ownDisks([WorkloadName: String])
  /// The CPUs with which virtual machines run here, and those of others that no guest here can have; told when it changes.
  case guestCPUs(GuestCPUs)
  /// The health of a workload here as its checks tell it of that run of it (`CheckSubject.run`); told when it changes.
  case health(WorkloadName, run: Int, WorkloadHealth)
  /// Who has addresses of the workload, as far as the neighbours said (`askForOwner`): of some of them, or of all.
  case addressOwners(WorkloadName, [WorkloadAddress: AddressAnswer])
  /// This node's own checks as they are; told when one of them is another than it was.
  case nodeHealth([NodeCheckState])

  public enum StoreEvent: Hashable, Sendable {
    /// The whole of the cluster's records: at the start, and after the watch lost its history.
    case listed(ClusterListing)
    case changed([ClusterChange])
  }

  public enum TransactionOutcome: Hashable, Sendable {
    case verdict(ClusterVerdict)
    /// The transaction certainly did not happen.
    case notApplied(reason: String)
    /// The transaction may have happened.
    case unknown(reason: String)

    /// The store's when it answered; nil: it did not.
    var revision: Revision? {
      switch self {
      case .verdict(.committed(let revision)), .verdict(.refused(let revision, _)): revision
      case .notApplied, .unknown: nil
      }
    }
  }
}

/// Everything that a controller can ask for.
public enum Action: Hashable, Sendable {
  /// Asks the store, and waits for its answer until that instant. Not sent after it: a controller that was stopped meanwhile may have
  /// decided by what was true long ago.
  case transact(TransactionID, ClusterTransaction, until: BootInstant)
  case start(WorkloadName, StartRequest)
  case stop(WorkloadName, DomainID, uuid: String, grace: Duration)
  case mark(WorkloadName, DomainID, uuid: String, ClaimMark)
  case unmark(WorkloadName, DomainID, uuid: String)
  /// Make certain that no start of it that is still on its way succeeds.
  case bar(WorkloadName, DomainID, uuid: String, ClaimMark)
  /// Take away what keeps its name here, so that a migration can bring it.
  case unbar(WorkloadName, DomainID, uuid: String, ClaimMark, overBar: Bool)
  /// Move it to another host while it runs; it arrives there paused.
  case migrate(WorkloadName, MigrationRequest)
  case cancelMigration(DomainID, uuid: String)
  /// Let a paused domain go on, not after the instant.
  case resume(WorkloadName, DomainID, uuid: String, notAfter: BootInstant)
  /// Observe every domain anew.
  case refresh
  case tellGuard(GuardCommand)
  /// The guard is gone: freeze everything without it, and remove the addresses, once. Answered by `frozenDirectly`.
  case isolateDirectly([GuardedWorkload])
  /// Keep this in the runtime directory; nil removes it.
  case save(OwnSession.Saved?)
  /// The watch lags behind our own writes: connect it elsewhere.
  case restartWatch
  /// The store is an earlier one than it was, and the watch waits for revisions that are still to come: begin anew, with a listing.
  case listAnew
  case note(Note)
  /// Send `tick` at this instant at the latest. A later one replaces it only by the next action of this kind.
  case wake(BootInstant)
  /// The clean departure is complete.
  case finished
  /// Pause it: it executes nothing, and keeps its memory.
  case suspend(WorkloadName, DomainID, uuid: String)
  /// Look at this run from now on, or go on as it says now.
  case check(CheckSubject)
  /// Look at nothing of the workload any more.
  case endChecks(WorkloadName)
  /// Ask the neighbours who has these addresses, which this node has not. Answered by `addressOwners`, once for each.
  case askForOwner(WorkloadName, [WorkloadAddress])
  /// Tell the neighbours that this node has these addresses now.
  case announce(WorkloadName, [WorkloadAddress])
  /// These are not the workload's to have here any more: what is under way about them ends.
  case endAddresses(WorkloadName, [WorkloadAddress])
  /// Make these checks of this node from now on, in place of those before.
  case checkNode([NodeCheck])
}
