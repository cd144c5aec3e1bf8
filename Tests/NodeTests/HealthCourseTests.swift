import HoldfastModel
import HoldfastNode
import HoldfastOperator
import HoldfastTime
import Housekeeping
import Testing

/// The cluster's health as an event, on virtual time.
@Suite struct `The cluster's health` {
  typealias Health = ClusterStatus.Health

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var before: Health
    /// At which second what is seen, and what is told then.
    var looks: [(Double, Health, String?)]
    var testDescription: String { name }

    init(_ name: String, after before: Health = .ok, _ looks: [(Double, Health, String?)]) {
      (self.name, self.before, self.looks) = (name, before, looks)
    }
  }

  static let rows = [
    Row("is not told while it is what it was", [(0, .ok, nil), (100, .ok, nil)]),
    Row(
      "is told when it has been worse for a while, once",
      [(0, .degraded, nil), (10, .degraded, nil), (15, .degraded, "degraded warning"), (100, .degraded, nil)]),
    Row(
      "is told as it is then, however bad it was in between",
      [(0, .critical, nil), (10, .degraded, nil), (16, .degraded, "degraded warning")]),
    Row(
      "is told when it gets worse yet", after: .degraded,
      [(0, .critical, nil), (20, .critical, "degraded error"), (40, .critical, nil)]),
    Row("is not told when that passes", [(0, .critical, nil), (10, .ok, nil), (12, .critical, nil), (20, .critical, nil)]),
    Row(
      "is told when it has been better for longer", after: .critical,
      [(0, .ok, nil), (30, .ok, nil), (60, .ok, "recovered info"), (100, .ok, nil)]),
    Row(
      "is told when it is less bad", after: .critical,
      [(0, .degraded, nil), (60, .degraded, "degraded warning"), (61, .ok, nil), (121, .ok, "recovered info")]),
    Row(
      "is not told to be better while it comes and goes", after: .degraded,
      [(0, .ok, nil), (50, .degraded, nil), (55, .ok, nil), (110, .ok, nil), (115, .ok, "recovered info")]),
    Row(
      "is told when it turns from better to worse", after: .degraded,
      [(0, .ok, nil), (30, .critical, nil), (45, .critical, "degraded error")])
  ]

  @Test(arguments: rows) func `is told in time`(row: Row) {
    var course = HealthCourse(told: row.before)
    for (second, health, told) in row.looks {
      let note = course.saw(health, ["Node n3 is down"], at: .zero + .seconds(second))
      #expect(note.map { "\($0.kind.rawValue) \($0.severity.rawValue)" } == told, "at \(second)")
    }
  }

  @Test(arguments: [
    ([], Health.ok), ([Note(.recovered, "")], .ok), ([Note(.degraded, "", severity: .warning)], .degraded),
    ([Note(.degraded, "", severity: .error), Note(.placed, "")], .critical),
    ([Note(.degraded, "", severity: .error), Note(.recovered, "")], .ok)
  ]) func `was told last as the history says`(notes: [Note], told: Health) {
    let history = notes.enumerated().map { HistoryRecord(time: 0, node: "n1", serial: Int64($0.offset), note: $0.element) }
    #expect(HealthCourse(history).told == told)
  }

  static let sights: [(UInt64, [StoreConcern.Topic], Duration, Bool)] = [
    (7, [.slow], .seconds(5), true), (7, [.slow], HealthCourse.Sight.mostAge, false), (8, [.slow], .seconds(5), false),
    (7, [], .seconds(5), false)
  ]

  @Test(arguments: sights) func `is looked at anew when something has changed, or some time has passed`(
    version: UInt64, topics: [StoreConcern.Topic], age: Duration, holds: Bool
  ) {
    var course = HealthCourse(told: .ok)
    _ = course.saw(.init(version: 7, topics: [.slow], at: .zero, health: .ok, reasons: []), at: .zero)
    #expect(course.sight?.holds(for: version, topics, at: .zero + age) == holds)
  }

  @Test func `is told with the first reasons`() {
    var course = HealthCourse(told: .critical)
    _ = course.saw(.degraded, [], at: .zero)
    let note = course.saw(.degraded, ["One", "Two", "Three", "Four", "Five"], at: .zero + HealthCourse.betterAfter)
    #expect(note?.text == "the cluster is DEGRADED, and not CRITICAL any more: One; Two; Three; and 2 more")
    _ = course.saw(.ok, [], at: .zero)
    #expect(
      course.saw(.ok, [], at: .zero + HealthCourse.betterAfter)?.text == "the cluster is OK again, after it was DEGRADED")
  }

  // MARK: on the planner's node

  @Test func `is told by the planner's node, and by the next planner's only when it changes`() async {
    let access = TestAccess(MadeUpCluster(now: APIHarness.now())), readings = Readings()
    let watch = ClusterHealthWatch(access, readings: readings, logger: RecordedLog().logger)
    var course: HealthCourse?
    for second in [0, 5, 20, 25.0] { await watch.look(&course, at: .zero + .seconds(second)) }
    let told = await access.history(limit: 1000, workload: nil).filter { $0.note.kind == .degraded }
    #expect(told.count == 1 && told.first?.note.severity == .error)
    #expect(told.first?.note.text.hasPrefix("the cluster is CRITICAL: ") == true, "\(told)")
    var next: HealthCourse?
    for second in [0, 20, 100.0] { await watch.look(&next, at: .zero + .seconds(second)) }
    #expect(await access.history(limit: 1000, workload: nil).filter { $0.note.kind == .degraded }.count == 1)
    access.change { $0.cluster.put(.planner, .planner(PlannerRecord(node: "n2", incarnation: "n2-7"))) }
    await watch.look(&course, at: .zero + .seconds(200))
    #expect(course == nil)
  }
}
