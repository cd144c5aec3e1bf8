import HoldfastController
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

/// What is told of workloads that their nodes hold and that do not simply run.
@Suite struct `API: whether workloads execute` {
  private static let now: Int64 = 1_772_330_000_000
  private static let freeze = "frozen on n1: "

  /// Two nodes, and `w` runs on n1.
  private static func cluster(_ change: (inout MadeUpCluster) -> Void = { _ in }) -> MadeUpCluster {
    var cluster = MadeUpCluster.empty
    cluster.join("n1")
    cluster.join("n2")
    cluster.put(.report("n2"), report(.armed))
    cluster.put(.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-7")))
    cluster.run("w", 1024, on: "n1")
    change(&cluster)
    return cluster
  }

  private static func record(
    _ guardPhase: GuardPhase, freeze: ReportRecord.Freeze? = nil, unfrozen: [WorkloadName]? = nil,
    paused: [WorkloadName: String]? = nil
  ) -> ReportRecord {
    ReportRecord(
      unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: guardPhase, strays: [], freeze: freeze,
      unfrozen: unfrozen, paused: paused)
  }

  private static func report(
    _ guardPhase: GuardPhase, freeze: ReportRecord.Freeze? = nil, unfrozen: [WorkloadName]? = nil,
    paused: [WorkloadName: String]? = nil
  ) -> Record {
    .report(record(guardPhase, freeze: freeze, unfrozen: unfrozen, paused: paused))
  }

  private static func own(
    _ guardPhase: GuardPhase = .isolated, freeze: ReportRecord.Freeze? = .confirmed, killed: Set<WorkloadName> = []
  ) -> OwnSight {
    OwnSight(node: "n1", report: record(guardPhase, freeze: freeze), killed: killed)
  }

  private static func view(_ cluster: MadeUpCluster) -> ClusterView {
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    return view
  }

  private func status(
    _ cluster: MadeUpCluster, teller: NodeName = "n1", own: OwnSight? = nil, silence: Double? = 0.2,
    policies: PolicySet = .none, outlook: ClusterOutlook? = nil
  ) -> ClusterStatus {
    ClusterStatus(
      Self.view(cluster), cluster: "prod", node: teller, storeSilence: silence, history: cluster.history, outlook: outlook,
      own: own, planner: PolicyPlanner(policies), now: Self.now)
  }

  // MARK: one workload

  static let reports: [(Record, WorkloadInfo.State, String?)] = [
    (report(.armed), .running, nil),
    (report(.disarmed), .running, nil),
    // A cluster that is disarmed freezes nothing for a guard that is gone.
    (report(.absent), .running, nil),
    (report(.absent, freeze: .confirmed), .frozen, freeze + "the guard of n1 is not there"),
    (
      report(.absent, freeze: .ordered), .frozen,
      freeze + "the guard of n1 is not there; the freeze is not confirmed yet"
    ),
    (report(.isolated, freeze: .confirmed), .frozen, freeze + "the guard of n1 has isolated it"),
    // As builds told it that had no word for it.
    (report(.isolated), .frozen, freeze + "the guard of n1 has isolated it"),
    (report(.isolating), .frozen, freeze + "the guard of n1 has isolated it; the freeze is not confirmed yet"),
    // What may run more than once runs on.
    (report(.isolated, freeze: .confirmed, unfrozen: ["w"]), .running, nil),
    (report(.armed, paused: ["w": "libvirt has paused it"]), .paused, "libvirt has paused it on n1"),
    (report(.armed, paused: ["v": "libvirt has paused it"]), .running, nil),
    (
      report(.isolated, freeze: .confirmed, paused: ["w": "libvirt has paused it"]), .frozen,
      freeze + "the guard of n1 has isolated it"
    )
  ]

  @Test(arguments: reports.indices) func `its node's report tells whether it executes`(_ index: Int) {
    let (report, state, why) = Self.reports[index]
    let info = WorkloadInfo("w", in: ClusterSight(Self.view(Self.cluster { $0.put(.report("n1"), report) })))
    #expect(info.state == state && info.why == why && info.node == "n1")
    #expect(info.isInPlace == (why == nil))
  }

  @Test func `a report of a session that is gone says nothing`() {
    let cluster = Self.cluster {
      $0.put(.report("n1"), Self.report(.isolated, freeze: .confirmed))
      $0.delete(.session("n1-7"))
    }
    #expect(WorkloadInfo("w", in: ClusterSight(Self.view(cluster))).state == .down)
  }

  @Test func `what is frozen while it is being started is told as that`() {
    let cluster = Self.cluster {
      $0.put(.report("n1"), Self.report(.absent, freeze: .confirmed))
      $0.put(
        .claim("w"), .claim(ClaimRecord(epoch: Epoch(2), holder: .init(node: "n1", incarnation: "n1-7"), activity: .starting)))
    }
    let info = WorkloadInfo("w", in: ClusterSight(Self.view(cluster)))
    #expect(info.state == .starting)
    #expect(info.why == "n1 is starting it, and everything there is frozen: the guard of n1 is not there")
  }

  // MARK: a node that is cut off

  @Test func `a node that the store does not answer says first that its own workloads are frozen`() {
    let cluster = Self.cluster { $0.run("v", 1024, on: "n2") }
    let status = status(cluster, own: Self.own(), silence: 6.4)
    #expect(status.reasons.first == "1 workload of n1 is frozen: the store has not answered n1 for 6.4 s")
    #expect(status.health == .critical)
    #expect(status.counts.running == 0 && status.counts.frozen == 1 && status.counts.unclear == 1)
    #expect(status.nodes.map(\.state) == [.cutOff, .unknown])
    #expect(status.nodes.first?.freeze?.workloads == 1 && status.nodes.first?.guardPhase == .isolated)
    #expect(
      status.misplaced.map(\.why) == [
        "frozen on n1: the store has not answered n1 for 6.4 s", "n2 had it when the store last answered n1, 6.4 s ago"
      ])
    #expect(status.next.first?.command == "journalctl -u holdfastd -n 20")
  }

