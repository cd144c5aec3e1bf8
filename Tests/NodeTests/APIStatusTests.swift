import HoldfastModel
import HoldfastOperator
import Housekeeping
import Testing

@Suite struct `API: the status of a cluster` {
  private static let now: Int64 = 1_772_330_000_000

  private func status(
    _ change: (inout MadeUpCluster) -> Void = { _ in }, silence: Double? = 0.2, store: StorePicture? = nil,
    fault: String? = nil
  ) -> ClusterStatus {
    var cluster = MadeUpCluster(now: Self.now)
    change(&cluster)
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    return ClusterStatus(
      view, cluster: "prod", node: "n1", storeSilence: silence, store: store, history: cluster.history, fault: fault,
      now: Self.now)
  }

  @Test func `a controller that found an error in itself comes first`() {
    let status = status(fault: "two and two")
    #expect(status.reasons.first?.hasPrefix("holdfastd on n1 found an error in itself") == true)
    #expect(status.next.first?.command == "systemctl restart holdfastd" && status.next.first?.on == "n1")
  }

  @Test func `a night with a lost node`() {
    let status = status()
    #expect(status.health == .critical)
    #expect(status.reasons.first == "db2 does not run")
    #expect(status.reasons.contains("Node n3 is down"))
    #expect(status.reasons.contains("qemu:///system on n2 is unreachable"))
    #expect(status.planner == "n1")
    #expect(status.nodes.map(\.state) == [.up, .up, .down])
    #expect(status.counts.total == 9 && status.counts.running == 5 && status.counts.stopped == 1)
    #expect(status.misplaced.map(\.name) == ["db2", "legacy", "shop1"])
    #expect(status.recent.count == 9)
    #expect(status.next.first?.command == "holdfast workload db2")
    #expect(status.next.contains { $0.on == "n3" })
    #expect(status.time == "2026-03-01T01:53:20.000Z")
  }

