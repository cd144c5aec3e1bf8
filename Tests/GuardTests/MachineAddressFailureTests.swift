import GuardCore
import HoldfastTime
import Testing

/// Links are missing, the kernel lets nobody change one, and the guard errs: an address that may be there is never taken for one that is not.
@Suite struct `The guard's machine when addresses fail` {
  static let far = Duration.seconds(600)
  static let text = "10.0.0.5/24@br0", other = "2001:db8::5/64@br1"
  static let both = [text, other]
  static let web = workload("web", links: ["vnet0"], addresses: both)

  private func orders(_ rig: MachineRig) -> [(remove: [GuardedAddress], add: [GuardedAddress])] {
    rig.done.compactMap { if case .setAddresses(_, let remove, let add, _) = $0 { (remove, add) } else { nil } }
  }
  private func round(_ rig: MachineRig) -> Int? {
    rig.done.compactMap { if case .setAddresses(let round, _, _, _) = $0 { round } else { nil } }.last
  }
  private func lines(_ rig: MachineRig, _ severity: GuardMachine.Severity, _ part: String) -> [String] {
    rig.done.compactMap { action in
      if case .log(severity, let text) = action, text.contains(part) { text } else { nil }
    }
  }

  /// The instants of the orders in which the first is, after the first order.
  private func attempts(_ rig: inout MachineRig, for time: Duration, step: Duration) -> [Duration] {
    let begun = rig.now
    var found: [Duration] = []
    while rig.now < begun + time {
      rig.done.removeAll()
      rig.advance(step)
      if orders(rig).contains(where: { ($0.remove + $0.add).contains(address(Self.text)) }) { found.append(rig.now - begun) }
    }
    return found
  }

  @Test func `what cannot be raised is tried again after one second, twice that, and so on up to ten, and the rest at once`() {
    var rig = MachineRig.armed(for: Self.far)
    rig.addressFailures = [address(Self.text): "there is no link br0"]
    rig.command(.protect(Self.web))
    #expect(rig.onLinks == [address(Self.other)])
    #expect(rig.machine.state.addresses == Self.both.map(address) && rig.machine.state.raised == [address(Self.other)])
    #expect(lines(rig, .error, "cannot raise 10.0.0.5/24@br0: there is no link br0").count == 1)
    var again = rig
    #expect(attempts(&again, for: .seconds(50), step: .seconds(1)) == [1, 3, 7, 15, 25, 35, 45].map { .seconds($0) })
    #expect(lines(again, .error, "cannot raise").isEmpty)
    rig.advance(.milliseconds(500))
    rig.done.removeAll()
    // It waits for nobody, and nobody for it.
    rig.command(.protect(workload("b", addresses: ["10.0.0.7/32@br0"])))
    #expect(orders(rig).map(\.add) == [[address("10.0.0.7/32@br0")]])
    // And it goes without having been there.
    rig.addressFailures = [:]
    #expect(rig.command(.forget(workload: "web")).first?.phase != nil)
    #expect(rig.onLinks == [address("10.0.0.7/32@br0")])
  }

