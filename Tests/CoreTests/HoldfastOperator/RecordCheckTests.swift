import GuardCore
import HoldfastModel
import HoldfastOperator
import Testing

/// What is found wrong with the records of a store, and what becomes of them.
@Suite struct RecordCheckTests {
  /// A store whose records are bytes, so that any of them can be garbage.
  struct Shelf: Sendable {
    static let codec = RecordCodec(cluster: "t")
    var model = StoreModel<String, [UInt8]>()

    /// Nodes a and b with sessions; w1 runs on a, w2 is stopped and released, w3 was on c, which is down. All of it as nodes write it.
    init() throws {
      try put(.format, .format(FormatRecord()))
      for name: NodeName in ["a", "b", "c"] {
        try put(.node(name), .node(Self.node))
        try put(.report(name), .report(Self.report))
      }
      for name: NodeName in ["a", "b"] {
        try put(.session(Self.incarnation(name)), .session(SessionRecord(node: name, counter: 1, ttl: 3000, phase: .active)))
      }
      try put(.planner, .planner(PlannerRecord(node: "a", incarnation: Self.incarnation("a"))))
      try define("w1", .running, on: "a", held: true)
      try define("w2", .stopped, on: "b", held: false)
      try define("w3", .running, on: "c", held: true)
    }

    static func incarnation(_ node: NodeName) -> Incarnation { Incarnation("\(node)-1") }
    static let node = NodeRecord(
      capacity: Resources(memory: 8192, cpus: 4), labels: [:], connections: [OperatorFixture.connection], version: "1")
    static let report = ReportRecord(
      unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])

    mutating func define(_ name: WorkloadName, _ desired: IntentRecord.Desired, on node: NodeName, held: Bool) throws {
      try put(.spec(name), .spec(OperatorFixture.spec(name)))
      try put(.intent(name), .intent(IntentRecord(desired: desired)))
      try put(.placement(name), .placement(PlacementRecord(node: node, reason: PlacementReason(.adopted))))
      let holder = held ? ClaimRecord.Holder(node: node, incarnation: Self.incarnation(node)) : nil
      try put(.claim(name), .claim(ClaimRecord(epoch: Epoch(3), holder: holder, activity: held ? .running : nil)))
    }

    mutating func put(_ key: RecordKey, _ record: Record) throws { raw(key, try Self.codec.encode(record)) }
    mutating func raw(_ key: RecordKey, _ bytes: [UInt8]) {
      _ = model.apply(Transaction(if: [], write: [.put(Self.codec.key(key), bytes)]))
    }
    mutating func garble(_ key: RecordKey) { raw(key, [UInt8]("{garbage".utf8)) }
    mutating func delete(_ key: RecordKey) { _ = model.apply(Transaction(if: [], write: [.delete(Self.codec.key(key))])) }

    func check() -> RecordCheck {
      RecordCheck(model.list(prefix: Self.codec.prefix), cluster: "t", at: 1_700_000_000_000)
    }

    /// - Returns: whether it was committed.
    mutating func apply(_ repair: RecordRepair) throws -> Bool {
      if case .committed = model.apply(try Self.codec.encode(repair.transaction)) { true } else { false }
    }

