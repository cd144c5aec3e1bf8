import GuardCore
import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Two workloads that have the same` {
  private static func disk(_ path: String, _ more: String = "") -> String {
    "<domain type='kvm'><devices><disk><source file='\(path)'/>\(more)</disk></devices></domain>"
  }
  private static let container =
    "<domain type='lxc'><devices><filesystem><source dir='/srv/www'/></filesystem></devices></domain>"
  private static let address =
    "<domain type='lxc'><devices><interface type='bridge'><mac address='52:54:00:00:00:01'/></interface></devices></domain>"

  private static func spec(
    _ name: WorkloadName, _ xml: String, shared: [String] = [], underneath: [String]? = nil
  ) -> SpecRecord {
    var spec = OperatorFixture.spec(name)
    spec.xml = xml
    spec.shared = shared.isEmpty ? nil : shared
    spec.underneath = underneath.map { ["/srv/b.img": $0] }
    return spec
  }

  /// Nothing but an address, whose last byte is given.
  private static func addressed(
    _ name: WorkloadName, _ last: UInt32, prefixLength: Int = 24, on interface: String = "br0", shared: [String] = []
  ) -> SpecRecord {
    var spec = spec(name, "<domain/>", shared: shared)
    spec.addresses = [WorkloadAddress(.four(0x0A00_0000 | last), prefixLength: prefixLength, on: interface)]
    return spec
  }

  private func index(_ specs: [(WorkloadName, SpecRecord)]) -> BelongingsIndex {
    specs.reduce(into: BelongingsIndex()) { $0.put($1.0, $1.1, DomainBelongings(of: $1.1.xml)) }
  }

  private func refusal(_ name: WorkloadName, _ spec: SpecRecord, in index: BelongingsIndex) -> OperatorError? {
    do throws(OperatorError) {
      try index.refuse(name, spec, DomainBelongings(of: spec.xml))
      return nil
    } catch { return error }
  }

  static let pairs: [(one: SpecRecord, other: SpecRecord, reason: String?, remedy: String)] = [
    (
      spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/a.img")),
      "it writes the disk /srv/a.img, and so does the workload web1",
      "Give one of them another disk, or make it <readonly/>. If they are made to write it together, write \"shared: ['/srv/a.img']\" "
        + "into both definitions (`--shared` of `holdfast adopt`), or <shareable/> into both <disk> elements."
    ),
    (
      spec("web1", container), spec("web2", container), "it writes the directory /srv/www, and so does the workload web1",
      "Give one of them another directory, or make it <readonly/>. If they are made to write it together, write "
        + "\"shared: ['/srv/www']\" into both definitions (`--shared` of `holdfast adopt`)."
    ),
    (
      spec("web1", address), spec("web2", address), "it has the MAC address 52:54:00:00:00:01, and so has the workload web1",
      "Give one of them another <mac>. If they are never on one network, write \"shared: ['52:54:00:00:00:01']\" into both "
        + "definitions (`--shared` of `holdfast adopt`)."
    ),
    (
      addressed("web1", 80), addressed("web2", 80, prefixLength: 16, on: "br1"),
      "it has the address 10.0.0.80, and so has the workload web1",
      "Give one of them another address: an address follows one workload, and cannot be shared."
    ),
    (
      addressed("web1", 80, shared: ["10.0.0.80"]), addressed("web2", 80, shared: ["10.0.0.80"]),
      "it has the address 10.0.0.80",
      "Give one"
    ),
    (addressed("web1", 80), addressed("web2", 81), nil, ""),
    // Both have to say it.
    (spec("web1", disk("/srv/a.img", "<shareable/>")), spec("web2", disk("/srv/a.img")), "it writes the disk", "Give one"),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/a.img", "<shareable/>")), "it writes the disk", "Give one"),
    (spec("web1", container, shared: ["/srv/www"]), spec("web2", container), "it writes the directory", "Give one"),
    (spec("web1", disk("/srv/a.img", "<shareable/>")), spec("web2", disk("/srv/a.img", "<shareable/>")), nil, ""),
    (spec("web1", disk("/srv/a.img"), shared: ["/srv/a.img"]), spec("web2", disk("/srv/a.img", "<shareable/>")), nil, ""),
    (spec("web1", container, shared: ["/srv/www"]), spec("web2", container, shared: ["/x", "/srv/www"]), nil, ""),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/a.img", "<readonly/>")), nil, ""),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/b.img")), nil, ""),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/../srv//./a.img")), "it writes the disk /srv/a.img", "Give one"),
    (
      spec("web1", container, shared: ["/srv/./www"]), spec("web2", container, shared: ["/srv//www/"]), nil, ""
    ),
    // What lies under disks may lie under many, and be written by nobody.
    (spec("web1", disk("/srv/a.img", over("/srv/base"))), spec("web2", disk("/srv/b.img", over("/srv/base"))), nil, ""),
    (spec("web1", disk("/srv/a.img", over("/srv/base"))), spec("web2", disk("/srv/base", "<readonly/>")), nil, ""),
    (
      spec("web1", disk("/srv/a.img", over("/srv/base"))), spec("web2", disk("/srv/base", "<shareable/>")),
      "it writes the disk /srv/base, which lies under a disk of the workload web1",
      "Give it another disk, or make it <readonly/>: what lies under a disk must not change. If it does no harm to web1 that this "
        + "changes, write \"shared: ['/srv/base']\" into the definition of web1."
    ),
    (
      spec("web1", disk("/srv/base")), spec("web2", disk("/srv/b.img", over("/srv/base"))),
      "the image /srv/base lies under a disk of it and must not change, and it is written by the workload web1",
      "Lay its disk over another image. If that does no harm, write \"shared: ['/srv/base']\" into its own definition."
    ),
    (
      spec("web1", disk("/srv/a.img", over("/srv/base")), shared: ["/srv/base"]), spec("web2", disk("/srv/base")), nil, ""
    ),
    // The same where the definition was taken from what ran, and the images are known beside its XML.
    (
      spec("web1", disk("/srv/b.img"), underneath: ["/srv/layer", "/srv/base"]), spec("web2", disk("/srv/base")),
      "it writes the disk /srv/base, which lies under a disk of the workload web1", "Give it another disk"
    ),
    (
      spec("web1", disk("/srv/base")), spec("web2", disk("/srv/b.img"), underneath: ["/srv/layer", "/srv/base"]),
      "the image /srv/base lies under a disk of it and must not change, and it is written by the workload web1",
      "Lay its disk over another image."
    ),
    (
      spec("web1", volume), spec("web2", disk("/srv/b.img"), underneath: ["volume base of pool vms"]),
      "the image volume:vms/base lies under a disk of it", "Lay its disk over another image."
    ),
    (spec("web1", disk("/srv/b.img"), underneath: ["/srv/base"]), spec("web2", disk("/srv/base", "<readonly/>")), nil, ""),
    (
      spec("web1", disk("/srv/a.img", over("/srv/base"))), spec("web2", disk("/srv/b.img"), underneath: ["/srv/base"]), nil, ""
    ),
    (
      spec("web1", disk("/srv/b.img"), shared: ["/srv/base"], underneath: ["/srv/base"]), spec("web2", disk("/srv/base")), nil,
      ""
    )
  ]

  private static let volume =
    "<domain><devices><disk type='volume'><source pool='vms' volume='base'/></disk></devices></domain>"

  private static func over(_ image: String) -> String { "<backingStore type='file'><source file='\(image)'/></backingStore>" }

  @Test(arguments: pairs.indices) func `are refused with both names and the remedy`(_ number: Int) {
    let (one, other, reason, remedy) = Self.pairs[number]
    let refused = refusal("web2", other, in: index([("web1", one)]))
    #expect(
      refused.map { $0.reason.hasPrefix(reason ?? "none") && $0.remedy.hasPrefix(remedy) } ?? (reason == nil),
      "\(String(describing: refused))")
    #expect(refused == nil || refused?.thing == "workload web2" && refused?.kind == .conflict)
    let clashes = index([("web1", one), ("web2", other)]).clashes
    #expect(clashes.map(\.workloads) == (reason == nil ? [] : [["web1", "web2"]]))
  }

  @Test func `are not two when a workload is defined anew, or has given it up`() {
    var index = index([("web1", Self.spec("web1", Self.disk("/srv/a.img")))])
    #expect(refusal("web1", Self.spec("web1", Self.disk("/srv/a.img")), in: index) == nil)
    index.put("web1", Self.spec("web1", Self.disk("/srv/b.img")), DomainBelongings(of: Self.disk("/srv/b.img")))
    #expect(refusal("web2", Self.spec("web2", Self.disk("/srv/a.img")), in: index) == nil)
    #expect(refusal("web2", Self.spec("web2", Self.disk("/srv/b.img")), in: index) != nil)
  }

  // MARK: what they run on

  /// web1 is defined with one disk, and runs on a newer one: as its claim tells, or as its node reports.
  static let inUse: [(claim: [String: OtherDisk]?, differing: [HardwareDifference], disk: String)] = [
    (["vda": OtherDisk(stored: "/vm/a", running: "/vm/a.snap")], [], "/vm/a.snap"),
    (nil, [HardwareDifference("disk vda", stored: "/vm/a", running: "/vm/a.snap", isOtherDisk: true)], "/vm/a.snap"),
    (nil, [HardwareDifference("disk vdb", stored: nil, running: "/vm/data", written: "/vm/data")], "/vm/data")
  ]

  private func fixture(_ newer: [String: OtherDisk]?, _ differing: [HardwareDifference], from node: NodeName) -> OperatorFixture
  {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.spec("web1"), .spec(Self.spec("web1", Self.disk("/vm/a"))))
    var claim = ClaimRecord(
      epoch: Epoch(3), holder: .init(node: "a", incarnation: OperatorFixture.incarnation("a")), activity: .running)
    claim.newerDisks = newer
    fixture.put(.claim("web1"), .claim(claim))
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.differing = ["web1": differing]
    fixture.put(.report(node), .report(report))
    return fixture
  }

  private func index(_ fixture: OperatorFixture) -> BelongingsIndex {
    let view = fixture.view
    return view.specs.reduce(into: BelongingsIndex()) { index, spec in
      index.put(
        spec.key, spec.value.value, DomainBelongings(of: spec.value.value.xml).with(view.disksInUse(by: spec.key)))
    }
  }

  @Test(arguments: inUse.indices) func `are refused what one of them runs on, whatever its definition names`(_ number: Int) {
    let (claim, differing, disk) = Self.inUse[number]
    let fixture = fixture(claim, differing, from: "a")
    let other = Self.spec("web2", Self.disk(disk)), refused = refusal("web2", other, in: index(fixture))
    #expect(
      refused?.reason
        == "it writes the disk \(disk), and so does the workload web1, which runs on it or last did: its definition does not name it",
      "\(String(describing: refused))")
    #expect(refused?.remedy.hasSuffix("`holdfast accept web1 --stored`, `holdfast start web1`.") == true)
    // Its own definition may name it, and that is how things are put right.
    #expect(refusal("web1", Self.spec("web1", Self.disk(disk)), in: index(fixture)) == nil)
    fixture.put(.spec("web2"), .spec(other))
    #expect(index(fixture).clashes.map(\.workloads) == [["web1", "web2"]])
  }

  @Test func `are not refused what another node than the holder reports`() {
    let (_, differing, disk) = Self.inUse[2]
    #expect(refusal("web2", Self.spec("web2", Self.disk(disk)), in: index(fixture(nil, differing, from: "b"))) == nil)
  }

  @Test func `are refused the older disk when the definition has the newer one`() {
    let fixture = fixture(["vda": OtherDisk(stored: "/vm/a", running: "/vm/a.snap")], [], from: "a")
    fixture.put(.spec("web1"), .spec(Self.spec("web1", Self.disk("/vm/a.snap"))))
    let refused = refusal("web2", Self.spec("web2", Self.disk("/vm/a")), in: index(fixture))
    #expect(refused?.reason == "it writes the disk /vm/a, which lies under a disk of the workload web1")
    #expect(refusal("web2", Self.spec("web2", Self.disk("/vm/b", Self.over("/vm/a"))), in: index(fixture)) == nil)
  }

  @Test func `are told of an image that one writes and another has under a disk`() {
    let clashes = index([
      ("a", Self.spec("a", Self.disk("/srv/base"))), ("b", Self.spec("b", Self.disk("/srv/b.img", Self.over("/srv/base"))))
    ]).clashes
    #expect(
      clashes.map(\.description) == [
        "a and b have the image /srv/base, which one writes and another has under a disk: that disk is damaged when they run at once"
      ])
  }

  /// Its own disk may be what lay under it, as after a commit.
  @Test func `are not one workload and what is known to lie under its own disks`() {
    let one = Self.spec("web1", Self.disk("/srv/base"), underneath: ["/srv/base"])
    #expect(refusal("web1", one, in: index([("web1", one)])) == nil && index([("web1", one)]).clashes.isEmpty)
  }

  @Test func `are told as they stand`() {
    let uuid = OperatorFixture.spec("a").uuid
    var twin = Self.spec("d", "<domain/>")
    twin.uuid = uuid
    let clashes = index([
      ("a", Self.spec("a", Self.disk("/srv/a.img"))), ("b", Self.spec("b", Self.disk("/srv/a.img"))),
      ("c", Self.spec("c", Self.disk("/srv/a.img"))), ("d", twin), ("e", Self.spec("e", Self.address)),
      ("f", Self.spec("f", Self.address)), ("g", Self.addressed("g", 80)), ("h", Self.addressed("h", 80))
    ]).clashes
    #expect(
      clashes.map(\.description) == [
        "a, b and c write the disk /srv/a.img without sharing it: it is damaged when they run at once",
        "a and d have the UUID \(uuid): no node can run more than one of them",
        "e and f have the MAC address 52:54:00:00:00:01: when they run at once, none is reached reliably",
        "g and h have the address 10.0.0.80: when they run at once, none is reached reliably"
      ])
  }

  /// A thousand that share one directory, and a thousand definitions more: each is asked about once.
  @Test func `are found among thousands`() {
    let shared = Self.spec("w", Self.container, shared: ["/srv/www"])
    var index = BelongingsIndex()
    let belongings = DomainBelongings(of: Self.container)
    for number in 0..<2000 { index.put(WorkloadName("w\(number)"), Self.unlike(shared, number), belongings) }
    for number in 0..<2000 {
      #expect(throws: Never.self) { try index.refuse(WorkloadName("w\(number)"), Self.unlike(shared, number), belongings) }
    }
    #expect(index.clashes.isEmpty)
    #expect(refusal("x", Self.spec("x", Self.container), in: index)?.reason.contains("the workload w0") == true)
  }

  private static func unlike(_ spec: SpecRecord, _ number: Int) -> SpecRecord {
    var copy = spec
    copy.uuid = NameUUID.derived(cluster: "t", workload: WorkloadName("w\(number)"))
    return copy
  }
}
