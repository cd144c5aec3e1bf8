import HoldfastController
import HoldfastModel
import HoldfastPlanning
import Housekeeping

/// The cluster on one screen: what failed, what was done about it and why, what is still at risk, what to type next.
public struct ClusterStatus: Hashable, Sendable, Codable {
  public enum Health: String, Hashable, Sendable, Codable {
    /// Everything is where it should be, or on its way there.
    case ok
    /// Every workload that should run does, or is being started; something needs attention.
    case degraded
    /// A workload that should run does not execute: it is frozen, paused, pending or down; or the node cannot tell. Or a second copy of one runs.
    case critical
  }
  public struct Store: Hashable, Sendable, Codable {
    /// The store answers the node that tells this.
    public var isAnswering: Bool
    /// Seconds since its last answer; absent when it never answered.
    public var silence: Double?
    /// How its members are, and how full it is, as that node saw it last; absent when it has not looked yet.
    public var health: StoreInfo?
  }
  /// Workloads, counted by state.
  public struct Counts: Hashable, Sendable, Codable {
    public var total: Int
    /// Workloads that execute, as far as their nodes know.
    public var running: Int
    public var frozen: Int
    public var paused: Int
    /// Absent: none.
    public var crashed: Int?
    public var starting: Int
    public var stopping: Int
    public var pending: Int
    public var stopped: Int
    public var unclear: Int
    public var down: Int
    /// Of those that run: so many break a rule where they are, and so many ended again and again within the last ten minutes.
    public var breakingRules: Int
    public var endingAgain: Int
    /// Of those that run: so many fail a check, and so many have one that cannot be made, so that nobody knows. Absent: none.
    public var unhealthy: Int?
    public var ofUnknownHealth: Int?
    /// Of those that run, or are paused: so many have an address that is not up. Absent: none.
    public var withoutAddress: Int?
    /// Whatever their state: so many run an older definition than the store has now.
    public var outdated: Int
    /// Whatever their state: so many have other disks, devices or sizes where they run than their definitions say.
    public var differing: Int
  }
  /// A node whose loss the others could not absorb.
  public struct Risk: Hashable, Sendable, Codable {
    public var node: String
    /// Workloads for which there would be no room.
    public var workloads: [String]
    /// Their demand together.
    public var demand: Resources
  }
  /// A command to type next.
  public struct Step: Hashable, Sendable, Codable {
    public var command: String
    /// The purpose of the command.
    public var purpose: String
    /// The node to type it on; absent: any node.
    public var on: String?
  }
  public var cluster: String
  /// The node that tells this.
  public var node: String
  /// When, on its wall clock: UTC, RFC 3339; and in milliseconds since 1970.
  public var time: String
  public var milliseconds: Int64
  public var health: Health
  /// Sentences: why the cluster is not `ok`, the worst first.
  public var reasons: [String]
  public var store: Store
  /// The node that makes the placements; absent when there is none.
  public var planner: String?
  public var nodes: [NodeInfo]
  public var counts: Counts
  /// The workloads that are not where they should be, the worst first.
  public var misplaced: [WorkloadInfo]
  public var risks: [Risk]
  /// Why the policies in the store cannot be used by the node that tells this; absent when they can.
  public var policyFlaw: String?
  /// Why the node that tells this has no session; absent: it has one.
  public var noSession: NoSession?
  /// Why the store's format is not the build's of the node that tells this: a clause. It begins nothing then. Absent: it is.
  public var formatFlaw: String?
  /// The error that the controller of the node that tells it found in itself; absent: nothing. It decides nothing until it is restarted.
  public var fault: String?
  /// Violations of the policies and why they stay so; and what of a node is slow.
  public var warnings: [String]
  /// The history of the last ten minutes, oldest first, without what is about workloads that are gone.
  public var recent: [HistoryLine]
  /// The workloads that run an older definition than the store has now, sorted. That is no trouble: the changed one holds from their next start.
  public var outdated: [String]
  /// The workloads that have other disks, devices or sizes where they run than their definitions say, sorted.
  public var differing: [String]
  /// The workloads that run, or last ran, on newer disks than their definitions name, sorted: they would not be started again.
  public var lagging: [String]
  /// The workloads that run and have a check that cannot be made, sorted: nobody knows how they are. Absent: none.
  public var ofUnknownHealth: [String]?
  /// Names of the workloads that run, or are paused, and have an address that is not up; absent: none.
  public var withoutAddress: [String]?
  public var next: [Step]
  /// Sentences: which workloads have one disk, directory, address, MAC address or UUID at the same time without sharing it. Absent: none.
  public var clashes: [String]?
  /// Moves that the policies make by themselves; absent: nothing at present.
  public var moves: MovesInfo?
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
  /// True: the node that tells this has not read the store since its holdfastd started. What it has itself is told and counted, and nothing is known of
  /// anything else. Absent: it has.
  public var isUnread: Bool?
}

