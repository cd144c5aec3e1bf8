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

  private static func spec(_ name: WorkloadName, _ xml: String, shared: [String] = []) -> SpecRecord {
    var spec = OperatorFixture.spec(name)
    spec.xml = xml
    spec.shared = shared.isEmpty ? nil : shared
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
    // Both have to say it.
    (spec("web1", disk("/srv/a.img", "<shareable/>")), spec("web2", disk("/srv/a.img")), "it writes the disk", "Give one"),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/a.img", "<shareable/>")), "it writes the disk", "Give one"),
    (spec("web1", container, shared: ["/srv/www"]), spec("web2", container), "it writes the directory", "Give one"),
    (spec("web1", disk("/srv/a.img", "<shareable/>")), spec("web2", disk("/srv/a.img", "<shareable/>")), nil, ""),
    (spec("web1", disk("/srv/a.img"), shared: ["/srv/a.img"]), spec("web2", disk("/srv/a.img", "<shareable/>")), nil, ""),
    (spec("web1", container, shared: ["/srv/www"]), spec("web2", container, shared: ["/x", "/srv/www"]), nil, ""),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/a.img", "<readonly/>")), nil, ""),
    (spec("web1", disk("/srv/a.img")), spec("web2", disk("/srv/b.img")), nil, "")
  ]

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

  @Test func `are told as they stand`() {
    let uuid = OperatorFixture.spec("a").uuid
    var twin = Self.spec("d", "<domain/>")
    twin.uuid = uuid
    let clashes = index([
      ("a", Self.spec("a", Self.disk("/srv/a.img"))), ("b", Self.spec("b", Self.disk("/srv/a.img"))),
      ("c", Self.spec("c", Self.disk("/srv/a.img"))), ("d", twin), ("e", Self.spec("e", Self.address)),
      ("f", Self.spec("f", Self.address))
    ]).clashes
    #expect(
      clashes.map(\.description) == [
        "a, b and c write the disk /srv/a.img without sharing it: it is damaged when they run at once",
        "a and d have the UUID \(uuid): no node can run more than one of them",
        "e and f have the MAC address 52:54:00:00:00:01: when they run at once, none is reached reliably"
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
