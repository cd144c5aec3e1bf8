import HoldfastModel

/// One node, as `/v1/nodes` and the status tell it.
public struct NodeInfo: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable {
    case up
    /// Handing over: it gets nothing, and gives up what it has.
    case leaving
    /// It has no session: it executes nothing that is protected.
    case down
  }
  public var name: String
  public var state: State
  /// It makes the placements.
  public var isPlanner: Bool
  /// Absent while the node has not told.
  public var capacity: Resources?
  /// By workloads that run here or are on their way here.
  public var used: Resources
  /// By domains outside protection, as last reported.
  public var unmanaged: Resources
  public var unmanagedDomains: Int
  /// What another workload could take: capacity less used and unmanaged; below zero where the node is overcommitted. Absent for a
  /// node that is not up.
  public var headroom: Resources?
  /// Workloads that run here or are on their way here.
  public var workloads: Int
  /// The guard's phase, such as `armed`, `isolated`, `not there`; absent for a node that is down.
  public var guardPhase: String?
  /// libvirt connections that it serves.
  public var connections: [String]
  /// Those that do not answer, and why.
  public var unreachable: [String: String]
  /// Domains that carry the cluster's mark, of workloads that the cluster does not know.
  public var strays: [String]
  /// Workloads that run here outside protection, under their own UUID: nobody may start them meanwhile.
  public var namesakes: [String]
  public var labels: [String: String]
  /// The build that runs there.
  public var version: String?
  /// How often its session was renewed, and the session's TTL in seconds; absent for a node that is down. The session's age in seconds
  /// is nowhere written: no clock is shared.
  public var renewals: Int64?
  public var sessionTTL: Double?
  /// Absent: it is not in maintenance.
  public var maintenance: MaintenanceInfo?
  /// Absent: it is used like any other.
  public var quarantine: QuarantineInfo?
}

/// The answer of `/v1/nodes`, sorted by name.
public struct NodeList: Hashable, Sendable, Codable {
  public var nodes: [NodeInfo]
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
}

extension NodeInfo {
  /// The phases of a guard that does its work.
  public static let soundGuardPhases: Set<String> = ["armed", "disarmed"]

  public init(_ name: NodeName, in view: ClusterView, load: ClusterLoad, upkeep: ClusterUpkeep) {
    let record = view.nodes[name]?.value, report = view.reports[name]?.value
    let session = view.session(of: name)?.record.value, load = load.nodes[name]
    self.name = name.text
    state =
      switch session?.phase {
      case .active: .up
      case .leaving: .leaving
      case nil: .down
      }
    isPlanner = view.planner.map { $0.value.node == name && view.sessions[$0.value.incarnation] != nil } ?? false
    capacity = record?.capacity
    used = load?.used ?? .none
    unmanaged = report?.unmanaged ?? .none
    unmanagedDomains = report?.unmanagedDomains ?? 0
    headroom = state == .up ? load?.headroom : nil
    workloads = load?.workloads.count ?? 0
    // A dead node's last report says nothing about now.
    guardPhase = state == .down ? nil : report?.guardPhase
    connections = record?.connections ?? []
    unreachable = state == .down ? [:] : report?.unreachable ?? [:]
    strays = report?.strays ?? []
    let others = Set(report?.unmanagedUUIDs ?? [])
    namesakes =
      others.isEmpty
      ? [] : view.specs.filter { others.contains($0.value.value.uuid) && !view.isBeingAdopted($0.key) }.map(\.key.text).sorted()
    labels = record?.labels ?? [:]
    version = record?.version
    renewals = session?.counter
    sessionTTL = session.map { Double($0.ttl) / 1000 }
    maintenance = upkeep.maintenance[name]
    quarantine = upkeep.quarantine[name]
  }
}

extension ClusterView {
  fileprivate func isBeingAdopted(_ workload: WorkloadName) -> Bool { intents[workload]?.value.desired == .adopting }
}

extension NodeList {
  public init(_ view: ClusterView, upkeep: ClusterUpkeep) {
    let load = ClusterLoad(view)
    nodes = view.knownNodes.map { NodeInfo($0, in: view, load: load, upkeep: upkeep) }
    disarm = upkeep.disarm
  }
}