  @Test func `why each is not in its place`() throws {
    let misplaced = status().misplaced
    let db2 = try #require(misplaced.first { $0.name == "db2" })
    #expect(db2.state == .pending && db2.node == nil && db2.wantedNode == nil)
    #expect(db2.why?.hasPrefix("no node can take it (n1: has 6.5 GiB of memory free, and it needs 12.0 GiB") == true)
    let shop1 = try #require(misplaced.first { $0.name == "shop1" })
    #expect(shop1.state == .starting && shop1.node == "n1")
    #expect(
      shop1.why == "n1 is starting it; n2 failed to start it 2 times: cannot open /srv/shop1/rootfs: No such file or directory")
    let legacy = try #require(misplaced.first { $0.name == "legacy" })
    #expect(legacy.state == .unclear)
    #expect(legacy.why?.contains("qemu:///system is unreachable: Failed to connect") == true)
  }

  @Test func `a node's numbers`() throws {
    let nodes = status().nodes
    let n1 = try #require(nodes.first)
    #expect(n1.isPlanner && n1.guardPhase == .armed && n1.sessionTTL == 3)
    #expect(n1.used == Resources(memory: 2048 + 6144 + 3072, cpus: 3))
    #expect(n1.headroom == Resources(memory: 16384 - 11264 - 1536, cpus: 5))
    let n3 = try #require(nodes.last)
    #expect(n3.guardPhase == nil && n3.headroom == nil && n3.workloads == 0 && n3.renewals == nil)
  }

  @Test func `what finds no room after the next loss`() {
    let risks = status().risks
    #expect(risks.map(\.node) == ["n1", "n2"])
    // n2 has 5.5 GiB free, of db1 (6 GiB), shop1 and web1 it takes the latter two.
    #expect(risks.first?.workloads == ["db1"])
  }

  /// Everything in its place, nothing at risk.
  private func quiet(_ cluster: inout MadeUpCluster) {
    cluster = MadeUpCluster.empty
    cluster.join("n1")
    cluster.join("n2")
    cluster.put(.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-7")))
    cluster.put(
      .report("n2"), .report(.init(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])))
    cluster.run("web1", 1024, on: "n1")
  }

  @Test func `all is well`() {
    let status = status { quiet(&$0) }
    #expect(status.health == .ok, "\(status.reasons)")
    #expect(status.reasons.isEmpty && status.next.isEmpty && status.misplaced.isEmpty && status.risks.isEmpty)
  }

  /// - Parameter isSeen: a domain with web1's UUID runs there.
  private static func leave(
    _ leftovers: [LeftoverDefinition], on node: NodeName, isSeen: Bool = false, in cluster: inout MadeUpCluster
  ) {
    var report = ReportRecord(
      unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [],
      leftovers: leftovers.isEmpty ? nil : leftovers)
    if isSeen { report.unmanagedUUIDs = [NameUUID.derived(cluster: "prod", workload: "web1")] }
    cluster.put(.report(node), .report(report))
  }

  static let troubles: [(ClusterStatus.Health, String, @Sendable (inout MadeUpCluster) -> Void)] = [
    (.degraded, "There is no planner", { $0.delete(.planner) }),
    (
      .degraded, "Node n2 is leaving",
      { $0.put(.session("n2-7"), .session(.init(node: "n2", counter: 1, ttl: 3000, phase: .leaving))) }
    ),
    (.degraded, "Node n2 is down", { $0.delete(.session("n2-7")) }),
    (
      .critical, "No node has a session",
      {
        $0.delete(.session("n2-7"))
        $0.delete(.session("n1-7"))
      }
    ),
    (
      .critical, "web1 does not run",
      { $0.delete(.session("n1-7")) }
    ),
    (
      .critical, "The guard of n2 has frozen all its workloads",
      {
        $0.put(
          .report("n2"),
          .report(.init(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .isolated, strays: [])))
      }
    ),
    (
      .critical, "The guard of n2 is not there",
      {
        $0.put(
          .report("n2"),
          .report(.init(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .absent, strays: [])))
      }
    ),
    (
      .degraded, "The guard of n2 has not answered yet",
      {
        $0.put(
          .report("n2"),
          .report(.init(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .awaited, strays: [])))
      }
    ),
    (
      .degraded, "Node n2 is without its fence",
      {
        var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
        report.flaws = [NodeFlaw(NodeFlaw.watchdog, "is without its fence: its guard cannot use the hardware watchdog")]
        $0.put(.report("n2"), .report(report))
      }
    ),
    (
      .degraded, "lxc:///system/x",
      {
        $0.put(
          .report("n2"),
          .report(
            .init(unmanaged: .none, unmanagedDomains: 1, unreachable: [:], guardPhase: .armed, strays: ["lxc:///system/x"])))
      }
    ),
    (
      .degraded, "Definitions left on n2 keep web1 from starting there",
      { leave([LeftoverDefinition(of: "web1")], on: "n2", in: &$0) }
    ),
    (
      .degraded, "libvirt starts web1 outside protection at the next boot of n2",
      { leave([LeftoverDefinition(of: "web1", autostart: true)], on: "n2", in: &$0) }
    ),
    (
      .critical, "A second copy of web1 runs on n2 outside protection, beside the one on n1",
      { leave([LeftoverDefinition(of: "web1", autostart: true, isRunning: true)], on: "n2", isSeen: true, in: &$0) }
    ),
    // It was started without being defined.
    (
      .critical, "A second copy of web1 runs on n2 outside protection, beside the one on n1",
      { leave([], on: "n2", isSeen: true, in: &$0) }
    ),
    (
      .critical, "Another domain named web1 runs on n2 outside protection, beside the workload on n1",
      { leave([LeftoverDefinition(of: "web1", otherUUID: "u7", isRunning: true)], on: "n2", in: &$0) }
    ),
    (
      .degraded, "Node n2 runs web1 outside protection",
      {
        leave([], on: "n2", isSeen: true, in: &$0)
        $0.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(12), holder: nil)))
        $0.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
      }
    ),
    (.degraded, "The record of what is wanted of web1 is missing", { $0.delete(.intent("web1")) }),
    (.degraded, "1 record of the store cannot be read", { $0.put(.report("n9"), .unreadable(reason: "from the future")) }),
    (.degraded, "The planner's record cannot be read", { $0.put(.planner, .unreadable(reason: "no JSON")) }),
    (.degraded, "It is unknown whether web1 runs", { $0.put(.placement("web1"), .unreadable(reason: "from the future")) })
  ]

  @Test(arguments: troubles.indices) func `each trouble is told`(_ index: Int) {
    let (health, words, change) = Self.troubles[index]
    let status = status {
      quiet(&$0)
      change(&$0)
    }
    #expect(status.health == health, "\(status.reasons)")
    #expect(status.reasons.contains { $0.contains(words) }, "\(status.reasons)")
    #expect(!status.next.isEmpty)
    let isUnreadable = status.reasons.contains { $0.contains("cannot be read by this build") }
    #expect(status.next.contains { $0.command == "holdfast store check" } == isUnreadable, "\(status.next)")
  }

  @Test func `a domain whose definition in the store cannot be read is not told as one that the cluster does not know`() {
    let status = status {
      quiet(&$0)
      $0.put(
        .report("n1"),
        .report(
          .init(
            unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed,
            strays: ["lxc:///system/web1", "lxc:///system/web7"])))
      $0.put(.spec("web1"), .unreadable(reason: "no JSON"))
    }
    #expect(status.nodes.first?.strays == ["lxc:///system/web7"])
    #expect(status.reasons.contains("Node n1 runs lxc:///system/web7, which the cluster does not know"))
    #expect(status.next.contains { $0.command == "holdfast store check" })
    #expect(!status.next.contains { $0.command == "holdfast adopt lxc:///system/web1" })
  }

  @Test func `what to type about a second copy, and about what is left`() throws {
    let copy = status {
      quiet(&$0)
      Self.leave([LeftoverDefinition(of: "web1", autostart: true, isRunning: true)], on: "n2", isSeen: true, in: &$0)
    }
    #expect(
      copy.next.map(\.command) == [
        "virsh -c lxc:///system destroy web1", "virsh -c lxc:///system autostart --disable web1"
      ])
    #expect(copy.next.allSatisfy { $0.on == "n2" })
    let left = status {
      quiet(&$0)
      Self.leave([LeftoverDefinition(of: "web1")], on: "n2", in: &$0)
    }
    #expect(left.next.map(\.command) == ["holdfast leftovers remove web1"])
    #expect(left.nodes.map(\.leftovers) == [nil, 1])
    let another = status {
      quiet(&$0)
      Self.leave([LeftoverDefinition(of: "web1", otherUUID: "u7")], on: "n2", in: &$0)
    }
    #expect(another.next.map(\.command) == ["holdfast leftovers"])
    let down = status {
      quiet(&$0)
      Self.leave([LeftoverDefinition(of: "web1")], on: "n2", in: &$0)
      $0.delete(.session("n2-7"))
    }
    #expect(!down.reasons.contains { $0.contains("left on") }, "its last report says nothing about now")
  }

  @Test(arguments: [(nil, false), (0.2, true), (3.0, true), (3.1, false)] as [(Double?, Bool)])
  func `a store that is silent for a session's TTL does not answer`(_ silence: Double?, _ isAnswering: Bool) {
    let status = status({ quiet(&$0) }, silence: silence)
    #expect(status.store.isAnswering == isAnswering)
    #expect(status.health == (isAnswering ? .ok : .critical))
  }

  private static func picture(
    _ third: StoreMember.Standing = .answers, size: Int64 = 10 << 20, alarms: [StoreAlarm] = []
  ) -> StorePicture {
    let members = ["n1", "n2", "etcd3"].map { name in
      StoreMember(
        name: name, endpoint: "https://\(name):2379", standing: name == "etcd3" ? third : .answers, isLeader: name == "n2",
        size: size, sizeInUse: size / 4, version: "3.4.23")
    }
    return StorePicture(
      StoreHealth(members: members, revision: Revision(77), quota: 100 << 20, alarms: alarms), at: now - 4000)
  }

  @Test func `a store that is well is told, and is no trouble`() throws {
    let status = status({ quiet(&$0) }, store: Self.picture())
    #expect(status.health == .ok && status.reasons.isEmpty && status.next.isEmpty)
    let store = try #require(status.store.health)
    #expect(store.members.map(\.name) == ["n1", "n2", "etcd3"] && store.leader == "n2")
    #expect(store.size == 10 << 20 && store.quota == 100 << 20 && store.alarms.isEmpty && store.revision == 77)
    #expect(store.seen.milliseconds == Self.now - 4000)
    #expect(self.status({ quiet(&$0) }).store.health == nil, "nobody looked")
  }

  @Test func `a member that is away is told before it hurts`() throws {
    let status = status({ quiet(&$0) }, store: Self.picture(.silent(reason: "connection refused")))
    #expect(status.health == .degraded)
    #expect(status.reasons.count == 1 && status.reasons[0].contains("etcd3 (https://etcd3:2379) does not answer"))
    #expect(status.next.map(\.command) == ["systemctl status etcd"])
    #expect(status.next.first?.purpose == "why the store's member etcd3 does not answer" && status.next.first?.on == nil)
    #expect(status.store.health?.members.last?.state == .down)
    #expect(status.store.health?.members.last?.reason == "connection refused")
  }

  @Test func `a full store is the first thing that is said, with what to type in its order`() {
    let status = status(
      { quiet(&$0) }, silence: 60, store: Self.picture(size: 101 << 20, alarms: [StoreAlarm(.noSpace, member: "n1")]))
    #expect(status.health == .critical)
    #expect(status.reasons.first?.hasPrefix("The store is full (alarm NOSPACE on n1)") == true, "\(status.reasons)")
    #expect(status.reasons.contains { $0.contains("has not answered n1 for 60.0 s") })
    #expect(
      status.next.map(\.command) == [
        "eval \"$(holdfastd --etcdctl)\"", "etcdctl compaction 77", "etcdctl --command-timeout=5m defrag",
        "etcdctl alarm disarm"
      ])
    #expect(status.store.health?.alarms == ["NOSPACE"])
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
      (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
      (-1, "1969-12-31T23:59:59.999Z"), (1_704_067_199_999, "2023-12-31T23:59:59.999Z")
    ] as [(Int64, String)]) func `timestamps`(_ milliseconds: Int64, _ text: String)
  {
    #expect(timestamp(milliseconds: milliseconds) == text)
  }
}

