import GuardCore
import HoldfastModel
import HoldfastOperator

/// A night at a hosting provider's: three nodes, nine workloads, n3 is lost. What n3 ran is partly elsewhere, partly not.
struct MadeUpCluster {
  var store = StoreModel<RecordKey, Record>()
  var history: [HistoryRecord] = []
  var domains: [DomainObservation] = []

  static let lxc = "lxc:///system"
  static let qemu = "qemu:///system"
  /// One of each kind that a container can have.
  static let checks: [HealthCheck] = [
    HealthCheck(
      name: "cart",
      probe: .http(
        HTTPProbe(
          isSecure: true, host: "10.77.0.21", path: "/cart", serverName: "shop.example.com", contains: "ok",
          certificateDays: 14))),
    HealthCheck(name: "port", probe: .tcp(TCPProbe(port: 5432)), interval: .seconds(2)),
    HealthCheck(name: "there", probe: .ping(PingProbe(address: "10.77.0.21")), reaction: .report),
    HealthCheck(name: "ready", probe: .exec(ExecProbe(command: ["pg_isready", "-q"]))),
    HealthCheck(name: "beat", probe: .file(FileProbe(path: "/run/beat", maximumAge: 120))),
    HealthCheck(name: "queue", probe: .script(ScriptProbe(path: "/usr/local/bin/queue", arguments: ["web2"])), down: 1)
  ]

  static let addresses = [
    WorkloadAddress(.four(0x0A4D_0050), prefixLength: 24, on: "br0"),
    WorkloadAddress(.six(0xFD00_0077 << 96 | 0x80), prefixLength: 64, on: "br0")
  ]

