import HoldfastController
import HoldfastModel
import HoldfastPlanning

/// One node, as `/v1/nodes` and the status tell it.
public struct NodeInfo: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable {
    case up
    /// The node is handing its workloads over.
    case leaving
    /// The node has no session: it runs no protected workload.
    case down
    /// The node tells this itself, and the store does not answer it: everything under protection there is frozen, or soon is.
    case cutOff = "cut-off"
    /// The node was up when the store last answered the node that tells this; or that node, told by itself, has not read the store yet.
    case unknown
  }
  /// How the last session of a node that is down ended.
  public enum Ending: String, Hashable, Sendable, Codable {
    /// Its node handed everything over and ended it: a shutdown, or a stop of holdfastd.
    case left
    /// Its node gave it up, because what it ran was frozen for long.
    case withdrew
    /// Another node declared it expired: the node died, or was cut off.
    case lost
  }
  /// Everything under protection there is frozen.
  public struct Freeze: Hashable, Sendable, Codable {
    /// A clause.
    public var reason: String
    /// The freeze was seen; otherwise some of it may still execute.
    public var isConfirmed: Bool
    /// The workloads that it concerns.
    public var workloads: Int
    /// Since when all was seen frozen, on the node's own clock; absent: it is another node that tells this, or it was not seen.
    public var since: WallInstant?
  }
  public var name: String
  public var state: State
  /// The node makes the placements.
  public var isPlanner: Bool
  /// How its last session ended; absent for a node that is not down, and where nobody knows.
  public var ending: Ending?
  /// The node's resources. Absent: it has not reported it.
  public var capacity: Resources?
  /// Of that, what the policies let workloads have: after reserves and over-commitment.
  public var allowance: Resources?
  /// Demand of workloads that run here or are moving here, as the policies reckon it.
  public var used: Resources
  /// Demand of domains outside protection, as reported last.
  public var unmanaged: Resources
  public var unmanagedDomains: Int
  /// Room for other workloads: the allowance less what is used, and less unmanaged where the policies count that; below zero where the node is
  /// overcommitted. Absent for a node that is not up.
  public var headroom: Resources?
  /// Workloads that run here or are moving here.
  public var workloads: Int
  /// The guard's phase, such as `armed`, `isolated`, `not there`; absent for a node that is down, unless it tells this itself.
  public var guardPhase: GuardPhase?
  /// Absent: what it runs executes, as far as is known.
  public var freeze: Freeze?
  /// Flaws of the node that nothing else tells, such as a hardware watchdog that cannot be used.
  public var flaws: [NodeFlaw]
  /// libvirt connections that the node serves.
  public var connections: [String]
  /// Connections that do not answer, and why.
  public var unreachable: [String: String]
  /// Domains that carry this cluster's mark, but whose workload the cluster does not know.
  public var strays: [String]
  /// Workloads of which a domain with their UUID runs here outside protection: they are started nowhere meanwhile.
  public var unmanagedDuplicates: [String]
  /// The number of domains that are defined here under a workload's name or UUID and are not Holdfast's (`/v1/leftovers` tells which); absent: none is known.
  public var leftovers: Int?
  /// Workloads that cannot run here as they are defined, by reason; absent: there is none, as far as is known.
  public var incompatible: [Incompatible]?
  public var labels: [String: String]
  /// The build that the node runs.
  public var version: String?
  /// How often its session was renewed, and the session's TTL in seconds; absent for a node that is down. The session's age in seconds
  /// is nowhere written: no clock is shared.
  public var renewals: Int64?
  public var sessionTTL: Double?
  /// Absent: the node is not in maintenance.
  public var maintenance: MaintenanceInfo?
  /// Absent: the node is not in quarantine.
  public var quarantine: QuarantineInfo?
  /// Node checks that fail there, or of which nothing is known; absent: none.
  public var checks: [NodeCheckInfo]?
  /// Absent: what runs there stays, as far as node checks go.
  public var ailment: AilmentInfo?
}

/// The answer of `/v1/nodes`, sorted by name.
public struct NodeList: Hashable, Sendable, Codable {
  public var nodes: [NodeInfo]
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
  /// True: as in a status.
  public var isUnread: Bool?
}

extension NodeInfo {
  /// Workloads that libvirt on a node cannot run, all for the same reason.
  public struct Incompatible: Hashable, Sendable, Codable {
    /// `machine`, `cpu`, `domain-type`, `emulator`, `other`.
    public var kind: String
    /// A clause after the node's name.
    public var text: String
    /// What to do about it.
    public var remedy: String
    public var workloads: [String]

    public init(_ group: IncompatibleWorkloads) {
      kind = group.reason.kind.rawValue
      text = group.reason.clause
      remedy = group.reason.remedy
      workloads = group.workloads.map(\.text)
    }