  @Test func `what cannot be removed is tried again after 10 ms, and up to every 100 ms`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.addressFailures = [address(Self.text): "no"]
    rig.command(.forget(workload: "web"))
    let expected = [10, 30, 70, 150, 250, 350, 450].map { Duration.milliseconds($0) }
    #expect(attempts(&rig, for: .milliseconds(500), step: .milliseconds(1)) == expected)
    rig.done.removeAll()
    rig.advance(.seconds(60))
    #expect(rig.feeding)
    #expect(lines(rig, .error, "10.0.0.5/24@br0): no.").count == 1)
  }

  @Test func `while one is not seen to be gone an isolated guard feeds no watchdog, and says so when that takes long`() {
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    rig.advance(.seconds(5))
    #expect(!rig.feeding && rig.reports.contains { $0.phase == .isolated(since: rig.now, confirmed: true) })
    rig.advance(.milliseconds(999))
    #expect(lines(rig, .error, "").isEmpty)
    rig.advance(.milliseconds(1))
    #expect(lines(rig, .error, "not removed yet (10.0.0.5/24@br0, 2001:db8::5/64@br1): the kernel lets nobody").count == 1)
    #expect(lines(rig, .error, "no longer feeding the watchdog").count == 1)
    rig.advance(.seconds(60))
    #expect(!rig.feeding && lines(rig, .error, "").count == 2)
    rig.finishAddresses()
    #expect(rig.feeding && rig.onLinks.isEmpty && lines(rig, .notice, "feeding the watchdog again").count == 1)
  }

  @Test func `gone in a moment, nothing is said of the watchdog`() {
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    rig.advance(.seconds(5))
    rig.advance(.milliseconds(10))
    rig.finishAddresses()
    #expect(rig.feeding && lines(rig, .error, "").isEmpty && lines(rig, .notice, "watchdog").isEmpty)
  }

  @Test func `said before the isolation, it is said of the watchdog in it`() {
    var rig = MachineRig.armed([Self.web])
    rig.addressFailures = [address(Self.text): "no"]
    rig.command(.forget(workload: "web"))
    rig.advance(.seconds(2))
    #expect(rig.feeding && lines(rig, .error, "watchdog").isEmpty)
    rig.command(.isolate)
    #expect(!rig.feeding && lines(rig, .error, "watchdog").count == 1)
    #expect(rig.command(.resume(deadline: rig.now + Self.far)).first?.phase != nil)
    #expect(rig.feeding)
  }

  @Test func `each look at an isolation tries to remove what is left`() {
    var rig = MachineRig.armed([Self.web])
    rig.freezable = false
    rig.addressFailures = [address(Self.text): "no"]
    rig.advance(.seconds(5))
    rig.done.removeAll()
    rig.advance(.milliseconds(20))
    #expect(orders(rig).count == 10 && orders(rig).allSatisfy { $0.remove == [address(Self.text)] && $0.add.isEmpty })
    rig.addressFailures = [:]
    rig.advance(.milliseconds(2))
    rig.done.removeAll()
    rig.advance(.seconds(1))
    #expect(orders(rig).isEmpty)
  }

  @Test func `an order that was under way when the node was isolated is undone when its result comes`() {
    for result in ["raised", "failed"] {
      var rig = MachineRig.armed(for: .seconds(5))
      rig.addressesHang = true
      rig.command(.protect(Self.web))
      rig.advance(.seconds(5))
      #expect(orders(rig).count == 1 && !rig.feeding)
      if result == "failed" { rig.addressFailures = [address(Self.text): "no", address(Self.other): "no"] }
      rig.done.removeAll()
      rig.finishAddresses()
      #expect(orders(rig).first?.remove == Self.both.map(address))
      rig.addressFailures = [:]
      rig.advance(.milliseconds(100))
      #expect(rig.onLinks.isEmpty && rig.feeding && rig.record?.addresses == [:], "\(result)")
    }
  }

  @Test func `resumed while they are removed, they are raised when that has a result`() {
    for fails in [false, true] {
      var rig = MachineRig.armed([Self.web])
      rig.addressesHang = true
      rig.advance(.seconds(5))
      rig.command(.resume(deadline: rig.now + Self.far))
      #expect(orders(rig).count == 1)
      if fails { rig.addressFailures = [address(Self.text): "no"] }
      rig.finishAddresses()
      rig.addressFailures = [:]
      rig.advance(.seconds(1))
      #expect(rig.onLinks == Set(Self.both.map(address)) && rig.machine.state.raised == Self.both.map(address))
    }
  }

  @Test func `an address of another form comes when the one before it is gone`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.addressFailures = [address(Self.text): "no"]
    rig.done.removeAll()
    rig.command(.protect(workload("web", addresses: ["10.0.0.5/32@br1"])))
    rig.advance(.milliseconds(100))
    #expect(orders(rig).allSatisfy { $0.add.isEmpty } && rig.onLinks == [address(Self.text)])
    rig.addressFailures = [:]
    rig.advance(.milliseconds(100))
    #expect(rig.onLinks == [address("10.0.0.5/32@br1")])
  }

  @Test func `what the kernel may drop with the first of a network is raised again`() {
    let neighbours = ["10.0.0.6/24@br0", "10.0.0.6/24@br1", "10.0.0.7/32@br0", "10.0.1.6/24@br0"]
    var rig = MachineRig.armed(
      [Self.web] + neighbours.enumerated().map { workload("n\($0)", addresses: $1 == neighbours[1] ? [] : [$1]) }, for: Self.far
    )
    rig.command(.forget(workload: "web"))
    #expect(orders(rig).map(\.remove) == [Self.both.map(address)])
    #expect(orders(rig).map(\.add) == [[address("10.0.0.6/24@br0")]])
    #expect(rig.machine.state.raised.count == 3)
  }

  @Test func `named again it is raised again, for somebody may have removed it`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.onLinks = []
    rig.command(.protect(Self.web))
    #expect(rig.onLinks == Set(Self.both.map(address)) && orders(rig).count == 1)
    rig.addressFailures = [address(Self.text): "no"]
    rig.command(.protect(Self.web))
    #expect(rig.machine.state.raised == [address(Self.other)])
  }

  @Test func `a result of no order that is under way says nothing`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    let before = rig.machine.state
    for round in [0, 1, 2] {
      rig.receive(.addressesResult(round: round, removed: Self.both.map(address), raised: []))
      #expect(rig.machine.state == before)
    }
    // And one says of its own alone.
    rig.addressesHang = true
    rig.command(.forget(workload: "web"))
    rig.receive(.addressesResult(round: round(rig) ?? 0, removed: [], raised: Self.both.map(address)))
    #expect(rig.machine.state.addresses == Self.both.map(address) && rig.machine.state.raised.isEmpty)
  }

  @Test func `a guard that finds itself wrong raises nothing, and removes what it has raised`() {
    var rig = MachineRig.armed(for: Self.far)
    rig.machine.failCheck("two and two")
    rig.command(.protect(Self.web))
    #expect(rig.isIsolated && rig.onLinks.isEmpty && orders(rig).allSatisfy { $0.add.isEmpty })
    var other = MachineRig.armed([Self.web], for: Self.far)
    other.machine.failCheck("two and two")
    other.receive(.timer)
    #expect(other.isIsolated && other.onLinks.isEmpty && other.record?.addresses == [:])
  }

  // MARK: Everything at once

  static let owned = ["a": ["10.0.0.5/24@br0", "2001:db8::5/64@br0"], "b": ["10.0.0.6/24@br0"]]
  static let shared = "10.0.0.9/24@br0"

  private static func command(_ random: inout SplitMix, _ now: BootInstant) -> GuardCommand {
    let name = random.pick(["a", "b"])
    let deadline = now + random.pick([.zero, .milliseconds(5), .milliseconds(500), .seconds(3)])
    let addresses = ((owned[name] ?? []) + [shared]).filter { _ in random.chance(2, in: 3) }
    let protect = GuardCommand.protect(workload(name, random.pick([.freeze, .freeze, .stop]), addresses: addresses))
    return random.pick([
      .extend(deadline: deadline), .shorten(deadline: deadline), .resume(deadline: deadline), .isolate, .disarm, .status,
      protect,
      protect, .protect(workload(name, cgroup: nil, addresses: addresses)), .forget(workload: name), .kill(workload: name),
      .release(workload: name, cgroup: "/c/\(name)")
    ])
  }

  /// Random commands, times and failures, and guards that die.
  @Test(arguments: 0..<100) func `what must hold holds whatever happens`(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    var rig = MachineRig.connected()
    let all = (Self.owned.values.flatMap { $0 } + [Self.shared]).map(address).sorted()
    for _ in 0..<300 {
      rig.freezable = random.chance(4, in: 5)
      rig.alive = random.chance(1, in: 3)
      for name in ["a", "b"] { rig.progress[name] = random.pick([.gone, .gone, .dying, .failed(reason: "x")]) }
      rig.addressFailures = Dictionary(uniqueKeysWithValues: all.filter { _ in random.chance(1, in: 6) }.map { ($0, "no") })
      switch random.next() % 12 {
      case 0: rig.addressesHang = true
      case 1, 2: rig.finishAddresses()
      case 3, 4, 5:
        rig.advance(random.pick([.microseconds(700), .milliseconds(15), .milliseconds(150), .seconds(1), .milliseconds(2500)]))
      case 6 where random.chance(1, in: 3):
        rig = rig.restarted(frozen: rig.isIsolated)
        rig.connect()
      default: rig.receive(.command(Self.command(&random, rig.now)))
      }
      check(rig, seed)
    }
    settles(&rig, seed)
  }

  private func check(_ rig: MachineRig, _ seed: Int) {
    #expect(rig.machine.breach == nil, "seed \(seed)")
    let state = rig.machine.state, held = Set(state.addresses)
    #expect(rig.onLinks.isSubset(of: held), "seed \(seed): \(rig.onLinks) of which are held \(held)")
    #expect(rig.onLinks.isSuperset(of: state.raised), "seed \(seed): \(state.raised) and there are \(rig.onLinks)")
    #expect(rig.record == rig.machine.record, "seed \(seed)")
    if case .armed = rig.phase { return }
    #expect(state.raised.isEmpty || rig.addressesHang, "seed \(seed)")
  }

  /// When nothing fails any more everything is as it is to be.
  private func settles(_ rig: inout MachineRig, _ seed: Int) {
    (rig.freezable, rig.alive, rig.progress, rig.addressFailures) = (true, false, [:], [:])
    rig.finishAddresses()
    rig.command(.isolate)
    rig.advance(.milliseconds(200))
    #expect(rig.onLinks.isEmpty && rig.machine.state.addresses.isEmpty && rig.feeding, "seed \(seed)")
    rig.command(.resume(deadline: rig.now + Self.far))
    for (name, addresses) in Self.owned { rig.command(.protect(workload(name, addresses: addresses))) }
    rig.advance(.seconds(11))
    let wanted = Self.owned.values.flatMap { $0 }.map(address).sorted()
    #expect(rig.machine.state.raised == wanted && rig.onLinks == Set(wanted), "seed \(seed)")
    rig.done.removeAll()
    #expect(rig.command(.disarm) == rig.reports && rig.phase == .disarmed && rig.onLinks.isEmpty, "seed \(seed)")
    #expect(rig.machine.breach == nil && rig.record?.addresses == [:], "seed \(seed)")
  }
}
