import HoldfastModel
import HoldfastNode
import Testing

/// What brought a workload to a node, or takes it away, as the node's own copy of the records tells.
@Suite struct `A hook is told why` {
  /// What h1 knows: db-1 is defined and to run, its claim is h1's. Each record comes after the ones before.
  private static func view(_ later: [(RecordKey, Record)]) -> ClusterView {
    var view = ClusterView(), revision: Int64 = 0
    let first: [(RecordKey, Record)] = [
      (.spec("db-1"), .spec(.made(labels: [:]))), (.intent("db-1"), .intent(IntentRecord(desired: .running))),
      (.claim("db-1"), .claim(ClaimRecord(epoch: Epoch(3), holder: .init(node: "h1", incarnation: "h1-1"))))
    ]
    for (key, record) in first + later {
      revision += 1
      view.apply([.put(key, record)], committed: Revision(revision))
    }
    return view
  }

  private static func placed(
    _ reason: PlacementReason, on node: NodeName = "h1", others: [NodeName: Exclusion] = [:],
    cause: PlacementRecord.Cause? = nil, home: NodeName? = nil, handedOver: PlacementRecord.HandOver? = nil
  ) -> (RecordKey, Record) {
    (
      .placement("db-1"),
      .placement(
        PlacementRecord(node: node, reason: reason, others: others, cause: cause, home: home, handedOver: handedOver))
    )
  }

  private static let loss: (RecordKey, Record) = (.losses("h3"), .losses(LossesRecord(count: 1, last: 0)))
  private static let balanced = PlacementReason(.leastLoaded(percent: 10))
  private static let maintained: (RecordKey, Record) = (
    .maintenance("h2"), .maintenance(MaintenanceRecord(since: 0))
  )

  @Test(
    arguments: [
      ([placed(balanced)], nil),
      ([loss, placed(balanced, others: ["h3": .down])], .failover),
      // It was lost before somebody asked for this; or is no reason, as it is up.
      ([loss, (.intent("db-1"), .intent(IntentRecord(desired: .running))), placed(balanced, others: ["h3": .down])], nil),
      ([loss, placed(balanced, others: ["h3": .spare])], nil),
      ([placed(balanced, others: ["h3": .down])], nil),
      ([placed(PlacementReason(.endsAgain(times: 3, on: "h2")))], .failover),
      ([placed(PlacementReason(.unwell(times: 3, on: "h2")))], .failover),
      ([placed(PlacementReason(.backFrom("h2")))], .failback),
      ([placed(PlacementReason(.homeAfterMaintenance))], .failback),
      ([maintained, placed(balanced, others: ["h2": .inMaintenance], home: "h2")], .evacuation),
      ([loss, maintained, placed(balanced, others: ["h2": .inMaintenance, "h3": .down], home: "h2")], .evacuation),
      ([placed(balanced, handedOver: .init(from: "h2"))], .evacuation),
      ([placed(PlacementReason(.operatorAsked), cause: .operatorsMove)], .operator),
      ([placed(PlacementReason(.notAllowed(rule: "r", on: "h2")))], .policy),
      (
        [
          placed(balanced),
          (.claim("db-1"), .claim(ClaimRecord(epoch: Epoch(3), holder: .init(node: "h1", incarnation: "h1-1"), ends: 1)))
        ], .restart
      )
    ] as [([(RecordKey, Record)], HookCause?)])
  func `something is started`(records: [(RecordKey, Record)], cause: HookCause?) {
    #expect(HookCause(.start, of: "db-1", on: "h1", in: Self.view(records)) == cause)
  }

  @Test func `something is started anew under the same claim`() {
    let view = Self.view([Self.placed(Self.balanced)])
    #expect(HookCause(.start, of: "db-1", on: "h1", in: view, isAgain: true) == .restart)
  }

  @Test(
    arguments: [
      ([(.intent("db-1"), .intent(IntentRecord(desired: .stopped))), placed(balanced)], .operator),
      ([(.intent("db-1"), .intent(IntentRecord(desired: .running, errand: .restart))), placed(balanced)], .operator),
      ([placed(balanced)], .restart),
      ([placed(PlacementReason(.backFrom("h1")), on: "h2")], .failback),
      (
        [
          (.session("h1-1"), .session(SessionRecord(node: "h1", counter: 1, ttl: 3000, phase: .leaving))),
          placed(balanced, on: "h2")
        ], .evacuation
      ),
      (
        [(.maintenance("h1"), .maintenance(MaintenanceRecord(since: 0))), placed(balanced, on: "h2")],
        .evacuation
      )
    ] as [([(RecordKey, Record)], HookCause?)])
  func `something is stopped`(records: [(RecordKey, Record)], cause: HookCause?) {
    #expect(HookCause(.stop, of: "db-1", on: "h1", in: Self.view(records)) == cause)
  }

  /// As of something that libvirt shows here, and the records do not.
  @Test func `nothing of what the records do not know`() {
    for act in Hook.Act.allCases { #expect(HookCause(act, of: "db-2", on: "h1", in: Self.view([])) == nil) }
  }
}
