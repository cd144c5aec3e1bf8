import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A workload's addresses on the node that runs it. The guard is the guard's own machine.
@Suite struct `A workload's addresses` {
  private static let text = "10.0.0.80/24", other = "10.0.0.81/24", mac = "52:54:00:00:00:01"

  private func address(_ text: String = text) throws -> WorkloadAddress { try WorkloadAddress(text, on: "br0") }

  private func apply(_ texts: [String], _ rig: inout Rig) throws {
    var spec = Rig.spec()
    spec.addresses = texts.isEmpty ? nil : try texts.map { try address($0) }
    rig.write([.put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))])
  }

  /// w1 runs on n1, which plans.
  private func running(_ texts: [String] = [text], _ prepare: (inout Rig) -> Void = { _ in }) throws -> Rig {
    var rig = Rig.guarded()
    prepare(&rig)
    try apply(texts, &rig)
    rig.pass(.milliseconds(300))
    #expect(rig.processes["w1"] != nil && rig.claim("w1")?.activity == .running)
    return rig
  }

  private func raised(_ rig: Rig) -> [String] { rig.machine?.state.raised.map(\.description) ?? [] }
  private func held(_ rig: Rig) -> [String] { rig.machine?.state.addresses.map(\.description) ?? [] }
  private func asked(_ rig: Rig) -> [[WorkloadAddress]] {
    rig.actions.compactMap { if case .askForOwner(_, let addresses) = $0 { addresses } else { nil } }
  }
  private func announced(_ rig: Rig) -> [[WorkloadAddress]] {
    rig.actions.compactMap { if case .announce(_, let addresses) = $0 { addresses } else { nil } }
  }
  private func granted(_ rig: Rig) -> [[String]] {
    rig.commands().compactMap { if case .protect(let workload) = $0 { workload.addresses.map(\.description) } else { nil } }
  }

  // MARK: up

  @Test func `are asked for with the claim, raised when it runs, and told to the neighbours once`() throws {
    let rig = try running()
    #expect(try asked(rig) == [[address()]] && announced(rig) == [[address()]])
    #expect(raised(rig) == ["10.0.0.80/24@br0"])
    let ask = try #require(rig.actions.firstIndex { if case .askForOwner = $0 { true } else { false } })
    let start = try #require(rig.actions.firstIndex { if case .start = $0 { true } else { false } })
    #expect(ask < start, "the question runs beside the start")
    #expect(rig.report()?.addresses == nil)
  }

  @Test func `are not granted before it is seen to run`() throws {
    var rig = Rig.guarded()
    rig.domainsObey = false
    try apply([Self.text], &rig)
    rig.pass(.seconds(1))
    #expect(rig.starts().count == 1 && granted(rig).allSatisfy(\.isEmpty) && held(rig).isEmpty)
  }

  @Test func `are not granted before anybody has answered`() throws {
    var rig = try running { $0.neighboursAnswer = false }
    #expect(held(rig).isEmpty)
    rig.send(.addressOwners("w1", [try address(): .nobody]))
    #expect(raised(rig) == ["10.0.0.80/24@br0"])
  }

  @Test func `are left to whoever has them, and raised as soon as nobody answers`() throws {
    let own = try address(), free = try address(Self.other)
    var rig = try running([Self.text, Self.other]) { $0.owners[own.address] = .somebody(Self.mac) }
    rig.pass(.seconds(2))
    #expect(raised(rig) == ["10.0.0.81/24@br0"])
    #expect(rig.report()?.addresses?["w1"]?.map(\.takenBy) == [Self.mac])
    #expect(rig.notes().count { $0 == .addressTaken } == 1)
    rig.pass(.seconds(20), step: .milliseconds(50))
    // After 5 s, and 10 s after that.
    #expect(asked(rig) == [[own, free], [own], [own]] && rig.notes().count { $0 == .addressTaken } == 1)
    rig.owners = [:]
    rig.pass(.seconds(20), step: .milliseconds(50))
    #expect(raised(rig) == ["10.0.0.80/24@br0", "10.0.0.81/24@br0"] && rig.report()?.addresses == nil)
    #expect(rig.notes().contains(.addressUp))
  }

  @Test func `are raised all the same when nobody can tell three times`() throws {
    let own = try address()
    var rig = try running { $0.owners[own.address] = .cannotTell(reason: "link br0 has no carrier") }
    #expect(held(rig).isEmpty)
    rig.pass(.seconds(3))
    #expect(asked(rig).count == 3 && raised(rig) == ["10.0.0.80/24@br0"] && rig.notes().contains(.addressDown))
  }

  @Test func `that the guard does not raise are told of, and asked of it again`() throws {
    var rig = try running { $0.addressesFail = true }
    rig.pass(.seconds(4))
    #expect(rig.report()?.addresses?["w1"]?.count == 1 && rig.notes().contains(.addressDown))
    rig.addressesFail = false
    rig.pass(.seconds(8))
    #expect(raised(rig) == ["10.0.0.80/24@br0"] && announced(rig).count == 1)
    rig.pass(.seconds(2))
    #expect(rig.report()?.addresses == nil)
  }

  @Test func `are raised again after a freeze without another question, and told again`() throws {
    var rig = try running()
    rig.storeIsAway = true
    rig.pass(.seconds(2))
    #expect(held(rig).isEmpty && !rig.executes("w1"))
    rig.storeIsAway = false
    rig.pass(.seconds(2))
    #expect(rig.executes("w1") && raised(rig) == ["10.0.0.80/24@br0"])
    #expect(asked(rig).count == 1 && announced(rig).count == 2)
  }

  @Test func `are told to the neighbours again when somebody had taken them from their link`() throws {
    var rig = try running()
    rig.onLinks = []
    rig.pass(.seconds(11), step: .milliseconds(50))
    #expect(raised(rig) == ["10.0.0.80/24@br0"] && rig.onLinks.count == 1)
    #expect(announced(rig).count == 2 && asked(rig).count == 1)
    rig.pass(.seconds(11), step: .milliseconds(50))
    #expect(announced(rig).count == 2)
  }

  @Test func `that the node has itself are told of, and stay there`() throws {
    let own = try #require(address().guarded)
    var rig = try running { $0.onLinks = [own] }
    rig.pass(.seconds(4))
    #expect(held(rig).isEmpty && rig.report()?.addresses?["w1"]?.count == 1)
    rig.want("w1", .stopped)
    rig.pass(.seconds(1))
    #expect(rig.onLinks == [own] && rig.claim("w1")?.holder == nil)
  }

  @Test func `change with the definition while it runs`() throws {
    var rig = try running()
    rig.actions = []
    try apply([Self.other], &rig)
    rig.pass(.milliseconds(300))
    #expect(raised(rig) == ["10.0.0.81/24@br0"] && rig.stops().isEmpty)
    #expect(try asked(rig) == [[address(Self.other)]])
    try apply([], &rig)
    rig.pass(.milliseconds(300))
    #expect(held(rig).isEmpty && rig.stops().isEmpty)
  }

  @Test func `are not granted in a turn that finds the controller wrong`() throws {
    var rig = try running { $0.neighboursAnswer = false }
    rig.controller.failCheck("two and two")
    rig.send(.addressOwners("w1", [try address(): .nobody]))
    #expect(rig.controller.breach != nil && !rig.executes("w1"))
    #expect(granted(rig).allSatisfy(\.isEmpty) && held(rig).isEmpty)
  }

  // MARK: down

  @Test func `go before it is stopped`() throws {
    var rig = try running()
    rig.actions = []
    rig.want("w1", .stopped)
    let taken = try #require(
      rig.actions.firstIndex { if case .tellGuard(.protect(let workload)) = $0 { workload.addresses.isEmpty } else { false } })
    let stop = try #require(rig.actions.firstIndex { if case .stop = $0 { true } else { false } })
    #expect(taken < stop)
    rig.pass(.milliseconds(200))
    #expect(held(rig).isEmpty && rig.claim("w1")?.holder == nil)
  }

  @Test func `keep the claim here while the guard holds them`() throws {
    var rig = try running()
    rig.addressesStay = true
    rig.want("w1", .stopped)
    rig.pass(.seconds(5))
    #expect(rig.processes.isEmpty && held(rig) == ["10.0.0.80/24@br0"] && rig.claim("w1")?.holder?.node == "n1")
    rig.addressesStay = false
    rig.pass(.seconds(6))
    #expect(held(rig).isEmpty && rig.claim("w1")?.holder == nil)
  }

  @Test func `keep the claim here while there is no guard`() throws {
    var rig = try running()
    rig.tellMachine(.controllerLost)
    rig.send(.fromGuard(.lost(reason: "killed")))
    rig.want("w1", .stopped)
    rig.gone("w1")
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.holder?.node == "n1")
    rig.connectMachine()
    rig.pass(.seconds(1))
    #expect(held(rig).isEmpty && rig.claim("w1")?.holder == nil)
  }

  @Test func `keep its records while the guard holds them and it leaves protection`() throws {
    var rig = try running()
    rig.addressesStay = true
    rig.want("w1", .unprotected)
    rig.pass(.seconds(3))
    #expect(rig.controller.view.specs["w1"] != nil && held(rig) == ["10.0.0.80/24@br0"])
    rig.addressesStay = false
    rig.pass(.seconds(6))
    #expect(rig.controller.view.specs["w1"] == nil && held(rig).isEmpty && rig.processes["w1"] != nil)
  }

  @Test func `are removed by the controller that freezes without its guard`() throws {
    var rig = try running()
    rig.actions = []
    rig.send(.fromGuard(.lost(reason: "killed")))
    #expect(
      rig.actions.contains {
        guard case .isolateDirectly(let workloads) = $0 else { return false }
        return workloads.flatMap(\.addresses).map(\.description) == ["10.0.0.80/24@br0"]
      })
  }

  @Test func `are removed by a controller that begins without a guard, as soon as the store tells of them`() throws {
    let first = try running()
    var rig = try restarted(first)
    rig.machine = nil
    func removed() -> [[String]] {
      rig.actions.compactMap { action in
        guard case .isolateDirectly(let workloads) = action else { return nil }
        return workloads.flatMap(\.addresses).map(\.description)
      }
    }
    rig.inventory(Array(first.processes.values))
    rig.pass(.seconds(2))
    #expect(removed() == [[]])
    rig.list()
    #expect(removed() == [[], ["10.0.0.80/24@br0"]])
    rig.pass(.milliseconds(500))
    #expect(removed().count == 2)
  }

  // MARK: live migrations

  private static let uri = "qemu+tls://n2/system"

  private func joinTarget(_ rig: inout Rig) {
    var node = Rig.node
    node.migration = [Rig.connection: Self.uri]
    rig.join("n2", incarnation: "i2")
    rig.write([.put(.node("n2"), .node(node))])
  }

  @Test func `stay on the source until the domain is gone there, and hold up the claim until they are`() throws {
    var rig = try running()
    joinTarget(&rig)
    rig.want("w1", .running, move: .init(to: "n2", serial: 1))
    rig.pass(.milliseconds(200))
    var claim = try #require(rig.claim("w1"))
    #expect(claim.migration?.step == .offered)
    claim.migration?.step = .ready
    rig.write([.put(.claim("w1"), .claim(claim))])
    rig.pass(.milliseconds(100))
    var domain = try #require(rig.processes["w1"])
    domain.state = .paused
    rig.sees(domain)
    #expect(raised(rig) == ["10.0.0.80/24@br0"])
    rig.addressesStay = true
    rig.send(.operation("w1", .migrate, .done))
    rig.gone("w1")
    rig.pass(.milliseconds(500))
    #expect(held(rig) == ["10.0.0.80/24@br0"] && rig.claim("w1")?.holder?.node == "n1")
    rig.addressesStay = false
    rig.pass(.seconds(3))
    #expect(held(rig).isEmpty && rig.claim("w1")?.holder?.node == "n2")
  }

  @Test func `come to the target when the claim is its own and it runs there`() throws {
    var rig = Rig.guarded()
    joinTarget(&rig)
    rig.pass(.milliseconds(200))
    let own = ClaimRecord.Holder(node: "n1", incarnation: try #require(rig.controller.session.incarnation))
    var claim = ClaimRecord(epoch: Epoch(1), holder: .init(node: "n2", incarnation: "i2"), activity: .running)
    claim.migration = .init(.offered, target: own)
    var spec = Rig.spec()
    spec.addresses = [try address()]
    rig.write([
      .put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running))),
      .put(.placement("w1"), .placement(PlacementRecord(node: "n1", reason: "test"))), .put(.claim("w1"), .claim(claim))
    ])
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.migration?.step == .ready)
    var domain = Rig.domain("w1")
    domain.state = .paused
    rig.sees(domain)
    #expect(asked(rig).isEmpty && held(rig).isEmpty)
    claim = ClaimRecord(epoch: Epoch(2), holder: own, activity: .starting)
    claim.migration = .init(.arrived, target: own, mark: Epoch(1))
    rig.write([.put(.claim("w1"), .claim(claim))])
    #expect(try asked(rig) == [[address()]] && held(rig).isEmpty)
    domain.state = .running
    rig.sees(domain)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.milliseconds(300))
    #expect(rig.claim("w1")?.activity == .running && raised(rig) == ["10.0.0.80/24@br0"])
  }

  // MARK: lives

  /// The next life of its controller, to which nobody has spoken yet.
  private func restarted(_ first: Rig) throws -> Rig {
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    (rig.store, rig.now, rig.domainsObey, rig.machine, rig.onLinks) = (
      first.store, first.now, true, first.machine, first.onLinks
    )
    return rig
  }

  @Test func `stay up over a restart of the controller`() throws {
    let first = try running()
    var rig = try restarted(first)
    rig.connectMachine()
    rig.inventory(Array(first.processes.values))
    rig.list()
    rig.pass(.seconds(1))
    #expect(raised(rig) == ["10.0.0.80/24@br0"] && asked(rig).isEmpty)
    #expect(granted(rig).allSatisfy { $0 == ["10.0.0.80/24@br0"] }, "nothing is taken away in between")
    rig.want("w1", .stopped)
    rig.pass(.milliseconds(300))
    #expect(held(rig).isEmpty && rig.claim("w1")?.holder == nil)
  }

  @Test func `stay up over a restart of the controller where libvirt speaks last`() throws {
    let first = try running()
    var rig = try restarted(first)
    rig.processes = first.processes
    rig.connectMachine()
    rig.list()
    rig.pass(.milliseconds(60))
    rig.inventory(Array(first.processes.values))
    rig.pass(.seconds(1))
    #expect(raised(rig) == ["10.0.0.80/24@br0"] && asked(rig).isEmpty)
    #expect(!granted(rig).isEmpty && granted(rig).allSatisfy { $0 == ["10.0.0.80/24@br0"] }, "nothing is taken away in between")
  }

  @Test func `of an earlier life that no definition has any more hold up what leaves`() throws {
    let first = try running()
    var rig = try restarted(first)
    rig.addressesStay = true
    try apply([], &rig)
    rig.want("w1", .stopped)
    rig.connectMachine()
    rig.inventory(Array(first.processes.values))
    rig.list()
    rig.pass(.seconds(3))
    #expect(rig.processes.isEmpty && rig.claim("w1")?.holder?.node == "n1")
    rig.addressesStay = false
    rig.pass(.seconds(6))
    #expect(held(rig).isEmpty && rig.claim("w1")?.holder == nil)
  }

  @Test func `of an earlier life hold up no other workload`() throws {
    var first = try running()
    first.apply("w2", uuid: "u2")
    first.pass(.milliseconds(300))
    #expect(first.processes["w2"] != nil)
    var rig = try restarted(first)
    rig.addressesStay = true
    try apply([], &rig)
    rig.want("w2", .stopped)
    rig.connectMachine()
    rig.inventory(Array(first.processes.values))
    rig.list()
    rig.pass(.seconds(2))
    #expect(held(rig) == ["10.0.0.80/24@br0"])
    #expect(rig.processes["w2"] == nil && rig.claim("w2")?.holder == nil && rig.claim("w1")?.holder?.node == "n1")
  }

  // MARK: who has none

  @Test func `ask nothing of the guard or the neighbours where there are none`() throws {
    var rig = try running([])
    rig.want("w1", .stopped)
    rig.pass(.milliseconds(300))
    #expect(asked(rig).isEmpty && announced(rig).isEmpty && rig.claim("w1")?.holder == nil)
    #expect(!rig.commands().contains { if case .acknowledge = $0 { true } else { false } })
  }

  @Test func `keep it from starting where the guard does not know them`() throws {
    var rig = Rig()
    rig.domainsObey = true
    rig.guardVersion = 3
    rig.begin()
    try apply([Self.text], &rig)
    rig.pass(.seconds(2))
    #expect(rig.starts().isEmpty)
    #expect(rig.report()?.incompatible == [IncompatibleWorkloads(Incompatibility(.addresses, ""), ["w1"])])
  }

  /// It acknowledges nothing, and has raised nothing that would be waited for.
  @Test func `hold up no claim where the guard does not know them`() throws {
    var rig = try running([]) { $0.guardVersion = 3 }
    try apply([Self.text], &rig)
    rig.pass(.milliseconds(300))
    rig.want("w1", .stopped)
    rig.pass(.seconds(1))
    #expect(rig.processes.isEmpty && held(rig).isEmpty && rig.claim("w1")?.holder == nil)
  }
}