  @Test func `what it sees of itself comes before what it wrote`() {
    let cluster = Self.cluster { $0.put(.report("n1"), Self.report(.isolated, freeze: .confirmed)) }
    #expect(status(cluster, own: Self.own(.armed, freeze: nil)).counts.running == 1)
    #expect(status(cluster).counts.frozen == 1)
    #expect(status(cluster, teller: "n2").reasons.first == "1 workload of n1 is frozen: the guard of n1 has isolated it")
  }

  @Test func `what was killed at the deadline is down`() throws {
    let status = status(Self.cluster(), own: Self.own(killed: ["w"]), silence: 6.4)
    let info = try #require(status.misplaced.first)
    #expect(info.state == .down && info.why?.hasPrefix("killed on n1 at its deadline ('isolation: stop')") == true)
    #expect(status.reasons.contains("w does not run"), "\(status.reasons)")
  }

  @Test func `a node that knows nothing of itself promises nothing`() {
    let status = status(Self.cluster(), silence: 6.4)
    #expect(status.counts.running == 0 && status.counts.unclear == 1)
  }

  // MARK: the status

  @Test func `a guard that is gone is the first thing that is said, with what to type`() {
    let cluster = Self.cluster {
      $0.put(.report("n1"), Self.report(.absent, freeze: .confirmed))
      for number in 1...33 { $0.run(WorkloadName("v\(number)"), 64, on: "n1") }
    }
    let status = status(cluster, teller: "n2")
    #expect(status.reasons.first == "34 workloads of n1 are frozen: the guard of n1 is not there")
    #expect(!status.reasons.contains("The guard of n1 is not there"))
    #expect(status.counts.running == 0 && status.counts.frozen == 34)
    #expect(status.next.first?.command == "systemctl status holdfast-guard" && status.next.first?.on == "n1")
  }