    private static let namesInSentence = 3

    /// Such as `cannot run w1 and w2: its QEMU does not know the machine type pc-q35-9.2`.
    public var sentence: String { "cannot run \(InWords.list(workloads, most: Self.namesInSentence)): \(text)" }
  }

  public init(_ name: NodeName, in sight: ClusterSight, load: ClusterLoad, restrictions: ClusterRestrictions) {
    let view = sight.view, isTeller = name == sight.teller && sight.knowsItself
    let record = view.nodes[name]?.value, report = view.reports[name]?.value
    let session = view.session(of: name)?.record.value, load = load.nodes[name]
    self.name = name.text
    let unread = name == sight.teller ? sight.unread : nil
    state =
      unread == nil
      ? Self.state(session?.phase, isBlind: sight.silence != nil, isTeller: name == sight.teller)
      : sight.isCutOff ? .cutOff : .unknown
    isPlanner = view.planner.map { $0.value.node == name && view.sessions[$0.value.incarnation] != nil } ?? false
    ending = state == .down ? sight.ending(of: name) : nil
    capacity = record?.capacity
    allowance = load?.allowance
    used = unread?.demand ?? load?.used ?? .none
    unmanaged = report?.unmanaged ?? .none
    unmanagedDomains = report?.unmanagedDomains ?? 0
    headroom = state == .up ? load?.headroom : nil
    let here = unread?.workloads.map(\.name) ?? load.map { Array($0.workloads) } ?? []
    workloads = here.count
    // A dead node's last report says nothing about now.
    guardPhase = state == .down && !isTeller ? nil : report?.guardPhase
    freeze = sight.freeze(of: name).map { freeze in
      Freeze(
        reason: freeze.reason, isConfirmed: freeze.isConfirmed,
        workloads: here.count { WorkloadInfo.isFrozen($0, in: sight, on: name) },
        since: isTeller ? sight.frozenSince : nil)
    }
    flaws = state == .down ? [] : report?.flaws ?? []
    connections = record?.connections ?? []
    unreachable = state == .down ? [:] : (report?.unreachable ?? [:]).mapValues(InWords.oneLine)
    // Of one whose definition cannot be read the cluster knows; that record is told, and has a way out of its own.
    strays = (report?.strays ?? []).filter { domain in
      domain.split(separator: "/").last.map { view.unreadable[.spec(WorkloadName(String($0)))] == nil } ?? true
    }
    let others = Set(report?.unmanagedUUIDs ?? [])
    unmanagedDuplicates =
      others.isEmpty
      ? [] : view.specs.filter { others.contains($0.value.value.uuid) && !view.isBeingAdopted($0.key) }.map(\.key.text).sorted()
    leftovers = report?.leftovers?.count
    incompatible = state == .down ? nil : report?.incompatible.map { $0.map(Incompatible.init) }
    labels = record?.labels ?? [:]
    version = record?.version
    renewals = session?.counter
    sessionTTL = session.map { Double($0.ttl) / 1000 }
    maintenance = restrictions.maintenance[name]
    quarantine = restrictions.quarantine[name]
    let findings = state == .down ? [] : (report?.nodeChecks ?? [])
    checks = findings.isEmpty ? nil : findings.map(NodeCheckInfo.init)
    ailment = view.losses[name]?.value.ailment.map(AilmentInfo.init)
  }

  private static func state(_ phase: SessionRecord.Phase?, isBlind: Bool, isTeller: Bool) -> State {
    guard let phase else { return .down }
    if isBlind { return isTeller ? .cutOff : .unknown }
    return phase == .active ? .up : .leaving
  }

  /// The node is down on purpose, as far as anybody knows.
  public var isDownByPlan: Bool { state == .down && maintenance.map { $0.phase != .returning } ?? false }
}

extension ClusterView {
  fileprivate func isBeingAdopted(_ workload: WorkloadName) -> Bool { intents[workload]?.value.desired == .adopting }
}

extension NodeList {
  /// - Parameter planner: by the policies in force.
  public init(_ sight: ClusterSight, planner: PolicyPlanner = PolicyPlanner(), restrictions: ClusterRestrictions) {
    let load = ClusterLoad(sight.view, planner: planner)
    nodes = sight.view.knownNodes.map { NodeInfo($0, in: sight, load: load, restrictions: restrictions) }
    disarm = restrictions.disarm
    isUnread = sight.isUnread
  }
}

extension UnreadSight {
  /// Of the domains that are seen.
  fileprivate var demand: Resources {
    workloads.compactMap(\.domain).reduce(.none) { $0 + Resources(memory: $1.memory, cpus: Double($1.vcpus)) }
  }
}