    func record(_ key: RecordKey) -> Record? {
      model.entries[Self.codec.key(key)].map { Self.codec.decode($0.value, at: key) }
    }
  }

  /// What is expected of a finding: `repairs`, `by hand` or `nothing`.
  struct Expected: Hashable, Sendable, CustomStringConvertible {
    var kind: RecordFinding.Kind
    var key: RecordKey
    var remedy: String
    var weight: RecordFinding.Weight = .fault
    var description: String { "\(kind.rawValue) \(key) \(remedy) \(weight.rawValue)" }
  }
  struct Case: Sendable {
    var name: String
    var change: @Sendable (inout Shelf) throws -> Void
    var expected: [Expected]
    /// What the records say when everything was repaired.
    var after: @Sendable (Shelf) -> Bool = { _ in true }

    init(
      _ name: String, _ expected: [Expected], after: @escaping @Sendable (Shelf) -> Bool = { _ in true },
      _ change: @escaping @Sendable (inout Shelf) throws -> Void
    ) {
      self.name = name
      self.change = change
      self.expected = expected
      self.after = after
    }
  }

  private static func desired(_ shelf: Shelf, _ name: WorkloadName) -> IntentRecord.Desired? {
    if case .intent(let intent)? = shelf.record(.intent(name)) { intent.desired } else { nil }
  }
  private static func place(_ shelf: Shelf, _ name: WorkloadName) -> NodeName? {
    if case .placement(let placement)? = shelf.record(.placement(name)) { placement.node } else { nil }
  }
  private static func isGone(_ shelf: Shelf, _ keys: RecordKey...) -> Bool { keys.allSatisfy { shelf.record($0) == nil } }

  static let cases: [Case] = [
    Case("all is well", []) { _ in },
    // What the cluster has one of.
    Case(
      "a damaged planner's record", [Expected(kind: .unreadable, key: .planner, remedy: "repair")],
      after: { isGone($0, .planner) }
    ) { $0.garble(.planner) },
    Case("damaged policies", [Expected(kind: .unreadable, key: .policies, remedy: "by hand")]) { $0.garble(.policies) },
    Case("a damaged disarm", [Expected(kind: .unreadable, key: .disarm, remedy: "by hand")]) { $0.garble(.disarm) },
    Case("damaged moves", [Expected(kind: .unreadable, key: .movesOff, remedy: "by hand")]) { $0.garble(.movesOff) },
    Case(
      "which definition came last is damaged", [Expected(kind: .unreadable, key: .definitions, remedy: "repair")],
      after: { isGone($0, .definitions) }
    ) { $0.garble(.definitions) },
    Case(
      "what was kept of a release is damaged", [Expected(kind: .unreadable, key: .released("w9"), remedy: "repair")],
      after: { isGone($0, .released("w9")) }
    ) { $0.garble(.released("w9")) },
    Case(
      "no format", [Expected(kind: .noFormat, key: .format, remedy: "repair")],
      after: { $0.record(.format) == .format(FormatRecord()) }
    ) { $0.delete(.format) },
    Case(
      "a damaged format", [Expected(kind: .unreadable, key: .format, remedy: "repair")],
      after: { $0.record(.format) == .format(FormatRecord()) }
    ) { $0.garble(.format) },
    Case("a format that never was", [Expected(kind: .noFormat, key: .format, remedy: "repair")]) {
      try $0.put(.format, .format(FormatRecord(version: 0)))
    },
    Case(
      "no format beside what cannot be read: it may be a newer one",
      [
        Expected(kind: .noFormat, key: .format, remedy: "by hand"), Expected(kind: .unreadable, key: .planner, remedy: "repair")
      ]
    ) {
      $0.delete(.format)
      $0.garble(.planner)
    },
    Case(
      "a newer format: nothing is touched",
      [
        Expected(kind: .newerFormat, key: .format, remedy: "by hand"),
        Expected(kind: .unreadable, key: .intent("w1"), remedy: "by hand"),
        Expected(kind: .unreadable, key: .planner, remedy: "by hand")
      ]
    ) {
      try $0.put(.format, .format(FormatRecord(version: FormatRecord.current + 1)))
      $0.garble(.planner)
      $0.garble(.intent("w1"))
    },
    // Nodes.
    Case("a damaged node", [Expected(kind: .unreadable, key: .node("c"), remedy: "repair")], after: { isGone($0, .node("c")) })
    {
      $0.garble(.node("c"))
    },
    Case(
      "a damaged report", [Expected(kind: .unreadable, key: .report("a"), remedy: "repair")],
      after: { isGone($0, .report("a")) }
    ) {
      $0.garble(.report("a"))
    },
    Case(
      "damaged losses", [Expected(kind: .unreadable, key: .losses("c"), remedy: "repair")], after: { isGone($0, .losses("c")) }
    ) {
      $0.garble(.losses("c"))
    },
    Case("a damaged line of history", [Expected(kind: .unreadable, key: .history("a", slot: 3), remedy: "repair")]) {
      $0.garble(.history("a", slot: 3))
    },
    Case(
      "a damaged maintenance keeps the node empty", [Expected(kind: .unreadable, key: .maintenance("b"), remedy: "repair")],
      after: { if case .maintenance(let record)? = $0.record(.maintenance("b")) { record.phase == .empty } else { false } }
    ) { $0.garble(.maintenance("b")) },
    Case("a damaged session is a person's", [Expected(kind: .unreadable, key: .session("a-1"), remedy: "by hand")]) {
      $0.garble(.session("a-1"))
    },
    Case("a session without a node", [Expected(kind: .noNode, key: .node("b"), remedy: "by hand")]) { $0.delete(.node("b")) },
    Case(
      "a claim of a node that is not known",
      [
        Expected(kind: .leftover, key: .report("c"), remedy: "by hand", weight: .notice),
        Expected(kind: .unknownNode, key: .claim("w3"), remedy: "by hand", weight: .notice)
      ]
    ) { $0.delete(.node("c")) },
    Case("an adoption by a node that is not known", [Expected(kind: .unknownNode, key: .intent("w9"), remedy: "by hand")]) {
      try $0.put(.spec("w9"), .spec(OperatorFixture.spec("w9")))
      try $0.put(.intent("w9"), .intent(IntentRecord(desired: .adopting, adopter: "x")))
    },
    // Workloads.
    Case(
      "no intent of what runs", [Expected(kind: .noIntent, key: .intent("w1"), remedy: "repair")],
      after: { desired($0, "w1") == .running }
    ) { $0.delete(.intent("w1")) },
    Case(
      "a damaged intent of what runs", [Expected(kind: .unreadable, key: .intent("w1"), remedy: "repair")],
      after: { desired($0, "w1") == .running }
    ) { $0.garble(.intent("w1")) },
    Case(
      "no intent of what was on a node that is down", [Expected(kind: .noIntent, key: .intent("w3"), remedy: "repair")],
      after: { desired($0, "w3") == .running }
    ) { $0.delete(.intent("w3")) },
    Case(
      "a damaged intent of what is down stays down", [Expected(kind: .unreadable, key: .intent("w2"), remedy: "repair")],
      after: { desired($0, "w2") == .stopped }
    ) { $0.garble(.intent("w2")) },
    Case("a damaged intent of what may be being adopted", [Expected(kind: .unreadable, key: .intent("w9"), remedy: "by hand")])
    {
      try $0.put(.spec("w9"), .spec(OperatorFixture.spec("w9")))
      $0.garble(.intent("w9"))
    },
    Case(
      "a damaged intent of what left protection once, and may be coming back",
      [Expected(kind: .unreadable, key: .intent("w9"), remedy: "by hand")]
    ) {
      let spec = OperatorFixture.spec("w9")
      let left = ClaimRecord.ReleasedTo(node: "a", connection: spec.connection, uuid: spec.uuid)
      try $0.put(.spec("w9"), .spec(spec))
      try $0.put(.claim("w9"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil, releasedTo: left)))
      $0.garble(.intent("w9"))
    },
    Case(
      "a damaged placement of what runs: its place is where it runs",
      [Expected(kind: .unreadable, key: .placement("w1"), remedy: "repair")], after: { place($0, "w1") == "a" }
    ) { $0.garble(.placement("w1")) },
    Case(
      "a damaged placement of what is down", [Expected(kind: .unreadable, key: .placement("w2"), remedy: "repair")],
      after: { isGone($0, .placement("w2")) }
    ) { $0.garble(.placement("w2")) },
    Case("a damaged definition of what runs is a person's", [Expected(kind: .unreadable, key: .spec("w1"), remedy: "by hand")])
    {
      $0.garble(.spec("w1"))
    },
    Case(
      "a damaged definition of what was on a node that is down",
      [Expected(kind: .unreadable, key: .spec("w3"), remedy: "by hand")]
    ) { $0.garble(.spec("w3")) },
    Case(
      "a damaged definition of what was released", [Expected(kind: .unreadable, key: .spec("w2"), remedy: "repair")],
      after: { isGone($0, .spec("w2"), .intent("w2"), .placement("w2")) && $0.record(.claim("w2")) != nil }
    ) { $0.garble(.spec("w2")) },
    Case("a damaged claim is a person's", [Expected(kind: .unreadable, key: .claim("w1"), remedy: "by hand")]) {
      $0.garble(.claim("w1"))
    },
    Case(
      "a damaged claim, and nothing else of it is repaired before",
      [
        Expected(kind: .unreadable, key: .claim("w2"), remedy: "by hand"),
        Expected(kind: .unreadable, key: .intent("w2"), remedy: "by hand"),
        Expected(kind: .unreadable, key: .placement("w2"), remedy: "by hand")
      ]
    ) {
      $0.garble(.claim("w2"))
      $0.garble(.intent("w2"))
      $0.garble(.placement("w2"))
    },
    Case("no definition of what runs", [Expected(kind: .noDefinition, key: .claim("w1"), remedy: "by hand")]) {
      $0.delete(.spec("w1"))
    },
    Case(
      "what is left of a definition", [Expected(kind: .noDefinition, key: .intent("w2"), remedy: "repair")],
      after: { isGone($0, .intent("w2"), .placement("w2")) && $0.record(.claim("w2")) != nil }
    ) {
      $0.delete(.spec("w2"))
      $0.garble(.placement("w2"))
    },
    Case("the claim of what was released is right", []) {
      for key: RecordKey in [.spec("w2"), .intent("w2"), .placement("w2")] { $0.delete(key) }
    },
    Case("one UUID twice", [Expected(kind: .sameUUID, key: .spec("w2"), remedy: "by hand")]) {
      try $0.put(.spec("w2"), .spec(OperatorFixture.spec("w2", uuid: OperatorFixture.spec("w1").uuid.uppercased())))
    }
  ]

  private static func expectation(_ finding: RecordFinding) -> Expected? {
    guard let key = Shelf.codec.parse(finding.key) else { return nil }
    let remedy = finding.repair == nil ? "by hand" : "repair"
    return Expected(kind: finding.kind, key: key, remedy: remedy, weight: finding.weight)
  }

  @Test(arguments: cases.indices) func `each is found, and what is repaired is not found again`(_ index: Int) throws {
    let it = Self.cases[index]
    var shelf = try Shelf()
    try it.change(&shelf)
    let check = shelf.check()
    #expect(Set(check.findings.compactMap(Self.expectation)) == Set(it.expected), "\(it.name): \(check.findings)")
    #expect(check.findings.count == it.expected.count, "\(it.name)")
    #expect(check.findings.allSatisfy { !$0.reason.hasSuffix(".") && !$0.effect.hasSuffix(".") }, "\(it.name)")
    for finding in check.findings {
      if case .byHand(let steps) = finding.remedy { #expect(steps.allSatisfy { $0.hasSuffix(".") }, "\(it.name): \(steps)") }
    }
    for repair in check.findings.compactMap(\.repair) { #expect(try shelf.apply(repair), "\(it.name): \(repair)") }
    #expect(it.after(shelf), "\(it.name)")
    let repaired = Set(check.findings.filter { $0.repair != nil }.map(\.key))
    #expect(shelf.check().findings.allSatisfy { !repaired.contains($0.key) }, "\(it.name): \(shelf.check().findings)")
  }

  @Test func `a repair is refused when anything that it depends on has changed since`() throws {
    for it in Self.cases {
      var damaged = try Shelf()
      try it.change(&damaged)
      for repair in damaged.check().findings.compactMap(\.repair) {
        for condition in repair.transaction.conditions {
          var shelf = damaged
          shelf.raw(condition.key, [UInt8]("{\"news\":1}".utf8))
          #expect(try !shelf.apply(repair), "\(it.name): \(condition)")
        }
        let guarded = Set(repair.transaction.conditions.map(\.key))
        #expect(repair.transaction.writes.allSatisfy { guarded.contains($0.key) }, "\(it.name)")
      }
    }
  }

  @Test func `the claims of what was released are said to be right, and unknown keys are left alone`() throws {
    var shelf = try Shelf()
    for key: RecordKey in [.spec("w2"), .intent("w2"), .placement("w2")] { shelf.delete(key) }
    _ = shelf.model.apply(Transaction(if: [], write: [.put("/holdfast/t/quorums/x", [1])]))
    let check = shelf.check()
    #expect(check.faults.isEmpty && check.findings.map(\.kind) == [.unknownKey], "\(check.findings)")
    #expect(check.notes.count == 1 && check.notes[0].hasPrefix("1 claim of workloads that left protection: that is right"))
  }

  @Test func `another cluster in the same store is not looked at`() throws {
    var shelf = try Shelf()
    _ = shelf.model.apply(Transaction(if: [], write: [.put("/holdfast/other/planner", [UInt8]("{".utf8))]))
    #expect(shelf.check().findings.isEmpty)
  }

  /// By hand, a claim gets an epoch above all that ever were, and nobody's name.
  @Test func `what a person is told to write for a claim can be read, and is nobody's`() throws {
    var shelf = try Shelf()
    shelf.garble(.claim("w1"))
    let check = shelf.check()
    guard case .byHand(let steps)? = check.findings.first?.remedy else { throw Missing() }
    let put = try #require(steps.first { $0.hasPrefix("`etcdctl put /holdfast/t/claims/w1 '") })
    let value = try #require(put.split(separator: "'").dropFirst().first)
    shelf.raw(.claim("w1"), [UInt8](value.utf8))
    guard case .claim(let claim)? = shelf.record(.claim("w1")) else { throw Missing() }
    #expect(claim.holder == nil && claim.epoch.value > check.listing.revision.value + 999_999)
    #expect(shelf.check().findings.isEmpty)
  }

  /// Whatever is damaged and whatever is repaired in whatever order: no claim and no session is written, no definition goes that somebody may
  /// execute, and it comes to an end.
  @Test(arguments: 0..<200) func `no damage makes a repair touch who may execute`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed), shelf = try Shelf()
    let keys = shelf.model.entries.keys.compactMap { Shelf.codec.parse($0) }.sorted { "\($0)" < "\($1)" }
    for key in keys {
      switch Int.random(in: 0..<6, using: &random) {
      case 0: shelf.garble(key)
      case 1: shelf.delete(key)
      default: break
      }
    }
    let before = shelf
    var rounds = 0
    while let repair = shelf.check().findings.compactMap(\.repair).randomElement(using: &random) {
      rounds += 1
      try #require(rounds < 100)
      for write in repair.transaction.writes {
        switch write.key {
        case .claim, .session: Issue.record("\(repair)")
        case .spec(let name):
          if case .claim(let claim)? = shelf.record(.claim(name)) { #expect(claim.holder == nil, "\(repair)") }
          if case .unreadable? = shelf.record(.claim(name)) { Issue.record("\(repair)") }
        case .placement(let name):
          // Where a node holds it, it keeps its place there.
          guard case .claim(let claim)? = shelf.record(.claim(name)), let holder = claim.holder else { break }
          guard case .put(_, .placement(let placement)) = write else {
            Issue.record("\(repair)")
            break
          }
          #expect(placement.node == holder.node)
        default: break
        }
      }
      #expect(try shelf.apply(repair))
    }
    for key in keys {
      switch key {
      case .claim, .session: #expect(shelf.model.entries[Shelf.codec.key(key)] == before.model.entries[Shelf.codec.key(key)])
      default: break
      }
    }
  }

  private struct Missing: Error {}
}