extension ClusterStatus {
  /// How far back `recent` goes, in milliseconds.
  public static let recentPeriod: Int64 = 600_000
  private static let mostRecent = 200

  /// - Parameters:
  ///   - node: the node that tells it.
  ///   - storeSilence: seconds since the store last answered that node; nil when it never did.
  ///   - storePicture: that node's last look at the store; nil: there was none.
  ///   - history: the cluster's last lines, oldest first.
  ///   - outlook: what planning says of it; nil: of the records alone, without policies.
  ///   - clashes: what workloads have at the same time without sharing it.
  ///   - moves: of every node in maintenance; nil: as the records alone tell.
  ///   - quarantines: of every node in quarantine the seconds that remain; nil: as the records and the wall clock say.
  ///   - own: what that node sees of itself; nil: nothing besides the records.
  ///   - planner: by the policies in force.
  ///   - policyFlaw: why the policies in the store cannot be used.
  ///   - fault: what that node's controller found wrong with itself; nil: nothing.
  ///   - now: milliseconds since 1970.
  package init(
    _ view: ClusterView, cluster: String, node: NodeName, storeSilence: Double?, store storePicture: StorePicture? = nil,
    history: [HistoryRecord], outlook: ClusterOutlook? = nil, clashes: [BelongingsIndex.Clash] = [],
    moves: [NodeName: [EvacuationMove]]? = nil, quarantines: [NodeName: Double]? = nil, own: OwnSight? = nil,
    planner: PolicyPlanner = PolicyPlanner(),
    policyFlaw: String? = nil, fault: String? = nil, now: Int64
  ) {
    let outlook = outlook ?? ClusterOutlook(view)
    let sight = ClusterSight(
      view, teller: node, own: own, silence: storeSilence, warnings: outlook.warnings, waiting: outlook.waiting,
      history: history, now: now)
    let view = sight.view, load = ClusterLoad(view, planner: planner)
    let restrictions = ClusterRestrictions(
      view, moves: moves ?? EvacuationMove.all(in: view, planning: { nil }, policies: .none),
      quarantines: quarantines, now: now)
    let workloads = WorkloadInfo.all(in: sight)
    self.cluster = cluster
    self.node = node.text
    time = timestamp(milliseconds: now)
    milliseconds = now
    store = Store(
      isAnswering: view.isAnswering(node, silence: storeSilence), silence: storeSilence,
      health: storePicture.map { StoreInfo($0) }
    )
    nodes = view.knownNodes.map { NodeInfo($0, in: sight, load: load, restrictions: restrictions) }
    self.planner = nodes.first(where: \.isPlanner)?.name
    counts = Counts(workloads)
    misplaced = workloads.filter { !$0.isInPlace }.sorted(by: Self.isWorse)
    risks = outlook.losses.map {
      Risk(node: $0.node.text, workloads: $0.unplaceable.map(\.text), demand: $0.demand)
    }
    recent = Self.recent(history, view, now)
    self.policyFlaw = policyFlaw
    noSession = own?.absence.map { NoSession($0) }
    formatFlaw = own?.formatFlaw
    self.fault = fault
    disarm = restrictions.disarm
    isUnread = sight.isUnread
    self.moves = MovesInfo(view, waiting: outlook.waiting)
    outdated = workloads.filter { $0.isOutdated == true }.map(\.name)
    differing = workloads.filter { $0.differences != nil }.map(\.name)
    lagging = workloads.filter { $0.newerDisks != nil }.map(\.name)
    let unknown = workloads.filter(\.isOfUnknownHealth).map(\.name)
    ofUnknownHealth = unknown.isEmpty ? nil : unknown
    let unreached = workloads.filter { $0.missingAddresses != nil }.map(\.name)
    withoutAddress = unreached.isEmpty ? nil : unreached
    warnings =
      outlook.warnings.map(\.description)
      + nodes.flatMap { node in
        node.flaws.filter(\.isMinor).map { "Node \(node.name) \($0.text)" }
          + (node.incompatible ?? []).map { "Node \(node.name) \($0.sentence)" }
      }
    self.clashes = clashes.isEmpty ? nil : clashes.map(\.description)
    health = .ok
    reasons = []
    next = []
    // A store that takes this node's renewals has a leader: the look is older than that.
    let concerns = (storePicture?.concerns ?? []).filter { !(store.isAnswering && $0.topic == .leaderless) }
    let diagnosis = Diagnosis(self, sight, concerns, clashes)
    health = diagnosis.health
    reasons = diagnosis.reasons
    next = diagnosis.steps
  }