  @Test func `what libvirt has paused is critical, with what to type`() {
    let cluster = Self.cluster { $0.put(.report("n1"), Self.report(.armed, paused: ["w": "libvirt has paused it"])) }
    let status = status(cluster)
    #expect(status.health == .critical && status.counts.running == 0 && status.counts.paused == 1)
    #expect(status.reasons.first == "w is paused: libvirt executes nothing of it")
    #expect(
      status.next.map(\.command) == [
        "virsh -c lxc:///system domstate --reason w", "holdfast resume w"
      ])
  }

  @Test func `what an operator paused is told, and is no fault`() throws {
    let cluster = Self.cluster {
      $0.put(.report("n1"), Self.report(.armed, paused: ["w": "libvirt has paused it"]))
      $0.put(.intent("w"), .intent(IntentRecord(desired: .running, errand: .pause)))
    }
    let status = status(cluster), info = try #require(status.misplaced.first)
    #expect(status.health == .ok && status.counts.paused == 1)
    #expect(info.state == .paused && info.why == "an operator paused it on n1: `holdfast resume w`" && info.errand == "pause")
  }

  private static func ended(_ count: Int, _ workload: WorkloadName = "w", ago: Int64 = 5) -> [HistoryRecord] {
    (0..<count).map { index in
      HistoryRecord(
        time: now - ago * 1000, node: "n1", serial: Int64(index),
        note: Note(.vanished, "\(workload) ended on n1 without being told to", severity: .warning, workload: workload))
    }
  }

  @Test(arguments: [(2, 5, false), (3, 5, true), (7, 599, true), (7, 601, false)] as [(Int, Int64, Bool)])
  func `a loop of ends is no running like any other`(_ count: Int, _ ago: Int64, _ isTold: Bool) {
    let status = status(Self.cluster { $0.history = Self.ended(count, ago: ago) })
    #expect(status.counts.running == 1 && status.counts.endingAgain == (isTold ? 1 : 0))
    #expect(status.health == (isTold ? .degraded : .ok))
    let why = "it ended \(count) times in the last 10 minutes without being told to"
    #expect(status.misplaced.map(\.why) == (isTold ? [why] : []))
    guard isTold else { return }
    #expect(status.next.first?.command == "holdfast events --workload w")
    #expect(status.misplaced.first?.lastEnd == WallInstant(Self.now - ago * 1000))
    let when = ago < 100 ? "\(ago) s" : "\(ago / 60) min"
    #expect(status.reasons.first?.hasSuffix("(w \(count) times in 10 minutes, last \(when) ago)") == true, "\(status.reasons)")
  }

  @Test func `what a clock ahead wrote is as old as the next line of one that is not`() {
    var ended = Self.ended(3, ago: -7200)
    let loop = status(Self.cluster { $0.history = ended })
    #expect(loop.counts.endingAgain == 1 && loop.recent.map(\.milliseconds) == ended.map(\.time), "shown as it was written")
    ended.append(Self.line(Note(.started, "w runs on n1", workload: "w"), by: "n2", ago: 601))
    let over = status(Self.cluster { $0.history = ended })
    #expect(over.counts.endingAgain == 0 && over.recent.isEmpty, "\(over.recent)")
  }

  @Test func `what runs against a rule is told, and is not in its place`() throws {
    var rule = WorkloadPolicy(name: "elsewhere", selection: .all)
    rule.onlyOn = try Selection(parsing: "n9")
    var policies = PolicySet()
    policies.workloads = [rule]
    let view = Self.view(Self.cluster())
    let planning = PlanningSnapshot(
      nodes: ["n1", "n2"].map {
        .init(name: $0, capacity: Resources(memory: 16384, cpus: 8), connections: [MadeUpCluster.lxc])
      },
      workloads: [
        .init(
          name: "w", connection: MadeUpCluster.lxc, demand: Resources(memory: 1024, cpus: 1),
          placed: view.placements["w"]?.value, running: "n1")
      ])
    let planner = PolicyPlanner(policies)
    let status = status(
      Self.cluster(), policies: policies, outlook: ClusterOutlook(view, planner: planner, planning: planning))
    let info = try #require(status.misplaced.first)
    #expect(info.state == .running && info.brokenRule == "elsewhere" && !info.isInPlace)
    #expect(info.why?.hasPrefix("stays on n1, though 'elsewhere' does not allow it") == true)
    #expect(status.health == .degraded && status.counts.running == 1 && status.counts.breakingRules == 1)
    #expect(status.reasons.contains("w runs against 'elsewhere': no other node can take it"), "\(status.reasons)")
    #expect(status.next.contains { $0.command == "holdfast explain w" })
    #expect(planner.explain("w", in: planning)?.brokenRule == "elsewhere")
  }

  @Test(arguments: [
    (WaitingMove.Why.off, "moves are off"), (.atOnce(4), "it waits: 4 moves at a time")
  ])
  func `what waits for its move against a rule is told, and is not in its place`(why: WaitingMove.Why, words: String) {
    let moves = [WaitingMove("w", from: "n1", to: "n2", why: why, brokenRule: "elsewhere")]
    let info = WorkloadInfo("w", in: ClusterSight(Self.view(Self.cluster()), waiting: moves))
    #expect(info.state == .running && info.brokenRule == "elsewhere" && !info.isInPlace)
    #expect(info.why == "stays on n1 for now, though 'elsewhere' does not allow it: \(words)")
    let home = [WaitingMove("w", from: "n1", to: "n2", why: why)]
    #expect(WorkloadInfo("w", in: ClusterSight(Self.view(Self.cluster()), waiting: home)).isInPlace, "it breaks no rule")
  }

  @Test(arguments: [true, false]) func `a status counts what waits for its move against a rule`(areOff: Bool) throws {
    var rule = WorkloadPolicy(name: "elsewhere", selection: .all)
    rule.onlyOn = try Selection(parsing: "n2")
    var policies = PolicySet()
    policies.workloads = [rule]
    policies.cluster.moves = MovePace(atOnce: 1)
    let cluster = Self.cluster {
      if areOff { $0.put(.movesOff, .movesOff(MovesOffRecord(reason: "test", since: 1))) }
    }
    let view = Self.view(cluster)
    func workload(_ name: WorkloadName, on node: NodeName, _ placed: NodeName) -> PlanningSnapshot.Workload {
      .init(
        name: name, connection: MadeUpCluster.lxc, demand: Resources(memory: 1024, cpus: 1),
        placed: PlacementRecord(node: placed, reason: "test"), running: node, isOnItsWay: node != placed)
    }
    let planning = PlanningSnapshot(
      nodes: ["n1", "n2"].map {
        .init(name: $0, capacity: Resources(memory: 16384, cpus: 8), connections: [MadeUpCluster.lxc])
      }, workloads: [workload("other", on: "n1", "n2"), workload("w", on: "n1", "n1")])
    let status = status(
      cluster, policies: policies,
      outlook: ClusterOutlook(view, planner: PolicyPlanner(policies), planning: planning))
    #expect(status.health == .degraded && status.counts.breakingRules == 1 && status.misplaced.map(\.name) == ["w"])
    let cause = areOff ? "moves are off" : "its move waits for its turn"
    #expect(status.reasons.contains("w runs against 'elsewhere': \(cause)"), "\(status.reasons)")
    #expect(status.next.contains { $0.command == (areOff ? "holdfast moves on" : "holdfast moves") })
  }

  @Test func `what runs an older definition is told, and is no trouble`() {
    let cluster = Self.cluster {
      var record = Self.record(.armed)
      record.outdated = ["w"]
      $0.put(.report("n1"), .report(record))
    }
    let status = status(cluster)
    #expect(status.health == .ok && status.misplaced.isEmpty, "\(status.reasons)")
    #expect(status.outdated == ["w"] && status.counts.outdated == 1 && status.counts.running == 1)
    #expect(status.next.map(\.command) == ["holdfast workload w"])
  }

  @Test func `what waits for its node says how long`() {
    let warning = PlanWarning(workload: "w", .waits(40, for: "n1"))
    let sight = ClusterSight(Self.view(Self.cluster { $0.delete(.session("n1-7")) }), warnings: [warning])
    #expect(WorkloadInfo("w", in: sight).why == "n1 is down, and it waits 40 s more for n1 to come back")
  }

  @Test func `what waits until others have left its place is about to be started`() {
    let cluster = Self.cluster {
      $0.put(.claim("w"), .claim(ClaimRecord(epoch: Epoch(2), holder: nil)))
      $0.put(
        .placement("w"),
        .placement(PlacementRecord(node: nil, reason: "waits for room on n1: v has not left it yet", cause: .waits)))
    }
    let status = status(cluster)
    #expect(status.health == .degraded && status.counts.starting == 1, "\(status.reasons)")
  }

  static let starts: [(ClusterStatus.Health, String, [HistoryRecord])] = [
    (.ok, "taken a moment ago", [line(Note(.claimed, "n1 holds w at epoch 3", workload: "w"), by: "n1", ago: 5)]),
    (.degraded, "it takes long", [line(Note(.claimed, "n1 holds w at epoch 3", workload: "w"), by: "n1", ago: 61)]),
    (
      .degraded, "it has failed once",
      [
        line(Note(.claimed, "n1 holds w at epoch 3", workload: "w"), by: "n1", ago: 6),
        line(Note(.startFailed, "w did not start on n1: no", severity: .error, workload: "w"), by: "n1", ago: 5)
      ]
    ),
    (.degraded, "it has ended", ended(1)), (.degraded, "nobody knows since when", []),
    (.degraded, "that was another one", [line(Note(.claimed, "n1 holds v at epoch 3", workload: "v"), by: "n1", ago: 5)])
  ]

  @Test(arguments: starts.indices) func `a start is work in progress, until it has failed or takes long`(_ index: Int) {
    let (health, comment, history) = Self.starts[index]
    let cluster = Self.cluster {
      $0.put(
        .claim("w"),
        .claim(ClaimRecord(epoch: Epoch(3), holder: .init(node: "n1", incarnation: "n1-7"), activity: .starting)))
      $0.history = history
    }
    let status = status(cluster)
    #expect(status.health == health && status.counts.starting == 1, "\(comment): \(status.reasons)")
    #expect(status.misplaced.map(\.name) == ["w"], "it is shown all the same")
    #expect(status.reasons == (health == .ok ? [] : ["w is being started"]), "\(comment)")
  }

  @Test(arguments: [(5, false, WorkloadInfo.State.starting), (61, false, .pending), (5, true, .pending)] as [(Int64, Bool, _)])
  func `what was defined a moment ago is not yet missing`(_ ago: Int64, _ isDisarmed: Bool, _ state: WorkloadInfo.State) {
    let cluster = Self.cluster {
      $0.delete(.claim("w"))
      $0.delete(.placement("w"))
      if isDisarmed { $0.put(.disarm, .disarm(DisarmRecord(since: 1))) }
      $0.history = [Self.line(Note(.defined, "w is defined (user 0)", workload: "w"), by: "n1", ago: ago)]
    }
    let status = status(cluster)
    #expect(status.misplaced.map(\.state) == [state], "\(status.reasons)")
    #expect((status.health == .ok) == (state == .starting), "\(status.reasons)")
  }

  @Test func `one cause on many nodes is told once, in one line`() {
    let error = "internal error:\nno such file\n\n"
    let cluster = Self.cluster {
      $0.put(
        .claim("w"),
        .claim(
          ClaimRecord(
            epoch: Epoch(2), holder: nil,
            failures: ["n1": .init(count: 2, reason: error), "n2": .init(count: 2, reason: error)])))
      let failed = Exclusion.failedToStart(reason: error)
      $0.put(
        .placement("w"),
        .placement(
          PlacementRecord(
            node: nil, reason: "no node can take it", others: ["n1": failed, "n2": failed, "n3": "is down", "n4": "is down"])))
    }
    let info = WorkloadInfo("w", in: ClusterSight(Self.view(cluster)))
    #expect(
      info.why
        == "no node can take it (n3 and n4: are down); n1 and n2 failed to start it 4 times: internal error: no such file")
    #expect(info.failures["n1"]?.reason == "internal error: no such file")
  }

  @Test func `what happened to workloads that are gone is not of the present`() {
    let status = status(Self.cluster { $0.history = Self.ended(1) + Self.ended(1, "gone") })
    #expect(status.recent.map(\.workload) == ["w"])
  }

  // MARK: nodes

  private static func line(_ note: Note, by node: NodeName, ago: Int64) -> HistoryRecord {
    HistoryRecord(time: now - ago * 1000, node: node, serial: 1, note: note)
  }

  static let endings: [(NodeInfo.Ending?, String, [HistoryRecord], @Sendable (inout MadeUpCluster) -> Void)] = [
    (nil, "Node n2 is down", [], { _ in }),
    (.left, "Node n2 has left", [line(Note(.sessionEnded, "n2 has left"), by: "n2", ago: 60)], { _ in }),
    (
      .withdrew, "Node n2 gave its session up",
      [line(Note(.sessionEnded, "the workloads of n2 have no guard", severity: .error), by: "n2", ago: 60)], { _ in }
    ),
    (
      .lost, "Node n2 is down",
      [
        line(Note(.sessionEnded, "n2 has left"), by: "n2", ago: 90), line(Note(.sessionOpened, "opened"), by: "n2", ago: 80),
        line(Note(.nodeLost, "n2 has not renewed its session", severity: .error, subject: "n2"), by: "n1", ago: 60)
      ], { _ in }
    ),
    // The clock of n2 was two hours ahead when it left, and was put right before it came back.
    (
      .lost, "Node n2 is down",
      [
        line(Note(.sessionEnded, "n2 has left"), by: "n2", ago: -7000), line(Note(.sessionOpened, "opened"), by: "n2", ago: 80),
        line(Note(.nodeLost, "n2 has not renewed its session", severity: .error, subject: "n2"), by: "n1", ago: 60)
      ], { _ in }
    ),
    // Longer ago than the history goes back: since its session was opened it was lost, or it was not.
    (.lost, "Node n2 is down", [], { $0.put(.losses("n2"), .losses(LossesRecord(count: 1, last: 5))) }),
    (
      .left, "Node n2 has left", [],
      {
        $0.put(.losses("n2"), .losses(LossesRecord(count: 1, last: 5)))
        $0.join("n2")
      }
    )
  ]

  @Test(arguments: endings.indices) func `a node that shut down is not one that died`(_ index: Int) throws {
    let (ending, words, history, change) = Self.endings[index]
    let status = status(
      Self.cluster {
        change(&$0)
        $0.put(.report("n2"), Self.report(.armed))
        $0.delete(.session("n2-7"))
        $0.history = history
      })
    #expect(try #require(status.nodes.last).ending == ending)
    #expect(status.reasons.contains { $0.hasPrefix(words) }, "\(status.reasons)")
  }

  @Test func `room is what the policies leave`() throws {
    var rule = NodePolicy(name: "host", selection: .all, overcommit: ["cpus": 4], reserve: ["memory": .units(4096)])
    rule.reserve["cpus"] = .units(1)
    var policies = PolicySet()
    policies.nodes = [rule]
    policies.cluster.countUnprotected = false
    let node = try #require(status(Self.cluster(), policies: policies).nodes.first)
    #expect(node.capacity == Resources(memory: 16384, cpus: 8))
    #expect(node.allowance == Resources(memory: 12288, cpus: 28))
    #expect(node.headroom == Resources(memory: 11264, cpus: 27), "the 1.5 GiB outside protection do not count")
    let plain = try #require(status(Self.cluster()).nodes.first)
    #expect(plain.allowance == plain.capacity && plain.headroom == Resources(memory: 16384 - 1024 - 1536, cpus: 7))
  }
}
