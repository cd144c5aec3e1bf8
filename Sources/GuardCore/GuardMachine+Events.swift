// What the machine hears, and what it says is to be done.

import HoldfastTime

extension GuardMachine {
  /// An event: what happened.
  public enum Event: Hashable, Sendable {
    /// First and once.
    case started(FoundAtStart)
    /// A controller's connection; it replaces the one before.
    case controllerConnected
    case controllerLost
    case command(GuardCommand)
    /// A datagram that is no command, or a command that names a cgroup that must not be touched.
    case unacceptable(reason: String)
    /// Time went by: the wake asked for by `setTimer`, or any other moment.
    case timer
    /// The outcome of the `isolateNow` or `retryIsolation` with this round. `foundFrozen`: cgroups that somebody else had frozen before.
    case freezeResult(round: Int, confirmed: Bool, foundFrozen: [String])
    /// The outcome of the `linksDown` with this round, which may take its time. `foundDown`: down already; `gone`: there is no such link.
    case linksResult(round: Int, foundDown: [String], gone: [String] = [])
    /// The outcome of the `setAddresses` with this round, which may take its time. `removed`: they are not on their links, whoever took them away;
    /// `raised`: they are; `found`: they are among these, and were there already; `failed`: why not.
    case addressesResult(
      round: Int, removed: [GuardedAddress], raised: [GuardedAddress], found: [GuardedAddress] = [],
      failed: [GuardedAddress: String] = [:])
    case killResult(KillTarget, KillProgress)
    /// Whether a process exists in the partitions or in a protected cgroup; nil: cannot tell.
    case census(alive: Bool?)
    /// How the program is that carries this out. It is told with the next state that a controller asks for.
    case health(GuardHealth)
  }

  /// An action: what to do.
  public enum Action: Hashable, Sendable {
    /// To the connected controller.
    case report(GuardReport)
    /// The next `timer` event is due then; nil: none.
    case setTimer(at: BootInstant?)
    /// Freeze both partitions, then those of these cgroups that lie outside them, then see that all are frozen.
    case isolateNow(round: Int, cgroups: [String])
    /// The same again, for what was not confirmed, and to see that what was confirmed still is.
    case retryIsolation(round: Int, cgroups: [String])
    /// Thaw the partitions and those of these cgroups that lie outside them.
    case thaw(cgroups: [String])
    /// Answered by `linksResult`, at once or later; there is never a second one before that.
    case linksDown(round: Int, [String])
    /// After every `linksDown` before it.
    case linksUp([String])
    /// Take these addresses from their links, then put those on theirs, each of them before that instant or not at all: an order may wait for others until
    /// the deadline has passed. Answered by `addressesResult`, at once or later; there is never a second
    /// one before that, and none that raises before the record has what it raises. A `linksDown` that follows comes after it.
    case setAddresses(round: Int, remove: [GuardedAddress], add: [GuardedAddress], notAfter: BootInstant?)
    /// One attempt: SIGKILL to every process, then let them die, frozen surroundings or not. Answered by `killResult`.
    case kill(KillTarget)
    case feedWatchdog(Bool)
    case persist(GuardRecord)
    /// Answered by `census`: is there a process in the partitions or these cgroups, apart from what is spared?
    case takeCensus(cgroups: [String], sparing: Set<String>)
    case log(Severity, String)
  }

  /// The importance of a log line, as in syslog.
  public enum Severity: Int, Hashable, Sendable {
    case error = 3
    case warning = 4
    case notice = 5
  }

  /// The things that the guard finds when it starts.
  public struct FoundAtStart: Hashable, Sendable {
    public enum Record: Hashable, Sendable {
      case none
      case unreadable(reason: String)
      case found(GuardRecord)
    }
    public var record: Record
    /// A process exists in a partition; nil: cannot tell.
    public var occupied: Bool?
    /// Somebody (an earlier guard, or a controller that found its guard dead) has frozen a partition.
    public var frozen: Bool

    public init(record: Record, occupied: Bool?, frozen: Bool) {
      self.record = record
      self.occupied = occupied
      self.frozen = frozen
    }
  }
}
