import GuardCore
import HoldfastModel
import HoldfastPlanning
import HostParts

/// The cluster that a world begins with.
public struct ClusterSetup: Sendable {
  public struct Node: Sendable {
    public var name: NodeName
    public var capacity: Resources
    public var labels: [String: String]
    /// libvirt's URI.
    public var connection: String
    /// Domains that nobody protects, with their memory in MiB.
    public var unmanaged: [String: Int]
    /// Has power when the world begins.
    public var isOn: Bool
    /// Others can migrate domains to it while they run.
    public var takesMigrations: Bool
    /// It runs workloads made of parts of the host.
    public var runsParts = false

    public init(
      _ name: NodeName, capacity: Resources = Resources(memory: 8192, cpus: 64), labels: [String: String] = [:],
      connection: String = "lxc:///system", unmanaged: [String: Int] = [:], isOn: Bool = true,
      takesMigrations: Bool = false
    ) {
      self.name = name
      self.capacity = capacity
      self.labels = labels
      self.connection = connection
      self.unmanaged = unmanaged
      self.isOn = isOn
      self.takesMigrations = takesMigrations
    }
  }

  public struct Workload: Sendable {
    /// How it is on the network.
    public enum Network: String, CaseIterable, Sendable {
      /// By a link on its host, which the guard takes down.
      case bridge
      /// By a device of its own: frozen, it would still answer.
      case macvlan
    }
    public var name: WorkloadName
    public var connection: String
    public var demand: Resources
    public var labels: [String: String]
    public var priority: Int
    public var isolation: Isolation
    public var network = Network.bridge
    /// Seconds that it may take to shut down.
    public var stopTimeout: Double
    /// Where it is when the world begins; nil: the planner chooses.
    public var place: NodeName?
    /// To be stopped when the world begins.
    public var isStopped: Bool
    /// Not under protection when the world begins: a `define` brings it.
    public var comesLater: Bool
    /// What tells whether its service answers.
    public var checks: [HealthCheck] = []
    public var addresses: [WorkloadAddress] = []
    /// What it is made of; empty: it is a domain of libvirt's.
    public var parts: [HostPart] = []

    public init(
      _ name: WorkloadName, connection: String = "lxc:///system", demand: Resources = Resources(memory: 256, cpus: 0.5),
      labels: [String: String] = [:], priority: Int = 0, isolation: Isolation = .freeze, stopTimeout: Double = 5,
      place: NodeName? = nil, isStopped: Bool = false, comesLater: Bool = false
    ) {
      self.name = name
      self.connection = connection
      self.demand = demand
      self.labels = labels
      self.priority = priority
      self.isolation = isolation
      self.stopTimeout = stopTimeout
      self.place = place
      self.isStopped = isStopped
      self.comesLater = comesLater
    }
  }

  public var timing: Timing
  public var nodes: [Node]
  public var workloads: [Workload]
  /// The first are in force when the world begins; operators change to others. Empty: there are none, ever.
  public var policies: [PolicySet]

  public init(timing: Timing = Timing(), nodes: [Node], workloads: [Workload], policies: [PolicySet] = []) {
    self.timing = timing
    self.nodes = nodes
    self.workloads = workloads
    self.policies = policies
  }

  /// Equal nodes `n1`, `n2`, … and workloads `w1`, `w2`, …; every fourth is killed at the deadline instead of frozen.
  public static func uniform(
    nodes: Int, workloads: Int, memory: Int = 8192, unmanaged: Int = 1, timing: Timing = Timing()
  ) -> ClusterSetup {
    ClusterSetup(
      timing: timing,
      nodes: (1...max(1, nodes)).map { number in
        let others = (0..<unmanaged).map { ("other\(number)-\($0 + 1)", 128) }
        return Node(
          NodeName("n\(number)"), capacity: Resources(memory: memory, cpus: 64),
          unmanaged: Dictionary(uniqueKeysWithValues: others))
      },
      workloads: (0..<workloads).map { Workload(WorkloadName("w\($0 + 1)"), isolation: $0 % 4 == 3 ? .stop : .freeze) })
  }

  /// Domains are moved while they run, to some of the nodes or to all.
  mutating func migrate(_ dice: Dice) {
    guard dice.chance(0.6) else { return }
    let isEverywhere = dice.chance(0.5)
    for index in nodes.indices { nodes[index].takesMigrations = isEverywhere || dice.chance(0.5) }
  }

  /// Most workloads have checks, for a storm in which services fail.
  mutating func addChecks(_ dice: Dice) {
    for index in workloads.indices where dice.chance(0.8) {
      workloads[index].checks = (1...dice.number(1...2)).map { number in
        HealthCheck(
          name: CheckName("check-\(number)"), probe: .tcp(TCPProbe(port: 79 + number)),
          interval: .milliseconds(dice.number(5...30) * 100), timeout: .milliseconds(dice.number(3...10) * 100),
          down: dice.number(2...3), up: dice.number(1...2), grace: .seconds(dice.number(4...10)),
          reaction: dice.chance(0.9) ? .restart : .report)
      }
    }
  }

  /// Nodes have checks, whatever policies are in force, for a storm in which nodes fail them.
  mutating func addNodeChecks(_ dice: Dice) {
    let probes: [NodeProbe] = [.writable(path: "/srv"), .gateway, .link("eth0")]
    let checks = (0..<dice.number(1...2)).map { number in
      NodeCheckPolicy(
        NodeCheck(
          name: CheckName("node-check-\(number + 1)"), probe: probes[dice.number(0...2)],
          interval: .milliseconds(dice.number(5...20) * 100), timeout: .milliseconds(dice.number(3...10) * 100),
          down: dice.number(2...3), up: dice.number(2...3),
          then: dice.chance(0.8) ? .evacuate : dice.chance(0.7) ? .avoid : .tell))
    }
    if policies.isEmpty { policies = [PolicySet()] }
    for index in policies.indices { policies[index].nodeChecks = checks }
  }

  /// Most workloads have addresses, each its own.
  mutating func addAddresses(_ dice: Dice) {
    for index in workloads.indices where dice.chance(0.8) {
      workloads[index].addresses = (0..<dice.number(1...2)).map { number in
        WorkloadAddress(.four(0x0A00_0100 + UInt32(index * 2 + number)), prefixLength: 16, on: "br0")
      }
    }
  }

  /// Most workloads are made of parts of the host, and most nodes run such.
  mutating func addParts(_ dice: Dice) {
    for index in nodes.indices { nodes[index].runsParts = index == 0 || dice.chance(0.9) }
    for index in workloads.indices where dice.chance(0.7) {
      workloads[index].connection = SpecRecord.hostConnection
      workloads[index].parts = MadeUpParts.parts(of: workloads[index].name, dice)
      // Its services are not simulated.
      workloads[index].checks = []
    }
  }

  /// The last node, and every third workload, is served by another connection than the rest.
  mutating func makeUneven() {
    let other = "qemu:///system"
    if let last = nodes.indices.last { nodes[last].connection = other }
    for index in workloads.indices where index % 3 == 2 { workloads[index].connection = other }
  }
}
