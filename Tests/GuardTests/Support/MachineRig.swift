import GuardCore
import HoldfastTime

/// A machine with a world around it that answers its orders at once, and a clock that the test moves.
struct MachineRig {
  typealias Action = GuardMachine.Action

  var machine = GuardMachine(boot: "boot")
  var now = BootInstant(nanoseconds: 1_000_000_000)
  /// Everything that was ordered, in order.
  var done: [Action] = []

  // The world.
  /// Freezing succeeds.
  var freezable = true
  var foundFrozen: [String] = []
  var foundDown: [String] = []
  /// Links that are not there.
  var goneLinks: Set<String> = []
  /// Somebody holds the routing lock: orders to links get no result until `finishLinks`.
  var linksHang = false
  private var hanging: (round: Int, links: [String])?
  /// Addresses that are on the host's links.
  var onLinks: Set<GuardedAddress> = []
  /// Why an address can be neither put on its link nor taken from it.
  var addressFailures: [GuardedAddress: String] = [:]
  /// As `linksHang`, until `finishAddresses`.
  var addressesHang = false
  private var hangingAddresses: (round: Int, remove: [GuardedAddress], add: [GuardedAddress])?
  var progress: [String: KillProgress] = [:]
  var stopPartitionProgress = KillProgress.gone
  var alive: Bool? = false

  init() {}

  /// Started on an empty host, with a controller that said hello.
  static func connected() -> MachineRig {
    var rig = MachineRig()
    rig.start()
    rig.receive(.controllerConnected)
    rig.command(.hello(version: guardProtocolVersion))
    rig.done.removeAll()
    return rig
  }

  static func armed(_ workloads: [GuardedWorkload] = [], for time: Duration = .seconds(5)) -> MachineRig {
    var rig = connected()
    rig.command(.extend(deadline: rig.now + time))
    for workload in workloads { rig.command(.protect(workload)) }
    rig.done.removeAll()
    return rig
  }

  static func isolated(_ workloads: [GuardedWorkload] = [], freezable: Bool = true) -> MachineRig {
    var rig = armed(workloads)
    rig.freezable = freezable
    rig.advance(.seconds(5))
    rig.done.removeAll()
    return rig
  }

  mutating func start(
    _ record: GuardMachine.FoundAtStart.Record = .none, occupied: Bool? = false, frozen: Bool = false
  ) {
    receive(.started(GuardMachine.FoundAtStart(record: record, occupied: occupied, frozen: frozen)))
  }

  /// Takes an event, and the results of what it leads to.
  mutating func receive(_ event: GuardMachine.Event) {
    var events = [event][...]
    while let event = events.popFirst() {
      for action in machine.receive(event, now: now) {
        done.append(action)
        keep(action)
        if let result = result(action) { events.append(result) }
      }
    }
  }

  private mutating func keep(_ action: Action) {
    switch action {
    case .setTimer(let at): wake = at
    case .feedWatchdog(let feed): feeding = feed
    case .persist(let written): record = written
    default: break
    }
  }

  private mutating func result(_ action: Action) -> GuardMachine.Event? {
    switch action {
    case .isolateNow(let round, let cgroups), .retryIsolation(let round, let cgroups):
      .freezeResult(round: round, confirmed: freezable, foundFrozen: foundFrozen.filter(cgroups.contains))
    case .linksDown(let round, let links): linksDown(round, links)
    case .setAddresses(let round, let remove, let add, let notAfter):
      setAddresses(round, remove, notAfter.map { now >= $0 } ?? false ? [] : add)
    case .kill(let target):
      switch target {
      case .workload(let name, _), .unseen(let name, _, _): .killResult(target, progress[name] ?? .gone)
      case .stopPartition: .killResult(target, stopPartitionProgress)
      }
    case .takeCensus: .census(alive: alive)
    default: nil
    }
  }

  private mutating func linksDown(_ round: Int, _ links: [String]) -> GuardMachine.Event? {
    if linksHang {
      hanging = (round, links)
      return nil
    }
    return .linksResult(
      round: round, foundDown: foundDown.filter(links.contains), gone: links.filter(goneLinks.contains))
  }