  /// Events of late about what there is.
  private static func recent(_ history: [HistoryRecord], _ view: ClusterView, _ now: Int64) -> [HistoryLine] {
    zip(history, history.dated(by: now)).filter { line, dated in
      let about = line.workloads
      // Before the store was read, nobody knows what there is.
      let isThere =
        about.isEmpty || !view.isLoaded || about.contains { view.specs[$0] != nil || view.unreadable[.spec($0)] != nil }
      return isThere && now - dated.time <= recentPeriod
    }.suffix(mostRecent).map { HistoryLine($0.0) }
  }

  private static func isWorse(_ a: WorkloadInfo, _ b: WorkloadInfo) -> Bool {
    let order: [WorkloadInfo.State] = [
      .pending, .down, .frozen, .crashed, .paused, .unclear, .starting, .stopping, .running, .stopped
    ]
    func rank(_ info: WorkloadInfo) -> (Int, Int, String) {
      (order.firstIndex(of: info.state) ?? order.count, -info.priority, info.name)
    }
    return rank(a) < rank(b)
  }
}

extension ClusterStatus.Counts {
  public init(_ workloads: [WorkloadInfo]) {
    let by = Dictionary(grouping: workloads, by: \.state).mapValues(\.count)
    func count(_ state: WorkloadInfo.State) -> Int { by[state] ?? 0 }
    func some(_ suits: (WorkloadInfo) -> Bool) -> Int? {
      let number = workloads.count(where: suits)
      return number > 0 ? number : nil
    }
    self.init(
      total: workloads.count, running: count(.running), frozen: count(.frozen), paused: count(.paused),
      crashed: some { $0.state == .crashed },
      starting: count(.starting), stopping: count(.stopping), pending: count(.pending), stopped: count(.stopped),
      unclear: count(.unclear), down: count(.down), breakingRules: workloads.count { $0.brokenRule != nil },
      endingAgain: workloads.count { $0.recentEnds ?? 0 >= ClusterSight.manyEnds }, unhealthy: some(\.isUnhealthy),
      ofUnknownHealth: some(\.isOfUnknownHealth), withoutAddress: some { $0.missingAddresses != nil },
      outdated: workloads.count { $0.isOutdated == true }, differing: workloads.count { $0.differences != nil })
  }
}
