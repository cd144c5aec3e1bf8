import HoldfastAPI
import HoldfastController
import HoldfastModel
import HoldfastNode
import HoldfastOperator
import Testing

/// A controller that has begun on a node which the store does not answer: what is frozen there is told, and nothing looks as if it were not there.
@Suite(.serialized) struct `API: a node that has not read the store` {
  private static let record = NodeRecord(
    capacity: Resources(memory: 16384, cpus: 8), labels: [:], connections: [MadeUpCluster.lxc], version: "0.1.0")

  private static func workload(
    _ name: WorkloadName, _ state: DomainObservation.State? = .running, isGuarded: Bool? = true
  ) -> UnreadSight.Workload {
    let domain = state.map {
      DomainObservation(
        id: DomainID(connection: MadeUpCluster.lxc, name: name.text), uuid: "u-\(name)", state: $0,
        mark: ClaimMark(cluster: "prod", workload: name.text, epoch: Epoch(4)), memory: 512, vcpus: 2, persistent: false,
        pid: 100, cgroup: nil, links: [])
    }
    return UnreadSight.Workload(name, domain: domain, isGuarded: isGuarded)
  }

  private static func own(
    _ workloads: [UnreadSight.Workload], freeze: ReportRecord.Freeze? = .confirmed, isComplete: Bool = true
  ) -> OwnSight {
    OwnSight(
      node: "n1",
      report: ReportRecord(
        unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: freeze == nil ? .armed : .isolated, strays: [],
        freeze: freeze), absence: .unread, frozenFor: freeze == nil ? nil : 312,
      unread: UnreadSight(record: record, workloads: workloads, isComplete: isComplete))
  }

  private static let three = own([workload("db1"), workload("web1"), workload("web2")])
  private static let now: Int64 = 1_772_330_000_000

  private static func status(_ own: OwnSight, silence: Double? = nil) -> ClusterStatus {
    ClusterStatus(ClusterView(), cluster: "prod", node: "n1", storeSilence: silence, history: [], own: own, now: now)
  }

  private static let frozen =
    "the store has not answered n1 since holdfastd started there, and all has been frozen for 312.0 s"

  @Test func `says first that its own workloads are frozen, and counts nothing that it does not know`() throws {
    let status = Self.status(Self.three)
    #expect(status.health == .critical && status.isUnread == true && status.noSession?.code == "unread")
    #expect(status.reasons.first == "3 workloads of n1 are frozen: \(Self.frozen)")
    #expect(status.reasons.contains("What other nodes run is not known"), "\(status.reasons)")
    #expect(status.counts.total == 3 && status.counts.frozen == 3 && status.counts.running == 0)
    #expect(status.misplaced.map(\.name) == ["db1", "web1", "web2"])
    let node = try #require(status.nodes.first)
    #expect(status.nodes.count == 1 && node.name == "n1" && node.state == .cutOff && node.workloads == 3)
    #expect(node.freeze?.workloads == 3 && node.freeze?.since == WallInstant(Self.now - 312_000))
    #expect(node.connections == [MadeUpCluster.lxc] && node.strays.isEmpty && node.used == Resources(memory: 1536, cpus: 6))
    #expect(!status.reasons.contains { $0.contains("planner") || $0.contains("No node") }, "\(status.reasons)")
  }

  @Test func `a store that answers and was not read yet is no outage`() {
    let status = Self.status(Self.own([Self.workload("w")], freeze: nil), silence: 0.2)
    #expect(status.isUnread == true && status.store.isAnswering && status.nodes.map(\.state) == [.unknown])
    #expect(status.reasons == ["n1 has not read the cluster's records yet"] && status.counts.running == 1)
  }

  static let states: [(UnreadSight.Workload, freeze: ReportRecord.Freeze?, isComplete: Bool, WorkloadInfo.State, String)] = [
    (workload("w"), .confirmed, true, .frozen, "frozen on n1: \(frozen)"),
    (workload("w"), .ordered, true, .frozen, "; the freeze is not confirmed yet"),
    (workload("w", isGuarded: nil), .confirmed, true, .frozen, "frozen on n1: "),
    (workload("w", isGuarded: false), .confirmed, true, .unclear, "the guard of n1 does not name it"),
    (workload("w", nil), .confirmed, true, .down, "its domain is not on n1 any more"),
    (workload("w", nil), .confirmed, false, .frozen, "frozen on n1: "),
    (workload("w", nil), nil, false, .unclear, "n1 has not read the store since holdfastd started there"),
    (workload("w"), nil, true, .running, "n1 has not read the store since holdfastd started there"),
    (workload("w", .paused), nil, true, .paused, "libvirt has paused it on n1"),
    (workload("w", .crashed), nil, true, .crashed, "crashed and kept on n1"),
    (workload("w", .stopping), nil, true, .stopping, "n1 has not read the store"),
    (workload("w", .unclear), nil, true, .unclear, "n1 has not read the store")
  ]