  private mutating func setAddresses(
    _ round: Int, _ remove: [GuardedAddress], _ add: [GuardedAddress]
  ) -> GuardMachine.Event? {
    if addressesHang {
      hangingAddresses = (round, remove, add)
      return nil
    }
    let before = onLinks
    let (removed, raised) = change(remove, add)
    return .addressesResult(
      round: round, removed: removed, raised: raised, found: raised.filter { before.contains($0) && !removed.contains($0) },
      failed: addressFailures.filter { remove.contains($0.key) || add.contains($0.key) })
  }

  private mutating func change(
    _ remove: [GuardedAddress], _ add: [GuardedAddress]
  ) -> (removed: [GuardedAddress], raised: [GuardedAddress]) {
    let removed = remove.filter { addressFailures[$0] == nil }, raised = add.filter { addressFailures[$0] == nil }
    onLinks.subtract(removed)
    onLinks.formUnion(raised)
    return (removed, raised)
  }

  /// The routing lock is free again, for addresses.
  mutating func finishAddresses() {
    addressesHang = false
    guard let order = hangingAddresses, let result = setAddresses(order.round, order.remove, order.add) else { return }
    hangingAddresses = nil
    receive(result)
  }

  /// The routing lock is free again.
  mutating func finishLinks() {
    linksHang = false
    guard let order = hanging, let result = linksDown(order.round, order.links) else { return }
    hanging = nil
    receive(result)
  }

  /// Sends a command and returns what was reported on it (and unasked meanwhile).
  @discardableResult mutating func command(_ command: GuardCommand) -> [GuardReport] {
    let before = done.count
    receive(.command(command))
    return reports(done[before...])
  }

  /// Lets time pass, waking the machine whenever it asked for it.
  mutating func advance(_ time: Duration) {
    let end = now + time
    while let wake = wake, wake <= end {
      now = max(now, wake)
      let before = self.wake
      receive(.timer)
      // A wake that asks for itself again would never end.
      if self.wake == before { break }
    }
    now = end
    receive(.timer)
  }

  /// When the machine wants to be woken.
  var wake: BootInstant?

  func reports(_ actions: some Sequence<Action>) -> [GuardReport] {
    actions.compactMap { if case .report(let report) = $0 { report } else { nil } }
  }
  var reports: [GuardReport] { reports(done) }
  var phase: GuardState.Phase { machine.state.phase }
  var isIsolated: Bool { if case .isolated = phase { true } else { false } }
  /// The last word on the watchdog.
  var feeding = true
  /// The record that was written last.
  var record: GuardRecord?

  /// A guard that was killed is followed by another one, which finds what this one wrote and froze. Nobody has connected yet.
  func restarted(frozen: Bool) -> MachineRig {
    var next = self
    next.machine = GuardMachine(boot: "boot")
    // What was ordered of addresses was done, and nobody was told.
    if let order = hangingAddresses { _ = next.change(order.remove, order.add) }
    next.hangingAddresses = nil
    next.done.removeAll()
    next.wake = nil
    next.feeding = true
    next.start(record.map { .found($0) } ?? .none, occupied: true, frozen: frozen)
    return next
  }

  /// A controller connects and says hello.
  mutating func connect() {
    receive(.controllerConnected)
    command(.hello(version: guardProtocolVersion))
  }

  /// Names of what was killed by itself, in order.
  var kills: [String] {
    done.compactMap { if case .kill(.workload(let name, _)) = $0 { name } else { nil } }
  }
  /// How often the stop partition was swept.
  var sweeps: Int { done.count { if case .kill(.stopPartition) = $0 { true } else { false } } }
  /// How often each end of a workload was told.
  var told: [String: Int] {
    reports.reduce(into: [:]) { if case .killed(let name, true) = $1 { $0[name, default: 0] += 1 } }
  }
}

func workload(
  _ name: String, _ isolation: Isolation = .freeze, cgroup: String? = "", links: [String] = [], addresses: [String] = []
) -> GuardedWorkload {
  GuardedWorkload(
    name: name, isolation: isolation, cgroup: cgroup.map { $0.isEmpty ? "/c/\(name)" : $0 }, links: links,
    addresses: addresses.map(address))
}

/// Of a literal.
func address(_ text: String) -> GuardedAddress {
  guard let address = try? GuardedAddress(text) else { preconditionFailure("\(text) is no address") }
  return address
}
