import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator
import Testing

/// What answers while it is frozen is killed at the deadline instead.
@Suite struct `A network that a freeze does not silence` {
  private static let macvlan =
    "<domain type='lxc'><devices><interface type='direct'><source dev='eth0'/></interface></devices></domain>"

  @Test(
    arguments: [
      ("<domain/>", nil), ("<interface type='bridge'><source bridge='br0'/></interface>", nil),
      ("<interface type='network'><source network='default'/></interface>", nil), (macvlan, FrozenNetwork.macvlan),
      ("<interface\n\ttype = \"direct\" >", .macvlan), ("<interface trustGuestRxFilters='yes' type='direct'/>", .macvlan),
      ("<hostdev mode='capabilities' type='net'><source><interface>eth3</interface></source></hostdev>", .passedThrough),
      ("<hostdev mode='capabilities' type='misc'><source><char>/dev/x</char></source></hostdev>", nil),
      ("<lxc:namespace><lxc:sharenet type='name' value='other'/></lxc:namespace>", .shared),
      ("<x:sharenet type='pid' value='1'/>", .shared),
      // What is written there and is none.
      ("<!-- <interface type='direct'/> -->", nil), ("<description><![CDATA[<interface type='direct'/>]]></description>", nil),
      ("<a b='<interface'/><interface type='bridge' x=\"type='direct'\"/>", nil), ("<interfaces type='direct'/>", nil),
      ("<interface xtype='direct'/>", nil), ("<alias name='>'/><interface type='direct'/>", .macvlan),
      // What does not end hides nothing.
      ("<!-- <interface type='direct'/>", .macvlan), ("<interface type='direct'", .macvlan), ("<interface type=", nil),
      ("<", nil)
    ] as [(String, FrozenNetwork?)])
  func `is seen in the XML`(xml: String, network: FrozenNetwork?) {
    var spec = Rig.spec()
    spec.xml = xml
    #expect(spec.frozenNetwork == network)
    spec.connection = "qemu:///system"
    #expect(spec.frozenNetwork == nil, "a virtual machine's network stack is in the guest")
  }

  /// n1 runs w1 with this spec; nothing is asked for yet that is not done.
  private func running(_ spec: SpecRecord) -> Rig {
    var rig = Rig.guarded()
    rig.write([.put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))])
    rig.pass(.seconds(1))
    return rig
  }

  @Test func `makes the guard kill at the deadline, whatever the definition and the policies say`() {
    var spec = Rig.spec(isolation: .freeze)
    spec.xml = Self.macvlan
    var rig = running(spec)
    #expect(rig.starts().map(\.partition) == ["/holdfast/stop"])
    #expect(rig.executes("w1"))
    rig.actions = []
    rig.storeIsAway = true
    rig.pass(.seconds(3))
    #expect(rig.processes["w1"] == nil && rig.notes().contains(.killed), "\(rig.notes())")
  }

  @Test func `is told to the guard when only the running domain shows it, as with a network of libvirt's`() throws {
    var rig = running(Rig.spec(isolation: .freeze))
    #expect(rig.starts().map(\.partition) == ["/holdfast/freeze"])
    rig.actions = []
    var domain = try #require(rig.processes["w1"])
    domain.frozenNetwork = .macvlan
    rig.sees(domain)
    let told = rig.commands().compactMap { if case .protect(let workload) = $0 { workload } else { nil } }
    #expect(told.map(\.isolation) == [.stop] && told.map(\.cgroup) == [domain.cgroup])
  }

  @Test func `is told of a definition and of an adoption, and shown`() {
    let fixture = OperatorFixture()
    var spec = OperatorFixture.spec("web1")
    #expect(spec.networkWarnings.isEmpty)
    spec.xml = Self.macvlan
    #expect(spec.networkWarnings.count == 1 && spec.networkWarnings[0].contains("macvlan"), "\(spec.networkWarnings)")
    #expect(spec.networkWarnings[0].hasSuffix("as with 'isolation: stop'"))
    spec.isolation = .stop
    #expect(spec.networkWarnings.count == 1 && !spec.networkWarnings[0].contains("as with"))
    spec.isolation = .freeze
    fixture.put(.spec("web1"), .spec(spec))
    #expect(WorkloadInfo("web1", in: fixture.view).isolation == "stop")

    var domain = OperatorFixture.domain("web2")
    #expect(fixture.adoption(domain).networkWarnings.isEmpty)
    domain.frozenNetwork = .shared
    #expect(fixture.adoption(domain).networkWarnings.map { $0.contains("sharenet") } == [true])
    var adoption = fixture.adoption(OperatorFixture.domain("web3"))
    adoption.xml = Self.macvlan
    #expect(adoption.networkWarnings.map { $0.contains("macvlan") } == [true])
  }

  @Test(
    arguments: [
      ("<interface type='bridge'><source bridge='br0'/></interface>", ["br0"]),
      ("<source network='n' bridge=\"br1\"/><source bridge='br0'/><source bridge='br1'/>", ["br0", "br1"]), ("<domain/>", []),
      ("<bridge name='br0'/><!-- <source bridge='br2'/> -->", [])
    ] as [(String, [String])])
  func `bridges are named by their sources`(xml: String, bridges: [String]) {
    #expect(Interfaces.bridges(in: xml) == bridges)
  }
}
