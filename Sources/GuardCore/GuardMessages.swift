import HoldfastTime

/// The guard's act on a workload when the deadline passes. Stopped before that, it is frozen either way.
public enum Isolation: String, Sendable, Codable, CaseIterable {
  /// Freeze: nothing is lost; it continues where it was when the claim is re-validated.
  case freeze
  /// Kill: for workloads whose disk lock must be released at the deadline.
  case stop
}

/// One workload as the guard knows it.
public struct GuardedWorkload: Hashable, Sendable {
  /// The workload's name.
  public var name: String
  public var isolation: Isolation
  /// The cgroup directory of the running domain, as an absolute path in the hierarchy that can freeze (the v1 freezer's
  /// or the unified one); nil until it is known. Until then the partition covers it.
  public var cgroup: String?
  /// Host-side network links, taken down with the freeze and up again with the thaw.
  public var links: [String]
  /// A start of it was asked of the hypervisor whose end is not known: the next controller has to reckon with it.
  public var isStarting: Bool
  /// Raised on the host's links while a deadline is in force, and removed with the freeze. Since version 4 of the messages.
  public var addresses: [GuardedAddress]

  public init(
    name: String, isolation: Isolation, cgroup: String?, links: [String], isStarting: Bool = false,
    addresses: [GuardedAddress] = []
  ) {
    self.name = name
    self.isolation = isolation
    self.cgroup = cgroup
    self.links = links
    self.isStarting = isStarting
    self.addresses = addresses
  }

  /// What has no addresses hashes as it did before there were any: so the simulator's fingerprints of two builds can be compared where nobody uses them.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(isolation)
    hasher.combine(cgroup)
    hasher.combine(links)
    hasher.combine(isStarting)
    if !addresses.isEmpty { hasher.combine(addresses) }
  }
}

/// A controller's command to its guard. Every command is answered by exactly one report, in order.
public enum GuardCommand: Hashable, Sendable {
  /// First on every connection. The guard refuses a version that it does not speak; one of an older version is answered in that version's words.
  case hello(version: Int)
  /// The session was renewed: stop everything at `deadline` unless told otherwise. Never shortens, never thaws. While isolated it moves the instant at
  /// which what is `stop` is killed, and is refused once that has passed.
  case extend(deadline: BootInstant)
  /// The session will stand for a shorter time than the guard was told: from now on this deadline, where the present one is later. Never
  /// extends. While isolated it is the deadline at which what is `stop` is killed.
  case shorten(deadline: BootInstant)
  /// Adds or replaces one workload. Refused for a running one (its cgroup is known) while there is no deadline: extend first. Refused where it names an
  /// address that another workload names, or that is not yet removed for another one.
  ///
  /// It waits for no address: neither for those that it gives, nor, as every other command that takes some from a workload (`forget`, `release`, `kill`), for
  /// those that it takes. What is held of them is told with every state, and as soon as it changes. An address that is there already is raised again, should
  /// somebody have removed it.
  case protect(GuardedWorkload)
  /// The workload is no longer this node's to stop: it has stopped.
  case forget(workload: String)
  /// The workload left protection and runs on in the partition: it is never killed, and does not count as protected. With the partition it still
  /// is frozen and thawed.
  case release(workload: String, cgroup: String)
  /// Kill every process of the workload without letting it execute another instruction, frozen or not. Needs its cgroup. It takes the
  /// workload's addresses from it (as every kill does, also the guard's own): a `protect` after the kill gives it new ones.
  case kill(workload: String)
  /// Freeze everything now. What is `stop` is killed when the deadline passes, or now where there is none.
  case isolate
  /// The claims were re-validated by a transaction: thaw, links up, and the new deadline, which must lie in the future.
  /// Refused while a process of a workload that is being killed could still execute. Not isolated: the same as `extend`.
  case resume(deadline: BootInstant)
  /// The node runs nothing protected and holds no session: no deadline, and every workload forgotten. Refused while a
  /// protected process exists or that cannot be told, or while an address cannot be removed, or where another command comes before
  /// they are; what is `stop` and was frozen before the deadline is killed all the same, for the session is over.
  case disarm
  /// Ask for the state.
  case status
  /// The same, and from then on every state says that this and all that was commanded before it was taken (`GuardState.acknowledged`). A controller numbers
  /// upwards; an older guard is asked for its state alone. Since version 4 of the messages.
  case acknowledge(number: Int)
}

