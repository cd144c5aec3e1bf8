import GuardCore
import HoldfastModel

/// What comes to the cluster from outside: faults, and what people do. `nil` for a length: until something ends it.
public enum Happening: Hashable, Sendable {
  // Processes.
  case controllerDies(NodeName, back: Span?)
  case controllerStarts(NodeName)
  case controllerHalts(NodeName, for: Span)
  /// Stopped within what it is about to do: after so many of its steps, counted from now.
  case controllerHaltsBetweenSteps(NodeName, after: Int, for: Span)
  case guardDies(NodeName, back: Span?)
  case guardStarts(NodeName)
  case bothDie(NodeName, guardBack: Span, controllerBack: Span)

  // Hosts.
  case powerFails(NodeName, back: Span?)
  case powerReturns(NodeName)
  case hostPauses(NodeName, for: Span?)
  case hostGoesOn(NodeName)
  /// Parts per million that its clock gains from now on.
  case clockRuns(NodeName, rate: Int)
  /// Freezes hold only after so much more time.
  case freezesSlowly(NodeName, by: Span, for: Span)
  /// Freezes hold and cannot be confirmed, as with a process in uninterruptible sleep.
  case freezesUnconfirmed(NodeName, for: Span)
  /// A start that a freeze catches keeps it from being confirmed until it is killed, as one that waits in the kernel for a process that is frozen.
  case startsHoldFreezes(NodeName, for: Span)
  /// Half of the attempts at a kill reach nobody.
  case killsFail(NodeName, for: Span)
  /// The guard's timer comes so much later.
  case timersLate(NodeName, by: Span, for: Span)

  // The way to the store.
  case cutOff([NodeName], Way, for: Span?)
  case connected([NodeName])
  /// This share of the messages is lost, and the same share comes late.
  case linksBad([NodeName], share: Double, for: Span)

  // The store.
  case storeStops(Silence, for: Span?)
  case storeServes
  /// It takes nothing that puts something, as etcd does beyond its quota.
  case storeFull(for: Span?)
  case storeHasRoom
  /// Requests take so many milliseconds.
  case storeSlows(least: Double, most: Double, for: Span)
  case storeChangesLeader(for: Span)
  case storeCompacts
  /// Somebody deletes the record of what is wanted of the workload.
  case intentLost(WorkloadName)
  case watchDeaf(NodeName, for: Span)

  // libvirt.
  case libvirtDies(NodeName, back: Span?)
  case libvirtStarts(NodeName)
  case libvirtHangs(NodeName, for: Span?)
  case libvirtAnswers(NodeName)
  /// Starts take so many milliseconds.
  case libvirtSlows(NodeName, least: Double, most: Double, for: Span)
  /// This share of the calls fails.
  case libvirtFails(NodeName, share: Double, for: Span)
  /// Starts of the workload fail there, so often, or for so long, or until they are mended.
  case startsBreak(WorkloadName, NodeName, times: Int?, for: Span?)
  case startsMended(WorkloadName, NodeName)
  /// Stops of the workload fail there, so often, or for so long, or until they are mended.
  case stopsBreak(WorkloadName, NodeName, times: Int?, for: Span?)
  case stopsMended(WorkloadName, NodeName)
  /// Somebody starts a copy of the workload there, past Holdfast.
  case startedByHand(WorkloadName, NodeName)
  /// libvirt works at the workload's domain there: it refuses to migrate it.
  case blockJob(WorkloadName, NodeName, for: Span)
  /// Others' libvirts cannot connect to the node's: its certificate has expired.
  case inboundFails(NodeName, for: Span)
  /// Somebody defines it there, shut off, past Holdfast; or takes that definition away.
  case definedByHand(WorkloadName, NodeName)
  case undefinedByHand(WorkloadName, NodeName)
  /// QEMU there does not know the workload's machine type, so that it cannot run there; or knows it again.
  case machineTypeForgotten(WorkloadName, NodeName)
  case machineTypeKnown(WorkloadName, NodeName)
  /// The next live migration from there is broken off at this step.
  case migrationBreaks(NodeName, at: MigrationStep)
  /// An external snapshot of it, taken past Holdfast: from then on it writes to another disk than its definition names.
  case diskReplaced(WorkloadName)
  /// The domain ends by itself.
  case domainEnds(NodeName, String)
  /// The domain's guest powers itself off.
  case guestPowersDown(NodeName, String)
  /// The domain's guest crashes, and libvirt keeps it.
  case guestCrashes(NodeName, String)

