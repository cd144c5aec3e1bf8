import GuardCore
import HoldfastTime
import Testing

/// The links are not the guard's alone: others take addresses from them, or have put the same ones there before.
@Suite struct `The guard's machine and addresses that others touch` {
  static let far = Duration.seconds(600)
  static let text = "10.0.0.5/24@br0", other = "2001:db8::5/64@br1"
  static let both = [text, other]
  static let web = workload("web", addresses: both)

  private func orders(_ rig: MachineRig) -> [(add: [GuardedAddress], notAfter: BootInstant?)] {
    rig.done.compactMap { if case .setAddresses(_, _, let add, let notAfter) = $0 { (add, notAfter) } else { nil } }
  }
  private func lines(_ rig: MachineRig, _ severity: GuardMachine.Severity, _ part: String) -> Int {
    rig.done.count { if case .log(severity, let text) = $0 { text.contains(part) } else { false } }
  }
  private func raise(_ rig: MachineRig, _ text: String) -> Int? {
    rig.machine.state.held.first { $0.address == address(text) }?.raise
  }

  @Test func `what somebody takes away is there again within ten seconds, and that is told`() throws {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    let first = try #require(raise(rig, Self.text)), stays = raise(rig, Self.other)
    rig.onLinks.remove(address(Self.text))
    rig.advance(.seconds(10))
    #expect(rig.onLinks == Set(Self.both.map(address)))
    #expect(try #require(raise(rig, Self.text)) > first && raise(rig, Self.other) == stays)
    #expect(rig.reports == [.addresses(held: rig.machine.state.held, acknowledged: 0)])
    #expect(lines(rig, .warning, "raised again, as they were not on their links any more: 10.0.0.5/24@br0") == 1)
    // What is there costs a look, and not a word.
    rig.done.removeAll()
    rig.advance(.seconds(60))
    #expect(orders(rig).count == 6 && rig.reports.isEmpty && lines(rig, .notice, "") + lines(rig, .warning, "") == 0)
  }

  @Test func `nothing is looked at while everything is frozen`() {
    var rig = MachineRig.isolated([Self.web])
    rig.advance(.seconds(60))
    #expect(orders(rig).isEmpty && rig.onLinks.isEmpty)
  }

  @Test func `nothing is added after the deadline that was in force when it was ordered`() {
    var rig = MachineRig.armed([Self.web])
    let deadline = rig.now + .seconds(5)
    rig.command(.protect(Self.web))
    #expect(orders(rig).map(\.notAfter) == [deadline])
    rig.done.removeAll()
    rig.command(.isolate)
    #expect(orders(rig).map(\.notAfter) == [nil])
  }

  @Test func `what the node has itself is not raised, not held, and not taken away`() {
    var rig = MachineRig.armed(for: Self.far)
    rig.onLinks = [address(Self.text)]
    rig.command(.protect(Self.web))
    #expect(rig.machine.state.addresses == [address(Self.other)] && rig.record?.addresses == ["web": [address(Self.other)]])
    #expect(lines(rig, .error, "cannot raise 10.0.0.5/24@br0: this node has that address itself") == 1)
    var gone = rig
    gone.command(.forget(workload: "web"))
    #expect(gone.onLinks == [address(Self.text)] && gone.machine.state.addresses.isEmpty)
    gone = rig
    gone.command(.isolate)
    #expect(gone.onLinks == [address(Self.text)] && gone.feeding)
    #expect(gone.restarted(frozen: true).onLinks == [address(Self.text)])
    // Taken from the node, it is raised.
    rig.onLinks.remove(address(Self.text))
    rig.advance(.seconds(1))
    #expect(rig.machine.state.raised == Self.both.map(address))
    rig.command(.forget(workload: "web"))
    #expect(rig.onLinks.isEmpty)
  }

  @Test func `what a guard before this one wrote down is its own, whoever put it there`() {
    var rig = MachineRig.armed([Self.web], for: Self.far).restarted(frozen: false)
    #expect(rig.machine.state.raised == Self.both.map(address))
    rig.connect()
    rig.command(.forget(workload: "web"))
    #expect(rig.onLinks.isEmpty)
  }

  @Test func `named again while they are ordered they are ordered once more`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.addressesHang = true
    rig.command(.protect(Self.web))
    rig.command(.protect(Self.web))
    #expect(orders(rig).count == 1)
    rig.finishAddresses()
    #expect(orders(rig).count == 2 && rig.machine.state.raised == Self.both.map(address))
  }

  @Test func `one that was never ordered is forgotten, and not removed`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.addressesHang = true
    rig.command(.protect(Self.web))
    let own = "10.0.0.9/24@br0"
    rig.onLinks.insert(address(own))
    rig.command(.protect(workload("b", addresses: [own])))
    rig.command(.forget(workload: "b"))
    rig.finishAddresses()
    #expect(rig.onLinks.contains(address(own)) && rig.record?.addresses["b"] == nil)
  }
}