  /// - Parameter now: milliseconds since 1970.
  init(now: Int64) {
    for name: NodeName in ["n1", "n2", "n3"] { join(name) }
    put(.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-7")))
    run("web1", 2048, on: "n1")
    run("db1", 6144, on: "n1", priority: 10)
    run("web2", 2048, on: "n2", checks: Self.checks, addresses: Self.addresses)
    run("web3", 1024, on: "n2", reason: "least loaded: 43 % with it")
    run("mail", 4096, on: "n2")
    run("legacy", 2048, on: "n2", connection: Self.qemu, isolation: .stop)
    runBadly()
    tell(now)
    observe()
  }

  mutating func delete(_ key: RecordKey) { _ = store.apply(ClusterTransaction(if: [], write: [.delete(key)])) }

  mutating func put(_ key: RecordKey, _ record: Record) {
    _ = store.apply(ClusterTransaction(if: [], write: [.put(key, record)]))
  }

  /// Nobody and nothing.
  static let empty = MadeUpCluster()
  private init() {}

  mutating func join(_ name: NodeName) {
    put(
      .node(name),
      .node(
        NodeRecord(
          capacity: Resources(memory: 16384, cpus: 8), labels: ["rack": name == "n1" ? "r1" : "r2"],
          connections: [Self.lxc, Self.qemu], version: "0.1.0")))
    let unreachable = name == "n2" ? [Self.qemu: "Failed to connect socket to '/run/libvirt/virtqemud-sock'"] : [:]
    put(
      .report(name),
      .report(
        ReportRecord(
          unmanaged: Resources(memory: 1536, cpus: 0), unmanagedDomains: 2, unreachable: unreachable, guardPhase: .armed,
          strays: [])))
    guard name != "n3" else { return }
    put(
      .session(Incarnation("\(name)-7")), .session(SessionRecord(node: name, counter: 4711, ttl: 3000, phase: .active)))
  }

  mutating func run(
    _ name: WorkloadName, _ memory: Int, on node: NodeName, connection: String = lxc, priority: Int = 0,
    isolation: Isolation = .freeze, reason: String = "least loaded: 38 % with it", checks: [HealthCheck] = [],
    addresses: [WorkloadAddress] = []
  ) {
    define(
      name, memory, connection: connection, priority: priority, isolation: isolation, checks: checks, addresses: addresses)
    let other: NodeName = node == "n1" ? "n2" : "n1"
    put(
      .placement(name),
      .placement(
        PlacementRecord(
          node: node, reason: PlacementReason(text: reason), others: [other: "more loaded: 66 % with it", "n3": "is down"])))
    let isUnclear = connection == Self.qemu
    put(
      .claim(name),
      .claim(
        ClaimRecord(
          epoch: Epoch(12), holder: .init(node: node, incarnation: Incarnation("\(node)-7")),
          activity: isUnclear ? .unclear : .running)))
  }

  private mutating func define(
    _ name: WorkloadName, _ memory: Int, connection: String = lxc, priority: Int = 0, isolation: Isolation = .freeze,
    checks: [HealthCheck] = [], addresses: [WorkloadAddress] = []
  ) {
    let spec = SpecRecord(
      connection: connection, uuid: NameUUID.derived(cluster: "prod", workload: name),
      xml: "<domain type='lxc'><name>\(name)</name></domain>", demand: Resources(memory: memory, cpus: 1), labels: [:],
      priority: priority, isolation: isolation, stopTimeout: 30, checks: checks, addresses: addresses)
    put(.spec(name), .spec(spec))
    put(.intent(name), .intent(IntentRecord(desired: .running)))
  }

  /// What is not in its place: db2 finds no room, shop1 is being started after a failure, cache is stopped.
  private mutating func runBadly() {
    define("db2", 12288, priority: 10)
    put(
      .placement("db2"),
      .placement(
        PlacementRecord(
          node: nil, reason: "no node can take it",
          others: [
            "n1": "has 6.5 GiB of memory free, and it needs 12.0 GiB",
            "n2": "has 5.5 GiB of memory free, and it needs 12.0 GiB",
            "n3": "is down"
          ])))
    put(.claim("db2"), .claim(ClaimRecord(epoch: Epoch(3), holder: .init(node: "n3", incarnation: "n3-6"), activity: .running)))
    define("shop1", 3072)
    put(
      .placement("shop1"),
      .placement(
        PlacementRecord(
          node: "n1", reason: "least loaded: 64 % with it", others: ["n2": "more loaded: 72 % with it", "n3": "is down"])))
    put(
      .claim("shop1"),
      .claim(
        ClaimRecord(
          epoch: Epoch(8), holder: .init(node: "n1", incarnation: "n1-7"), activity: .starting,
          failures: ["n2": .init(count: 2, reason: "cannot open /srv/shop1/rootfs: No such file or directory")])))
    define("cache", 512)
    put(.intent("cache"), .intent(IntentRecord(desired: .stopped)))
    put(.placement("cache"), .placement(PlacementRecord(node: nil, reason: "stopped by the operator")))
    put(.claim("cache"), .claim(ClaimRecord(epoch: Epoch(2), holder: nil)))
  }

  private mutating func tell(_ now: Int64) {
    let notes: [(Int64, NodeName, Note)] = [
      (3600, "n2", Note(.adopted, "mail is under protection on n2", workload: "mail")),
      (
        95, "n1",
        Note(
          .nodeLost, "n3 has not renewed its session for 3.1 s: its workloads go to other nodes", severity: .error,
          subject: "n3")
      ),
      (95, "n1", Note(.placed, "web3 goes to n2: least loaded: 43 % with it", workload: "web3", subject: "n2")),
      (95, "n1", Note(.placed, "shop1 goes to n2: least loaded: 61 % with it", workload: "shop1", subject: "n2")),
      (95, "n1", Note(.pending, "db2 cannot run anywhere: no node can take it", severity: .error, workload: "db2")),
      (94, "n2", Note(.claimed, "n2 holds web3 at epoch 12", workload: "web3")),
      (94, "n2", Note(.started, "web3 runs on n2", workload: "web3")),
      (
        93, "n2",
        Note(
          .startFailed, "shop1 did not start on n2: cannot open /srv/shop1/rootfs: No such file or directory", severity: .error,
          workload: "shop1")
      ),
      (40, "n2", Note(.hypervisorLost, "qemu:///system does not answer. Nothing is taken for stopped", severity: .error)),
      (4, "n1", Note(.placed, "shop1 goes to n1: least loaded: 64 % with it", workload: "shop1", subject: "n1"))
    ]
    history = notes.enumerated().map { index, line in
      HistoryRecord(time: now - line.0 * 1000, node: line.1, serial: Int64(index), note: line.2)
    }
  }

  /// n1's domains: two protected, two not, one that another cluster left.
  private mutating func observe() {
    func domain(_ name: String, uuid: String, mark: ClaimMark? = nil) -> DomainObservation {
      DomainObservation(
        id: DomainID(connection: Self.lxc, name: name), uuid: uuid, state: .running, mark: mark, memory: 768, vcpus: 2,
        persistent: mark == nil, pid: 1, cgroup: nil, links: [])
    }
    for name in ["web1", "db1"] {
      domains.append(
        domain(
          name, uuid: NameUUID.derived(cluster: "prod", workload: WorkloadName(name)),
          mark: ClaimMark(cluster: "prod", workload: name, epoch: Epoch(12))))
    }
    domains.append(domain("wiki", uuid: "00000000-0000-4000-8000-000000000001"))
    domains.append(domain("wiki-test", uuid: "00000000-0000-4000-8000-000000000002"))
    domains.append(
      domain(
        "old", uuid: "00000000-0000-4000-8000-000000000003", mark: ClaimMark(cluster: "attic", workload: "old", epoch: Epoch(1))
      ))
  }
}
