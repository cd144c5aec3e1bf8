import GuardCore
import HoldfastModel
import HoldfastTime

/// What a controller is doing about one workload on its own node. Nothing in it is needed after a restart: it is found again by
/// observing the store, the hypervisor and the guard.
struct Agent: Hashable, Sendable {
  /// An operation that was asked of the hypervisor.
  struct Operation: Hashable, Sendable {
    var kind: DomainOperation
    var began: BootInstant
    /// Set when the call ended and only the observation is waited for: then, and how many inventories there were.
    var ended: Ended?
  }
  struct Ended: Hashable, Sendable {
    var at: BootInstant
    var inventories: Int
    var refreshed = false
    /// The call did not say what came of it.
    var isUnknown = false
  }

  var operation: Operation?
  /// A transaction on the workload's claim is on its way: one at a time.
  var writing = false
  /// Such transactions that failed in a row; each waits longer for the next.
  var failedWrites = 0
  /// Its claim is neither taken nor given up before this instant.
  var writeAt: BootInstant?
  /// What happens to it is not written into the claim before this instant.
  var tellAt: BootInstant?
  /// The claim's revision at which a release was sent whose outcome nobody knows: as long as the claim is seen at that revision,
  /// it may be given up already.
  var releasing: Revision?
  /// The claim's revision that this life of the controller wrote. Nothing is started under another: a release from before may
  /// still be on its way, and would be refused after such a write.
  var proven: Revision?
  /// The revision of the placement under which it was given up here: the planner has to think anew first.
  var gaveUp: Revision?
  /// Its claim was refused in a batch: alone from now on, so that it cannot hold others up.
  var alone = false
  /// Starts that failed in a row on this node.
  var failedStarts = 0
  /// Why the last start failed, when it is time to give the workload up.
  var giveUp: String?
  /// Nothing is tried before this instant.
  var retryAt: BootInstant?
  /// Times that it ended by itself; the next start waits longer each time.
  var restarts = 0
  var runningSince: BootInstant?
  /// What the guard was told to protect.
  var guarded: GuardedWorkload?
  /// A start that an earlier life of this controller asked for, or one whose call was not answered, may still be on its way.
  var lateStart = false
  /// Whether it is certain that no start from before can still succeed.
  var bar = Bar.none
  enum Bar: Hashable, Sendable {
    case none, asked, done
    /// It could not be made certain; asked again then.
    case refused(until: BootInstant)
  }
  /// The guard was told to kill it, because its claim is lost.
  var condemned: Condemned?
  struct Condemned: Hashable, Sendable {
    /// The cgroup that was known then: what shows up in another is to be killed as well.
    var cgroup: String?
  }
  /// What this life of the controller knows of a live migration from here.
  var migration = Migration()
  struct Migration: Hashable, Sendable {
    /// When it was offered, by this life.
    var offeredAt: BootInstant?
    /// libvirt was asked for it.
    var isAsked = false
    /// libvirt said that it has arrived: nothing went on here since.
    var isDone = false
    /// libvirt was asked to give it up.
    var isCancelled = false
    /// Attempts that came to nothing, since it was to leave.
    var failures = 0
    var reason: String?
    /// Not tried again before this instant.
    var retryAt: BootInstant?
    var progress: MigrationProgress?
  }
  /// Why it runs on here although it was to leave, until something changes.
  var kept: String?
  /// Attempts to let it go on that failed in a row.
  var failedResumes = 0
  /// Since when something has been on its way here that cannot be resumed.
  var arrivingSince: BootInstant?
  /// The domain is out of protection; the records remain to be removed.
  var unmarked = false
  /// What was last said about it, so that it is said once.
  var lastNote: String?
}