@Suite struct `API: the state of a workload` {
  private func info(_ change: (inout MadeUpCluster) -> Void) -> WorkloadInfo {
    var cluster = MadeUpCluster.empty
    cluster.join("n1")
    cluster.join("n2")
    cluster.run("w", 1024, on: "n1")
    change(&cluster)
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    return WorkloadInfo("w", in: ClusterSight(view))
  }

  private static func claim(_ activity: ClaimRecord.Activity?, by node: NodeName? = "n1") -> Record {
    .claim(
      ClaimRecord(
        epoch: Epoch(2), holder: node.map { .init(node: $0, incarnation: Incarnation("\($0)-7")) }, activity: activity))
  }

  static let cases: [(WorkloadInfo.State, String?, @Sendable (inout MadeUpCluster) -> Void)] = [
    (.running, nil, { _ in }),
    (.running, "it moves from n1 to n2: asked", { $0.put(.placement("w"), .placement(.init(node: "n2", reason: "asked"))) }),
    (.running, "it has to leave n1: full", { $0.put(.placement("w"), .placement(.init(node: nil, reason: "full"))) }),
    (.running, "n1 has been asked to stop it", { $0.put(.intent("w"), .intent(.init(desired: .stopped))) }),
    (.running, "n1 is releasing it from protection", { $0.put(.intent("w"), .intent(.init(desired: .unprotected))) }),
    (.starting, "n1 is starting it", { $0.put(.claim("w"), claim(.starting)) }),
    (.stopping, "n1 is stopping it", { $0.put(.claim("w"), claim(.stopping)) }),
    (.unclear, "n1 cannot tell whether it runs", { $0.put(.claim("w"), claim(.unclear)) }),
    (
      .unclear, "a record of it cannot be read, so Holdfast leaves it alone: x",
      { $0.put(.claim("w"), .unreadable(reason: "x")) }
    ),
    (.starting, "n1 is about to start it: least loaded: 38 % with it", { $0.put(.claim("w"), claim(nil, by: nil)) }),
    (
      .pending, "no room",
      {
        $0.put(.claim("w"), claim(nil, by: nil))
        $0.put(.placement("w"), .placement(.init(node: nil, reason: "no room")))
      }
    ),
    (
      .pending, "there is no planner",
      {
        $0.delete(.claim("w"))
        $0.delete(.placement("w"))
      }
    ),
    (.down, "n1 is down, and the planner has not chosen another node yet", { $0.delete(.session("n1-7")) }),
    (
      .down, "n1, which ran it, was lost; there is no planner",
      {
        $0.delete(.session("n1-7"))
        $0.delete(.placement("w"))
      }
    ),
    (.running, "the record of what is wanted of it is missing; the planner writes it anew", { $0.delete(.intent("w")) }),
    (
      .stopping, "the record of what is wanted of it is missing: `holdfast start w` or `holdfast stop w`",
      {
        $0.put(.claim("w"), claim(.stopping))
        $0.delete(.intent("w"))
      }
    ),
    (
      .down, "the record of what is wanted of it is missing, so nobody starts it: `holdfast start w` or `holdfast stop w`",
      {
        $0.put(.claim("w"), claim(nil, by: nil))
        $0.delete(.intent("w"))
      }
    ),
    (
      .stopped, "the record of what is wanted of it is missing, so nobody starts it: `holdfast start w` or `holdfast stop w`",
      {
        $0.put(.claim("w"), claim(nil, by: nil))
        $0.put(.placement("w"), .placement(.init(node: nil, reason: PlacementReason(.stopped))))
        $0.delete(.intent("w"))
      }
    ),
    // A dead session executes nothing: what should be stopped is.
    (
      .stopped, nil,
      {
        $0.delete(.session("n1-7"))
        $0.put(.intent("w"), .intent(.init(desired: .stopped)))
      }
    ),
    (
      .stopped, "it is leaving protection; the planner deletes its record next",
      {
        $0.put(.claim("w"), claim(nil, by: nil))
        $0.put(.intent("w"), .intent(.init(desired: .unprotected)))
      }
    ),
    (
      .stopped, "it crashed on n1 and stays down, as its policy says: `holdfast start w`",
      {
        $0.put(.claim("w"), claim(nil, by: nil))
        $0.put(.intent("w"), .intent(.init(desired: .stopped, ended: .init(.crashed, on: "n1"))))
      }
    ),
    (
      .crashed, "crashed and kept on n1, as its definition says (on_crash): `holdfast restart w` starts it anew",
      {
        $0.put(.claim("w"), claim(.unclear))
        var report = ReportRecord(
          unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
        report.crashed = ["w"]
        $0.put(.report("n1"), .report(report))
      }
    )
  ]

  @Test(arguments: cases.indices) func `state and why`(_ index: Int) {
    let (state, why, change) = Self.cases[index]
    let info = info(change)
    #expect(info.state == state)
    #expect(info.why == why)
    #expect(info.isInPlace == (why == nil))
  }

  @Test func `what powered itself off and stays down is where it should be, and says why`() {
    let info = info {
      $0.put(.claim("w"), Self.claim(nil, by: nil))
      $0.put(.intent("w"), .intent(.init(desired: .stopped, ended: .init(.poweredOff, on: "n1"))))
    }
    #expect(info.state == .stopped && info.isInPlace)
    #expect(info.why == "it powered itself off on n1 and stays down, as its policy says: `holdfast start w`")
  }

  /// As the planner wrote it, and an earlier one, which knew no other reason.
  @Test(arguments: [
    PlacementReason(.staysDown(.crashed, on: "n1")), PlacementReason(.stopped),
    PlacementReason(codes: ["staysDown"], text: "it crashed on n1"), PlacementReason(text: "stopped by the operator")
  ])
  func `what nobody was to run is stopped where the record of that is missing`(_ reason: PlacementReason) {
    #expect(reason.isStopped && !PlacementReason(.noNodeCanTake).isStopped)
    let info = info {
      $0.put(.claim("w"), Self.claim(nil, by: nil))
      $0.put(.placement("w"), .placement(PlacementRecord(node: nil, reason: reason)))
      $0.delete(.intent("w"))
    }
    #expect(info.state == .stopped && info.reason == "\(reason)", "\(info.state)")
  }

  @Test func `a claim that outlived its workload is none`() {
    var cluster = MadeUpCluster.empty
    cluster.put(.claim("gone"), .claim(ClaimRecord(epoch: Epoch(9), holder: nil)))
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    #expect(WorkloadInfo.all(in: ClusterSight(view)).isEmpty)
    #expect(throws: OperatorError.self) { try WorkloadInfo.known("gone", in: ClusterSight(view)) }
  }
}
