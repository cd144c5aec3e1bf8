import HoldfastController
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

/// Maintenance and quarantine: what the planner's controller makes of their records, and what operators may ask for.
@Suite struct ClusterCommandTests {
  private func maintenance(_ rig: Rig, _ node: NodeName = "n2") -> MaintenanceRecord? {
    if case .maintenance(let record)? = rig.store.entries[.maintenance(node)]?.value { record } else { nil }
  }
  private func cluster() -> Rig {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2")
    rig.apply("w1")
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2")
    rig.send(.wallTime(WeekTime(minute: 0), 1_000_000))
    return rig
  }
  private func ask(_ rig: inout Rig, _ command: ClusterCommand) throws {
    if let transaction = try command.prepare(in: rig.controller.view).transaction { _ = rig.store.apply(transaction) }
    rig.deliver()
  }

  @Test func `what leaves knows its home, and the record goes when it is there again`() throws {
    var rig = cluster()
    try ask(&rig, .enter("n2", MaintenanceRecord(reason: "disks", since: 1)))
    rig.pass(.milliseconds(100))
    #expect(rig.placement("w1")?.node == "n1" && rig.placement("w1")?.home == "n2")
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(1), holder: nil)))])
    rig.domainsObey = true
    rig.pass(.milliseconds(500))
    try ask(&rig, .exit("n2", .byPolicy))
    rig.pass(.milliseconds(500))
    #expect(rig.placement("w1")?.node == "n2" && rig.placement("w1")?.home == nil)
    #expect(maintenance(rig)?.phase == .over, "it is still on its way")
    rig.hold("w1", by: "n2", "i2", epoch: 3)
    rig.pass(.milliseconds(100))
    #expect(maintenance(rig) == nil)
  }

  @Test func `nothing that runs comes home while moves are off, and the maintenance stays open`() throws {
    var rig = cluster()
    try ask(&rig, .enter("n2", MaintenanceRecord(since: 1)))
    rig.pass(.milliseconds(100))
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(1), holder: nil)))])
    rig.pass(.milliseconds(500))
    rig.sees(Rig.domain("w1", epoch: 2))
    rig.send(.operation("w1", .start, .done))
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.activity == .running)
    try ask(&rig, .movesOff(MovesOffRecord(since: 1)))
    let said = try ClusterCommand.exit("n2", .byPolicy).prepare(in: rig.controller.view).text
    #expect(said == "is back in use; 1 workload moves back as policies say once moves are on again: `holdfast moves on`")
    try ask(&rig, .exit("n2", .byPolicy))
    rig.pass(.seconds(2))
    #expect(rig.placement("w1")?.node == "n1" && rig.placement("w1")?.home == "n2" && maintenance(rig)?.phase == .over)
    try ask(&rig, .movesOn)
    rig.pass(.milliseconds(500))
    #expect(rig.placement("w1")?.node == "n2")
    rig.hold("w1", by: "n2", "i2", epoch: 3)
    rig.pass(.milliseconds(100))
    #expect(maintenance(rig) == nil)
  }

  @Test func `nothing comes home that is not to`() throws {
    var rig = cluster()
    try ask(&rig, .enter("n2", MaintenanceRecord(since: 1)))
    rig.pass(.milliseconds(100))
    try ask(&rig, .exit("n2", .nothing))
    rig.pass(.milliseconds(500))
    #expect(rig.placement("w1")?.node == "n1" && rig.placement("w1")?.home == nil && maintenance(rig) == nil)
  }

  @Test
  func `a node that is lost again and again is the last choice for longer, and what it lost in maintenance does not count`() {
    var losses = LossesRecord(count: 1, last: 0)
    var times: [Int64] = [losses.quarantine]
    for number in 1...6 {
      losses = losses.again(at: Int64(number) * 1000)
      times.append(losses.quarantine)
    }
    #expect(times == [30, 300, 900, 3600, 14_400, 86_400, 86_400])
    #expect(losses.again(at: losses.last + (losses.memory + 1) * 1000).count == 1)

    var rig = cluster()
    rig.renewed = [:]
    rig.pass(.seconds(2))
    guard case .losses(let record)? = rig.store.entries[.losses("n2")]?.value else { return #expect(Bool(false), "counted") }
    #expect(record.count == 1 && record.until == record.last + 30_000)
    #expect(rig.controller.planningBasis(now: rig.now).snapshot().nodes.first { $0.name == "n2" }?.quarantine != nil)
  }

  @Test(arguments: [1_003_600_000 as Int64, 1])
  func `a wall clock that is set neither ends a quarantine nor lets it go on`(time: Int64) {
    var rig = cluster()
    func remaining(_ rig: Rig) -> Double? { rig.controller.planningBasis(now: rig.now).quarantines["n2"] }
    rig.renewed = [:]
    rig.pass(.seconds(2))
    let before = remaining(rig) ?? 0
    #expect(before > 20)
    rig.send(.wallTime(WeekTime(minute: 60), time))
    #expect(remaining(rig) == before)
    rig.pass(.seconds(10))
    #expect(abs((remaining(rig) ?? 0) - (before - 10)) < 0.1)
    rig.pass(.seconds(21))
    #expect(remaining(rig) == nil)
    #expect(rig.controller.planningBasis(now: rig.now).snapshot().nodes.first { $0.name == "n2" }?.quarantine == nil)
  }

  @Test func `commands say what stands against them, and do nothing twice`() throws {
    var rig = cluster()
    #expect(throws: OperatorError.self) {
      try ClusterCommand.enter("n9", MaintenanceRecord(since: 1)).prepare(in: rig.controller.view)
    }
    #expect(try ClusterCommand.exit("n2", .byPolicy).prepare(in: rig.controller.view).transaction == nil)
    #expect(try ClusterCommand.clearFailures("n2").prepare(in: rig.controller.view).transaction == nil)
    #expect(try ClusterCommand.arm.prepare(in: rig.controller.view).transaction == nil)
    #expect(try ClusterCommand.movesOn.prepare(in: rig.controller.view).transaction == nil)
    try ask(&rig, .movesOff(MovesOffRecord(reason: "wrong rule", since: 1)))
    #expect(try ClusterCommand.movesOff(MovesOffRecord(since: 9)).prepare(in: rig.controller.view).transaction == nil)
    try ask(&rig, .movesOn)
    #expect(rig.store.entries[.movesOff] == nil)
    try ask(&rig, .enter("n2", MaintenanceRecord(since: 1)))
    #expect(try ClusterCommand.enter("n2", MaintenanceRecord(since: 99)).prepare(in: rig.controller.view).transaction == nil)
    #expect(maintenance(rig)?.since == 1)
    try ask(&rig, .disarm(DisarmRecord(since: 2)))
    #expect(throws: OperatorError.self) {
      try ClusterCommand.enter("n1", MaintenanceRecord(since: 1)).prepare(in: rig.controller.view)
    }
  }

  @Test func `records that nobody wrote are refused at the door`() throws {
    let codec = RecordCodec(cluster: "c")
    for (key, text) in [
      (RecordKey.maintenance("n1"), #"{"phase":"empty","since":1,"parallel":0,"leavesPending":false,"failback":"by-policy"}"#),
      (.maintenance("n1"), #"{"phase":"sideways","since":1,"leavesPending":false,"failback":"by-policy"}"#),
      (.losses("n1"), #"{"count":0,"last":1}"#), (.losses("n1"), #"{"count":1,"last":-5}"#),
      (.disarm, #"{"since":1,"until":9223372036854775807}"#), (.disarm, "[]")
    ] {
      guard case .unreadable = codec.decode(Array(text.utf8), at: key) else {
        Issue.record("\(text) was read")
        continue
      }
    }
    for (key, record) in [
      (RecordKey.maintenance("n1"), Record.maintenance(MaintenanceRecord(reason: "x", since: 1, parallel: 3, deadline: 9))),
      (.losses("n1"), .losses(LossesRecord(count: 2, last: 7))), (.disarm, .disarm(DisarmRecord(since: 1, until: 2)))
    ] {
      #expect(codec.parse(codec.key(key)) == key)
      #expect(codec.decode(try codec.encode(record), at: key) == record)
    }
  }
}