  // People.
  case asked(Order, through: NodeName?)

  // Services, as checks see them.
  /// What the workload is for dies wherever it runs, while its domain runs on; started anew it answers again.
  case serviceDies(WorkloadName)
  /// It answers nothing there, also when it is started anew: for so long, or until it is mended.
  case serviceBreaks(WorkloadName, NodeName, for: Span?)
  case serviceMended(WorkloadName, NodeName)
  /// Every second answer of it there is bad.
  case serviceFlaps(WorkloadName, NodeName, for: Span)
  /// Its checks cannot be made there.
  case checksBlind(WorkloadName, NodeName, for: Span)

  // Addresses.
  /// Changes of addresses take so much longer there.
  case addressesSlow(NodeName, by: Span, for: Span)
  /// No address can be added there.
  case addressesFail(NodeName, for: Span)
  /// Somebody who is none of the cluster has the address.
  case strangerTakes(IPAddress, for: Span?)
  case strangerLeaves(IPAddress)
  /// Somebody takes it from its link there.
  case addressIsLost(NodeName, IPAddress)

  // Nodes, as their own checks see them.
  /// The node check fails there: for so long, or until it is mended.
  case nodeCheckFails(CheckName, [NodeName], for: Span?)
  case nodeCheckMended(CheckName, [NodeName])
  /// Every second answer of it there is bad.
  case nodeCheckFlaps(CheckName, [NodeName], for: Span)
  /// It cannot be made there.
  case nodeCheckBlind(CheckName, [NodeName], for: Span?)

  // Parts of workloads.
  /// Its starts there fail, or hang: for so long, or until it is mended.
  case partStartBreaks(PartName, NodeName, hangs: Bool, for: Span?)
  /// Its stops there fail, as of a busy mount, or hang: for so long, or until it is mended.
  case partStopBreaks(PartName, NodeName, hangs: Bool, for: Span?)
  case partMended(PartName, NodeName)
  /// It ends by itself wherever it is up.
  case partDies(PartName)
  /// Its status there does not answer.
  case partBlind(PartName, NodeName, for: Span)

  public enum MigrationStep: String, CaseIterable, Hashable, Sendable {
    case prepare, transfer
    /// The target has everything, and its answer is lost.
    case finish
    /// The answer came, and the source's libvirt dies before it ends its domain.
    case confirm
  }

  public enum Way: Hashable, Sendable { case both, requests, answers }

  public enum Silence: String, Hashable, Sendable {
    /// Requests are swallowed: nobody gets an answer.
    case silent
    /// Requests are refused as a whole.
    case refusing
  }

  /// What people ask for.
  public enum Order: Hashable, Sendable {
    case define(WorkloadName)
    case adopt(String, NodeName)
    case release(WorkloadName)
    case start(WorkloadName)
    case stop(WorkloadName)
    case errand(IntentRecord.Errand, WorkloadName)
    /// It may be started from its definition, though that is older than its disk.
    case acceptStored(WorkloadName)
    case move(WorkloadName, NodeName)
    /// The setup's policies of this number come into force.
    case policies(Int)
    /// What has not left after that time is not waited for; nil: it is.
    case enter(NodeName, within: Span?)
    case exit(NodeName, MaintenanceRecord.Failback)
    case clearFailures(NodeName)
    /// A node that is down is forgotten.
    case remove(NodeName)
    /// Automatic recovery is off for that time; nil: until it is armed.
    case disarm(for: Span?)
    /// The policies move nothing, or may again.
    case movesOff, movesOn
    case arm
    /// The node departs cleanly, and comes back after this time.
    case leave(NodeName, back: Span?)
    case comeBack(NodeName)
    /// Its definition gets these addresses, instead of those that it has.
    case readdress(WorkloadName, [WorkloadAddress])
  }
}

/// A happening and its moment.
public struct Scheduled: Hashable, Sendable {
  public var at: Moment
  public var happening: Happening

  public init(at: Moment, happening: Happening) {
    self.at = at
    self.happening = happening
  }
}