  @Test(arguments: states.indices) func `tells of each what it sees itself`(_ index: Int) throws {
    let (workload, freeze, isComplete, state, words) = Self.states[index]
    let own = Self.own([workload], freeze: freeze, isComplete: isComplete)
    let sight = ClusterSight(ClusterView(), teller: "n1", own: own)
    let info = try WorkloadInfo.known("w", in: sight)
    #expect(info.state == state && info.why?.contains(words) == true, "\(info.state) \(info.why ?? "")")
    #expect(info.node == "n1" && info.desired == "unknown" && !info.isInPlace && !info.isToLeave)
    guard workload.domain != nil else { return }
    #expect(info.uuid == "u-w" && info.epoch == 4 && info.demand == Resources(memory: 512, cpus: 2))
  }

  // MARK: the API and the commands

  private func serving(_ body: (APIHarness) async throws -> Void) async throws {
    try await APIHarness.serving { api in
      api.access.change {
        ($0.staleView, $0.own, $0.silence) = (ClusterView(), Self.three, nil)
        $0.cluster.history = [
          HistoryRecord(
            time: APIHarness.now(), node: "n1", serial: 0,
            note: Note(.isolated, "everything under protection on n1 is frozen", severity: .error))
        ]
      }
      try await body(api)
    }
  }

  @Test(arguments: ["policies", "snapshot", "released", "leftovers", "definitions", "workloads/nobody", "nodes/n2/maintenance"])
  func `what is made of the records alone is not known, in place of empty`(path: String) async throws {
    try await serving { api in
      let answer = try await api.get("/v1/\(path)")
      #expect(answer.status == 503 && answer.error?.kind == "unavailable")
      #expect(answer.error?.reason.hasSuffix("not known: the store has not been read since holdfastd started here") == true)
    }
  }

  @Test func `lists say that there may be more`() async throws {
    try await serving { api in
      let nodes: NodeList = try await api.get("/v1/nodes").decoded()
      #expect(nodes.isUnread == true && nodes.nodes.map(\.name) == ["n1"])
      let workloads: WorkloadList = try await api.get("/v1/workloads").decoded()
      #expect(workloads.isUnread == true && workloads.workloads.map(\.name) == ["db1", "web1", "web2"])
      let detail: WorkloadDetail = try await api.get("/v1/workloads/web1").decoded()
      #expect(detail.workload.state == .frozen && detail.xml == nil)
    }
  }

  @Test func `screens, JSON and exit statuses say the same`() async throws {
    try await serving { api in
      let status = try await api.holdfast(["status"]).output
      #expect(status.contains("0 of 3 workloads known here running, 3 frozen, other nodes not known"), "\(status)")
      #expect(status.contains("3 workloads of n1 are frozen: the store has not answered n1"), "\(status)")
      #expect(status.contains("everything under protection on n1 is frozen"), "it is told under Recently: \(status)")
      #expect(!status.contains("no workloads yet") && !status.contains("nodes up"), "\(status)")
      #expect(try await api.holdfast(["status", "--check"]).status == 4)
      let json: ClusterStatus = try await api.holdfast(["status", "-o", "json"]).decoded()
      #expect(json.isUnread == true && json.counts.frozen == 3)
      let own = try await api.holdfast(["workload", "web1"])
      #expect(own.status == 0 && own.output.contains("frozen on n1"), "\(own)")
      for command in [
        ["workload", "nobody"], ["workloads", "nobody"], ["explain", "web1"], ["policy", "show"], ["moves", "status"],
        ["maintenance", "status"], ["release", "--list"], ["leftovers", "list"], ["stop", "web*", "--yes"]
      ] {
        let run = try await api.holdfast(command)
        #expect(run.status == 1 && run.errors.contains("not known: the store has not been read"), "\(command): \(run)")
        #expect(!run.errors.contains("there is no"), "\(command): \(run)")
      }
      let lists = try await api.holdfast(["workloads"]).output + api.holdfast(["nodes"]).output
      #expect(lists.contains("Other workloads are not known") && lists.contains("Other nodes are not known"), "\(lists)")
    }
  }

  @Test func `domains with the cluster's mark are believed`() {
    let domain = Self.workload("web1").domain
    let list = DomainList(domain.map { [$0] } ?? [], in: ClusterView(), cluster: "prod", node: "n1")
    #expect(list.domains.map(\.workload) == ["web1"] && list.domains.map(\.stray) == [nil])
  }
}