/// The guard's answer, or its word unasked when its phase changes.
public enum GuardReport: Hashable, Sendable {
  case state(GuardState)
  /// The workload's processes are gone (`confirmed`), or could not be seen to be gone in time; then the guard goes on
  /// trying, and says so unasked when they are. Also unasked for what the guard kills at the deadline. Told once for each
  /// `kill`, and else once in an isolation, unless there was something to kill again.
  case killed(workload: String, confirmed: Bool)
  /// The command was not carried out, and why.
  case refused(reason: String)
  /// What is held of addresses, as in a state, unasked whenever it is another than was told last. It answers nothing, and says nothing of the phase. Since
  /// version 4 of the messages.
  case addresses(held: [HeldAddress], acknowledged: Int)
}

/// An address that a guard holds: it may be on its link because this guard, or one before it, raised it, or is about to; its removal was not seen.
public struct HeldAddress: Hashable, Sendable, Comparable {
  public var address: GuardedAddress
  /// Its name.
  public var workload: String
  /// The guard has seen the address on its link, and has not begun to remove it since: another number each time that it was really put there, as when
  /// somebody else had removed it. nil: it has not.
  public var raise: Int?

  public init(_ address: GuardedAddress, of workload: String, raise: Int? = nil) {
    self.address = address
    self.workload = workload
    self.raise = raise
  }

  public static func < (a: HeldAddress, b: HeldAddress) -> Bool {
    a.workload == b.workload ? a.address < b.address : a.workload < b.workload
  }
}

/// The guard's phase, as told to controllers.
public struct GuardState: Hashable, Sendable {
  public enum Phase: Hashable, Sendable {
    /// No deadline: the node runs nothing protected.
    case disarmed
    case armed(deadline: BootInstant)
    /// The deadline passed, or `isolate` was commanded, at `since`. `confirmed`: every protected process was seen frozen or gone.
    case isolated(since: BootInstant, confirmed: Bool)
  }
  public var phase: Phase
  /// Names of the workloads that it protects, sorted.
  public var workloads: [String]
  /// Workloads among them that may be starting, sorted.
  public var starting: [String]
  /// Since version 2 of the messages; what is not known of a watchdog, since version 3.
  public var health: GuardHealth
  /// Addresses that may be on the host's links: raised, being raised, or not yet seen to be removed. Sorted. Since version 4 of the messages.
  public var held: [HeldAddress]
  /// The greatest number that this connection's `acknowledge` had; 0: there was none. What is told of addresses takes all that was commanded before it into
  /// account. Likewise.
  public var acknowledged: Int
  /// The version of the messages in which it was told. No word of the message: who reads it knows.
  public var version = guardProtocolVersion
  /// Those that are held, and those among them that were seen on their links and are not being removed. Sorted.
  public var addresses: [GuardedAddress] { held.map(\.address).sorted() }
  public var raised: [GuardedAddress] { held.filter { $0.raise != nil }.map(\.address).sorted() }

  public init(
    phase: Phase, workloads: [String], starting: [String] = [], health: GuardHealth = GuardHealth(),
    held: [HeldAddress] = [], acknowledged: Int = 0
  ) {
    self.phase = phase
    self.workloads = workloads
    self.starting = starting
    self.health = health
    self.held = held
    self.acknowledged = acknowledged
  }

  /// As of a workload: without addresses it hashes as it always did.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(phase)
    hasher.combine(workloads)
    hasher.combine(starting)
    hasher.combine(health)
    if !held.isEmpty || acknowledged > 0 { hasher.combine(held) }
    if acknowledged > 0 { hasher.combine(acknowledged) }
  }

  /// Whoever told it raises addresses, and removes them.
  public var knowsAddresses: Bool { version >= addressesSinceVersion }

  /// The same in the words of an older version of the messages.
  func inVersion(_ version: Int) -> GuardState {
    var state = self
    if version < addressesSinceVersion {
      // Who is told nothing of addresses is not told that all is frozen while one may be up: it answers for what is.
      if !held.isEmpty, case .isolated(let since, _) = phase { state.phase = .isolated(since: since, confirmed: false) }
      (state.held, state.acknowledged) = ([], 0)
    }
    if version < 3 { state.health = version < 2 ? GuardHealth() : health.inVersion2 }
    return state
  }
}

extension GuardCommand {
  /// The same for a guard of an older version, which knows no addresses: without them the workload is guarded all the same, and nobody raises them.
  public func inVersion(_ version: Int) -> GuardCommand {
    guard version < addressesSinceVersion else { return self }
    switch self {
    case .protect(var workload):
      workload.addresses = []
      return .protect(workload)
    case .acknowledge: return .status
    default: return self
    }
  }
}

/// The version of the messages between controller and guard. Each speaks the other's where that is older, so that the two are upgraded one after the other.
public let guardProtocolVersion = 4
public let oldestGuardProtocolVersion = 1
/// Older ones know nothing of addresses.
let addressesSinceVersion = 4

/// An event that the guard's door tells the controller.
public enum GuardEvent: Hashable, Sendable {
  case connected(GuardState)
  case report(GuardReport)
  case lost(reason: String)
}
