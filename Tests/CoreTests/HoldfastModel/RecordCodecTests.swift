import GuardCore
import HoldfastModel
import Testing

@Suite struct RecordCodecTests {
  private static let codec = RecordCodec(cluster: "c")
  private static let nodes: [NodeName] = (0..<12).map { NodeName("node-\($0)") }

  static let records: [(RecordKey, Record)] = [
    (.format, .format(FormatRecord())),
    (.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-0f"))),
    (
      .node("n1"),
      .node(
        NodeRecord(
          capacity: Resources(memory: 4096, cpus: 7.5), labels: ["rack": "a/b", "zone": "z"], connections: ["lxc:///system"],
          version: "1.0"))
    ),
    (
      .report("n1"),
      .report(
        ReportRecord(
          unmanaged: Resources(memory: 1, cpus: 0), unmanagedDomains: 2, unreachable: ["lxc:///system": "no\nanswer"],
          guardPhase: .armed, strays: ["lxc:///system/x"]))
    ),
    (
      .report("n2"),
      .report(
        ReportRecord(
          unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .absent, strays: [], freeze: .confirmed,
          unfrozen: ["w3"], paused: ["w": "libvirt has paused it"], outdated: ["w", "w2"]))
    ),
    (.movesOff, .movesOff(MovesOffRecord(reason: "wrong rule", since: 1_700_000_000_000))),
    (.definitions, .definitions(DefinitionsRecord(last: "w"))),
    (.session("n1-0f"), .session(SessionRecord(node: "n1", counter: 7, ttl: 3000, phase: .leaving))),
    (.session("n1-0f"), .session(SessionRecord(node: "n1", counter: 7, ttl: 3000, phase: .active, clock: 1_767_225_600_000))),
    (
      .spec("w"),
      .spec(
        SpecRecord(
          connection: "qemu:///system", uuid: "u", xml: "<domain name=\"é\">\\/</domain>",
          demand: Resources(memory: 512, cpus: 0.1), labels: ["app": "db"], priority: -3, isolation: .stop, stopTimeout: 1.5))
    ),
    (
      .spec("w"),
      .spec(
        SpecRecord(
          connection: "lxc:///system", uuid: "u", xml: "<domain/>", demand: Resources(memory: 1, cpus: 1), labels: [:],
          priority: 0, isolation: .freeze, stopTimeout: 30, shared: ["rbd:vms/db1", "/srv/www"]))
    ),
    (.intent("w"), .intent(IntentRecord(desired: .unprotected, move: .init(to: "n2", serial: 4)))),
    (.intent("w"), .intent(IntentRecord(desired: .stopped))),
    (
      .placement("w"),
      .placement(
        PlacementRecord(
          node: "n1", reason: "least loaded", others: Dictionary(uniqueKeysWithValues: nodes.map { ($0, "full") }),
          servedMove: 9))
    ),
    (.placement("w"), .placement(PlacementRecord(node: nil, reason: "no node can take it"))),
    (
      .placement("w"),
      .placement(PlacementRecord(node: "n2", reason: "least loaded", handedOver: .init(from: "n1", wasMoved: true)))
    ),
    (.placement("w"), .placement(displaced)),
    (
      .claim("w"),
      .claim(
        ClaimRecord(
          epoch: Epoch(12), holder: .init(node: "n1", incarnation: "n1-0f"), activity: .unclear,
          failures: Dictionary(uniqueKeysWithValues: nodes.map { ($0, .init(count: 2, reason: "r")) })))
    ),
    (.claim("w"), .claim(ClaimRecord(epoch: Epoch(13), holder: nil))),
    (.claim("w"), .claim(lagging)),
    (.claim("w"), .claim(unwell)),
    (.claim("w"), .claim(movesPaused)),
    (.spec("w"), .spec(checked)), (.spec("w"), .spec(addressed)),
    (.released("w"), .released(ReleasedRecord(spec: addressed, desired: .running, time: 4))),
    (.report("n4"), .report(unhealthy)),
    (.report("n3"), .report(differing)),
    (.spec("w"), .spec(taken)),
    (.claim("w"), .claim(ClaimRecord(epoch: Epoch(13), holder: .init(node: "n1", incarnation: "n1-0f"), ends: 4))),
    (
      .claim("w"),
      .claim(ClaimRecord(epoch: Epoch(13), holder: nil, releasedTo: .init(node: nil, connection: "c:///", uuid: "u")))
    ),
    (.released("w"), .released(ReleasedRecord(spec: taken, desired: .running, time: 4))),
    (
      .released("w"),
      .released(
        ReleasedRecord(
          spec: taken, desired: .stopped, time: 4, newerDisks: ["vda": OtherDisk(stored: "/a", running: "/b")]))
    ),
    (
      .history("n1", slot: 7),
      .history(
        HistoryRecord(
          time: 1_700_000_000_000, node: "n1", serial: 99,
          note: Note(.placed, "w goes to n1", severity: .warning, workload: "w", subject: "n2")))
    ),
    (.history("n1", slot: 8), .history(folded))
  ]

  private static let folded: HistoryRecord = {
    var lines = FoldedLines("w", since: 1_700_000_000_000)
    for workload in ["w", "w2"] as [WorkloadName] { lines.take(workload) }
    return HistoryRecord(
      time: 1_700_000_009_000, node: "n1", serial: 100,
      note: Note(.vanished, "w (and 1 more, 3 times) ended", severity: .warning, workload: "w"), folded: lines)
  }()

  private static let unwell: ClaimRecord = {
    var claim = ClaimRecord(
      epoch: Epoch(13), holder: .init(node: "n1", incarnation: "n1-0f"),
      failures: ["n2": .init(count: 3, reason: "r", check: "web")],
      ends: 2)
    claim.unwell = Unwell(check: "web", reason: "refused")
    return claim
  }()

  private static let movesPaused = ClaimRecord(
    epoch: Epoch(13), holder: .init(node: "n1", incarnation: "n1-0f"), activity: .running,
    migration: .init(.ready, target: .init(node: "n2", incarnation: "n2-0f"), staysPaused: true))

  private static let checked = SpecRecord(
    connection: "lxc:///system", uuid: "u", xml: "<domain/>", demand: Resources(memory: 1, cpus: 1), labels: [:], priority: 0,
    isolation: .freeze, stopTimeout: 30, checks: checks)

  private static let addressed = {
    var spec = checked
    spec.addresses = [
      WorkloadAddress(.four(0x0A00_0050), prefixLength: 24, on: "br0"),
      WorkloadAddress(.six(0xFD00 << 112 | 0x80), prefixLength: 64, on: "br0")
    ]
    return spec
  }()

  static let checks: [HealthCheck] = [
    HealthCheck(name: "tcp", probe: .tcp(TCPProbe(port: 80)), interval: .milliseconds(200), timeout: .milliseconds(333)),
    HealthCheck(
      name: "http",
      probe: .http(
        HTTPProbe(
          isSecure: true, host: "h", path: "/a?b", serverName: "s", status: 200...204, contains: "ok", certificateDays: 14)),
      down: 1, up: 5, grace: .zero, reaction: .report),
    HealthCheck(name: "ping", probe: .ping(PingProbe(address: "10.0.0.1"))),
    HealthCheck(name: "exec", probe: .exec(ExecProbe(command: ["/bin/true", ""]))),
    HealthCheck(name: "agent", probe: .agent), HealthCheck(name: "file", probe: .file(FileProbe(path: "/f", maximumAge: 60))),
    HealthCheck(name: "script", probe: .script(ScriptProbe(path: "/s", arguments: ["x"])), interval: .seconds(3600))
  ]

  private static let unhealthy: ReportRecord = {
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.health = [
      "w": HealthReport(isFailing: true, check: "web", reason: "refused", since: 7, others: ["db"], held: "it waits"),
      "x": HealthReport(isFailing: false, check: "web", reason: "no such command", since: nil)
    ]
    return report
  }()

  @Test(arguments: records.indices) func `every record survives the way to the store and back`(_ index: Int) throws {
    let (key, record) = Self.records[index]
    let bytes = try Self.codec.encode(record)
    #expect(Self.codec.decode(bytes, at: key) == record)
    #expect(Self.codec.parse(Self.codec.key(key)) == key)
  }

  /// Equal records in unequal bytes would make a transaction of an unchanged record a change.
  @Test(arguments: records.indices) func `equal records have equal bytes`(_ index: Int) throws {
    var record = Self.records[index].1
    let bytes = try Self.codec.encode(record)
    switch record {
    case .placement(var placement):
      placement.others = Dictionary(uniqueKeysWithValues: placement.others.sorted { $0.key > $1.key })
      record = .placement(placement)
    case .claim(var claim):
      claim.failures = Dictionary(uniqueKeysWithValues: claim.failures.sorted { $0.key > $1.key })
      record = .claim(claim)
    default: break
    }
    #expect(try Self.codec.encode(record) == bytes)
  }

  @Test func `node names are the fields of an object, in order, so that the bytes do not depend on the process`() throws {
    let record = Record.placement(PlacementRecord(node: nil, reason: "r", others: ["b": "2", "a": "1", "c": "3"]))
    let text = String(decoding: try Self.codec.encode(record), as: UTF8.self)
    #expect(text == #"{"others":{"a":"1","b":"2","c":"3"},"reason":"r","servedMove":0}"#)
  }

  private static let lagging = {
    var claim = ClaimRecord(epoch: Epoch(13), holder: nil)
    claim.newerDisks = Dictionary(
      uniqueKeysWithValues: ["vda", "vdb", "sda"].map { ($0, OtherDisk(stored: "/\($0)", running: "/\($0).snap")) })
    return claim
  }()
  private static let differing = {
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.differing = [
      "w": [HardwareDifference("disk vda", stored: "/a", running: "/b", isOtherDisk: true)],
      "w2": [
        HardwareDifference("memory", stored: nil, running: "1 MiB"),
        HardwareDifference("disk vdb", stored: nil, running: "/c", written: "/c")
      ]
    ]
    return report
  }()
  private static let taken = {
    var spec = SpecRecord(
      connection: "qemu:///system", uuid: "u", xml: "<domain/>", demand: .none, labels: [:], priority: 0, isolation: .freeze,
      stopTimeout: 1)
    spec.takenFrom = "9f0"
    spec.runsWith = Resources(memory: 3000, cpus: 2)
    spec.underneath = ["/vm/a.snap": ["/vm/a", "/vm/base"]]
    return spec
  }()
  private static let displaced = PlacementRecord(
    node: nil, reason: PlacementReason(.displaced(by: "w2", priority: 3, over: 1), .noOtherNodeCanTake),
    others: [
      "n1": .down, "n2": .shortage(.init(resource: "memory", needs: 512, free: 100)), "n3": .neverOn(rule: "not the old ones")
    ], cause: .displaced)

  @Test func `a placement's reasons are texts, and codes beside them`() throws {
    let bytes = try Self.codec.encode(.placement(Self.displaced)), text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(#""reason":"displaced by w2 (priority 3 over 1); no other node can take it""#), "\(text)")
    #expect(text.contains(#""reasonCodes":["displaced","noOtherNodeCanTake"]"#), "\(text)")
    #expect(text.contains(#""n2":"has 100 MiB of memory free, and it needs 512 MiB""#), "\(text)")
    #expect(text.contains(#""otherCodes":{"n1":"down","n2":"shortage","n3":"neverOn"}"#), "\(text)")
    guard case .placement(let read) = Self.codec.decode(bytes, at: .placement("w")) else {
      Issue.record("it cannot be read")
      return
    }
    #expect(read == Self.displaced && read.reason.codes == ["displaced", "noOtherNodeCanTake"])
    #expect(read.others.codes == ["n1": "down", "n2": "shortage", "n3": "neverOn"])
  }

  /// Older builds wrote texts alone; newer ones may have reasons that this one does not know.
  @Test(arguments: [
    (#"{"others":{"n1":"as it was said"},"reason":"somebody wrote this; and this","servedMove":0}"#, [], [:]),
    (
      #"{"otherCodes":{"n1":"orbiting"},"others":{"n1":"orbits the sun"},"reason":"the stars say so","#
        + #""reasonCodes":["stars"],"servedMove":0}"#, ["stars"], ["n1": "orbiting"]
    )
  ]) func `a reason that this build does not know is kept as it was written`(
    text: String, codes: [String], others: [String: String]
  ) throws {
    guard case .placement(let read) = Self.codec.decode(Array(text.utf8), at: .placement("w")) else {
      Issue.record("it cannot be read")
      return
    }
    #expect(read.reason.codes == codes && read.others.codes == others)
    #expect(String(decoding: try Self.codec.encode(.placement(read)), as: UTF8.self) == text)
  }

  /// As a build wrote it that did not keep the disks.
  @Test func `a released workload from before its newer disks were kept is read`() throws {
    let record = ReleasedRecord(spec: Self.taken, desired: .running, time: 4)
    let text = String(decoding: try Self.codec.encode(.released(record)), as: UTF8.self)
    #expect(!text.contains("newerDisks") && Self.codec.decode(Array(text.utf8), at: .released("w")) == .released(record))
  }

  /// While nodes are brought to a later build one after the other, the older ones go on with everything but that.
  @Test func `an errand of a later build leaves the rest of what is wanted as it is`() {
    for (text, wanted) in [
      (
        #"{"desired":"running","errand":"snapshot","move":{"serial":4,"to":"n2"}}"#,
        IntentRecord(desired: .running, move: .init(to: "n2", serial: 4))
      ),
      (#"{"desired":"running","errand":"pause"}"#, IntentRecord(desired: .running, errand: .pause)),
      (
        #"{"desired":"adopting","adopter":"n1","removesLeftovers":true}"#,
        IntentRecord(desired: .adopting, adopter: "n1", removesLeftovers: true)
      )
    ] {
      #expect(Self.codec.decode(Array(text.utf8), at: .intent("w")) == .intent(wanted))
    }
    guard case .unreadable = Self.codec.decode(Array(#"{"desired":"dancing"}"#.utf8), at: .intent("w")) else {
      Issue.record("what is wanted of it is not known")
      return
    }
  }

  @Test func `a reason that says no more than its name is known again by its text`() {
    #expect(Exclusion(text: "is down").code == "down")
    #expect(Exclusion(text: "is down!").code == nil)
    #expect(PlacementReason(text: "no node can take it").codes == ["noNodeCanTake"])
    #expect(PlacementReason(text: "").isEmpty)
  }

  private static let garbage: [(String, String)] = [
    ("", "not a record"), ("{", "not a record"), ("[]", "not a record"), ("null", "not a record"), ("{}", "missing"),
    (#"{"node":"n1","counter":1,"ttl":1000}"#, "'phase' is missing"),
    (#"{"node":"n1","counter":"x","ttl":1000,"phase":"active"}"#, "'counter' has the wrong type"),
    (#"{"node":"n1","counter":1,"ttl":1000,"phase":"dancing"}"#, "not a record"),
    (#"{"node":"n1","counter":1,"ttl":0,"phase":"active"}"#, "ttl"),
    (#"{"node":"n1","counter":1,"ttl":9223372036854775807,"phase":"active"}"#, "ttl"),
    (#"{"node":"n1","counter":9223372036854775807,"ttl":1000,"phase":"active"}"#, "counter"),
    ("\u{0}\u{1}\u{ff}", "not a record")
  ]
  @Test(arguments: garbage) func `what cannot be read becomes an unreadable record that names the key and the flaw`(
    text: String, flaw: String
  ) {
    guard case .unreadable(let reason) = Self.codec.decode([UInt8](text.utf8), at: .session("i1")) else {
      Issue.record("\(text) was read")
      return
    }
    #expect(reason.hasPrefix("/holdfast/c/sessions/i1: "))
    #expect(reason.contains(flaw), "\(reason)")
  }

  @Test func `a report from before what is frozen and paused was told is read`() {
    let text = """
      {"guardPhase":"isolated","strays":[],"unmanaged":{"cpus":0,"memory":1},"unmanagedDomains":0,"unmanagedUUIDs":[],"unreachable":{}}
      """
    let report = ReportRecord(
      unmanaged: Resources(memory: 1, cpus: 0), unmanagedDomains: 0, unreachable: [:], guardPhase: .isolated, strays: [])
    #expect(Self.codec.decode([UInt8](text.utf8), at: .report("n1")) == .report(report))
  }

  /// The words of records that earlier builds wrote, and one that a later build may write.
  @Test(arguments: [
    ("armed", GuardPhase.armed), ("disarmed", .disarmed), ("isolating", .isolating), ("isolated", .isolated),
    ("not there", .absent), ("not asked yet", .awaited), ("", .other("")), ("asleep", .other("asleep"))
  ]) func `a guard's phase is read by case and written as it was`(text: String, phase: GuardPhase) throws {
    let json = """
      {"guardPhase":"\(text)","strays":[],"unmanaged":{"cpus":0,"memory":1},"unmanagedDomains":0,"unmanagedUUIDs":[],"unreachable":{}}
      """
    let record = Self.codec.decode([UInt8](json.utf8), at: .report("n1"))
    guard case .report(let report) = record else {
      Issue.record("\(record)")
      return
    }
    #expect(report.guardPhase == phase && report.guardPhase.text == text)
    #expect(String(decoding: try Self.codec.encode(record), as: UTF8.self).contains("\"guardPhase\":\"\(text)\""))
  }

  @Test(
    arguments: [
      ("as it is", "as it is"), ("a\nb", "a b"), (" internal error:\n\n  no\tfile\r\n", "internal error: no file"),
      ("a\u{1B}[31mb", "a[31mb"), ("a\u{9B}31mb", "a31mb"), ("", ""), (" \n", "")
    ]) func `what comes from outside is one line`(_ text: String, _ line: String)
  {
    #expect(InWords.oneLine(text) == line)
  }

  /// Values that arithmetic would trip over: they come from outside, and one of them must not stop every planner.
  private static let absurd: [(RecordKey, Record)] = [
    (.claim("w"), .claim(ClaimRecord(epoch: Epoch(.max), holder: nil))),
    (.claim("w"), .claim(ClaimRecord(epoch: Epoch(-1), holder: nil))),
    (.claim("w"), .claim(ClaimRecord(epoch: Epoch(1), holder: nil, ends: -1))),
    (.session("i"), .session(SessionRecord(node: "n", counter: 1, ttl: 3000, phase: .active, clock: .max))),
    (.claim("w"), .claim(ClaimRecord(epoch: Epoch(1), holder: nil, failures: ["n": .init(count: .max, reason: "")]))),
    (.node("n"), .node(NodeRecord(capacity: .init(memory: .max, cpus: 1), labels: [:], connections: [], version: ""))),
    (.node("n"), .node(NodeRecord(capacity: .init(memory: 1, cpus: -1), labels: [:], connections: [], version: ""))),
    (
      .report("n"),
      .report(
        ReportRecord(
          unmanaged: .init(memory: .max, cpus: 0), unmanagedDomains: 0, unreachable: [:], guardPhase: .other(""), strays: []))
    ),
    (
      .spec("w"),
      .spec(
        SpecRecord(
          connection: "", uuid: "", xml: "", demand: .init(memory: .min, cpus: 0), labels: [:], priority: 0, isolation: .freeze,
          stopTimeout: 0))
    ),
    (
      .spec("w"),
      .spec(
        SpecRecord(
          connection: "", uuid: "", xml: "", demand: .init(memory: 1, cpus: 1e300), labels: [:], priority: 0,
          isolation: .freeze,
          stopTimeout: 0))
    ),
    (
      .spec("w"),
      .spec(
        SpecRecord(
          connection: "", uuid: "", xml: "", demand: .init(memory: 1, cpus: 1), labels: [:], priority: 0, isolation: .freeze,
          stopTimeout: 1e300))
    )
  ]
  @Test(arguments: absurd.indices) func `values that cannot be are unreadable`(_ index: Int) throws {
    let (key, record) = Self.absurd[index]
    guard case .unreadable = Self.codec.decode(try Self.codec.encode(record), at: key) else {
      Issue.record("\(record) was read")
      return
    }
  }

  @Test func `fields of a newer build are passed over`() {
    let text = #"{"node":"n1","counter":1,"ttl":1000,"phase":"active","mood":"good"}"#
    #expect(
      Self.codec.decode([UInt8](text.utf8), at: .session("i"))
        == .session(SessionRecord(node: "n1", counter: 1, ttl: 1000, phase: .active)))
  }

  @Test(arguments: [
    "/holdfast/other/format", "/holdfast/c", "/holdfast/c/", "/holdfast/c/format/x", "/holdfast/c/nodes", "/holdfast/c/nodes/",
    "/holdfast/c/nodes/a/b", "/holdfast/c/specs/..", "/holdfast/c/specs/-a", "/holdfast/c/claims/a b", "/holdfast/c/sessions/",
    "/holdfast/c/history/n1", "/holdfast/c/history/n1/x", "/holdfast/c/unknown/x", "format", ""
  ])
  func `a key that is not one of ours is left alone`(text: String) {
    #expect(Self.codec.parse(text) == nil)
  }

  @Test func `whole messages keep revisions, conditions and deletions`() throws {
    let transaction = ClusterTransaction(
      if: [.absent(.planner), .unchanged(.claim("w"), modified: Revision(4)), .stands(.session("i"), created: Revision(2))],
      write: [.put(.format, .format(FormatRecord())), .delete(.spec("w"))])
    let encoded = try Self.codec.encode(transaction)
    #expect(
      encoded.conditions == [
        .absent("/holdfast/c/planner"), .unchanged("/holdfast/c/claims/w", modified: Revision(4)),
        .stands("/holdfast/c/sessions/i", created: Revision(2))
      ])
    #expect(encoded.writes == [.put("/holdfast/c/format", [UInt8](#"{"version":1}"#.utf8)), .delete("/holdfast/c/specs/w")])

    let change = Self.codec.decode(Change<String, [UInt8]>(key: "/holdfast/c/planner", entry: nil, revision: Revision(9)))
    #expect(change == ClusterChange(key: .planner, entry: nil, revision: Revision(9)))
    #expect(Self.codec.decode(Change<String, [UInt8]>(key: "/other", entry: nil, revision: Revision(9))) == nil)
    let stored = Stored<[UInt8]>(value: [UInt8]("x".utf8), created: Revision(1), modified: Revision(3))
    let listing = Self.codec.decode(
      Listing<String, [UInt8]>(revision: Revision(5), entries: ["/holdfast/c/claims/w": stored, "/holdfast/c/what": stored]))
    #expect(listing.revision == Revision(5))
    #expect(Array(listing.entries.keys) == [.claim("w")], "garbage under a key of ours is kept as unreadable")
    #expect(listing.entries[.claim("w")]?.modified == Revision(3))
  }
}
