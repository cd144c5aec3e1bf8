import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning

/// One workload, as `/v1/workloads` and the status tell it.
public struct WorkloadInfo: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable, CaseIterable {
    case running
    /// The guard of its node has frozen it, or was told to: it executes nothing, and continues where it was when it is thawed.
    case frozen
    /// libvirt has paused it: somebody suspended it, or a disk failed. It executes nothing.
    case paused
    /// Its guest crashed, and libvirt keeps it as it is. It executes nothing, and cannot be resumed.
    case crashed
    /// A node is starting it, or is about to.
    case starting
    case stopping
    /// The workload should run, but no node can take it; `why` says why.
    case pending
    /// The workload should not run, and it does not.
    case stopped
    /// Unknown whether it runs: its node cannot tell, or a record cannot be read. Holdfast treats it as running.
    case unclear
    /// The workload should run; its node was lost, and no other node has started it yet.
    case down
  }
  public struct Failure: Hashable, Sendable, Codable {
    /// Failed starts on that node since the workload last ran.
    public var count: Int
    public var reason: String
    /// The check that failed there, also after its restarts; absent: it was no check.
    public var check: String?
  }
  public struct Move: Hashable, Sendable, Codable {
    public var to: String
    public var serial: Int
    /// The planner has decided on the request: see `wantedNode` and `reason`.
    public var isServed: Bool
  }
  public var name: String
  public var state: State
  /// `running`, `stopped`, `adopting` or `unprotected`: the operator's intent. `unknown`: the node that tells this has not read the store.
  public var desired: String
  /// The workload is as it should be, where it should be: it runs if it should, breaks no rule, and does not end again and again.
  public var isInPlace: Bool
  /// A clause: why the workload is not where it should be.
  public var why: String?
  /// The node that holds it.
  public var node: String?
  /// The node that the planner wants it on.
  public var wantedNode: String?
  /// Grows with every claim; 0 before the first.
  public var epoch: Int64
  /// Why it is placed there, or nowhere.
  public var reason: String?
  /// The same as codes, for programs.
  public var reasonCodes: [String]
  /// Why not on the other nodes, as of when it was placed; and the same as codes.
  public var others: [String: String]
  public var otherCodes: [String: String]
  public var demand: Resources
  public var priority: Int
  /// The guard's act at the deadline: `freeze` or `stop`. A workload that would still answer while it is frozen is stopped, whatever its definition says.
  public var isolation: String
  /// By node.
  public var failures: [String: Failure]
  public var connection: String
  public var uuid: String
  public var labels: [String: String]
  /// Seconds that it may take to shut down before it is destroyed.
  public var stopTimeout: Double
  /// Disks, directories and MAC addresses that other workloads may have at the same time; absent: none.
  public var shared: [String]?
  /// What tells whether it works while it runs; absent: nothing.
  public var checks: [HealthCheck]?
  /// IP addresses that follow it; absent: none.
  public var addresses: [WorkloadAddress]?
  /// Those of its addresses that are not up where it runs, and why; absent: all are, as far as is known, or it does not run.
  public var missingAddresses: [AddressTrouble]?
  /// Those of its parts that are not up where it runs, starts or stops, in the definition's order; absent: all are, as far as is known, or it has none.
  public var partTroubles: [PartTrouble]?
  /// A check of it that fails where it runs, or cannot be made there; absent: none, as far as is known.
  public var health: HealthInfo?
  /// The operator's last request to bring it to a node.
  public var move: Move?
  /// The errand that its node was asked to do with what runs there: `restart`, `reset`, `resume`, until it is done; `pause`, as long as it stands.
  /// Absent: none.
  public var errand: String?
  /// The rule that it breaks where it runs, as no other node can take it, or as its move has not begun; absent: it breaks none.
  public var brokenRule: String?
  /// How often it ended without being told to within the last ten minutes, as far as the history tells; absent: it did not.
  public var recentEnds: Int?
  /// The last of those; absent: there was none.
  public var lastEnd: WallInstant?
  /// How often in a row it ended by itself, or failed a check, where it is, without running well for a minute in between; absent: it did not.
  public var endsInARow: Int?

  /// The workload runs an older definition than the store has now, which holds from its next start; absent: it does not, as far as is known.
  public var isOutdated: Bool?
  /// Domains that nodes have defined under its name or UUID and that are not Holdfast's; absent: none is known.
  public var leftovers: [LeftoverInfo]?
  /// By node: why libvirt there cannot run it as it is defined, and what to do about it; absent: every node can, as far as is known.
  public var incompatibleNodes: [String: String]?
  /// The operator has agreed that shut-off ones of its name and UUID are removed; absent: not.
  public var removesLeftovers: Bool?

  /// Differences from its definition where it runs, the disks first; at most eight, and none is listed where too many workloads
  /// differ. Absent: nothing, as far as is known.
  public var differences: [HardwareDifference]?
  /// By the guest's name for them: disks on which it last ran, and which its definition does not name. It is not started from that before somebody has
  /// decided (`holdfast accept`). Absent: there is none.
  public var newerDisks: [String: OtherDisk]?

  /// The workload runs, and fails a check.
  public var isUnhealthy: Bool { state == .running && health?.isFailing == true }
  /// The workload runs, and a check of it cannot be made; none is known to fail.
  public var isOfUnknownHealth: Bool { state == .running && health?.isFailing == false }

  /// The workload is to leave the node that holds it, or to stop there.
  public var isToLeave: Bool {
    node != nil && desired != "unknown" && (desired != "running" || reason != nil && wantedNode != node)
  }
}

extension WorkloadInfo.Failure {
  fileprivate init(_ failure: ClaimRecord.Failure) {
    self.init(count: failure.count, reason: InWords.oneLine(failure.reason), check: failure.check?.text)
  }
}

/// The answer of `/v1/workloads`, sorted by name.
public struct WorkloadList: Hashable, Sendable, Codable {
  public var workloads: [WorkloadInfo]
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
  /// True: as in a status.
  public var isUnread: Bool?

  public init(_ sight: ClusterSight) {
    workloads = WorkloadInfo.all(in: sight)
    isUnread = sight.isUnread
    disarm = sight.view.disarm.map { DisarmInfo($0.value) }
  }
}

/// The answer of `/v1/workloads/{name}`.
public struct WorkloadDetail: Hashable, Sendable, Codable {
  public var workload: WorkloadInfo
  /// The domain XML in the store, from which it is started; absent for viewers. Passwords in it are masked unless they were asked for.
  public var xml: String?
  /// What a workload of the host itself is made of, a line for each part with how it is, without options and parameters; absent: it is a domain.
  public var parts: [String]?
  /// The last lines about it, oldest first.
  public var history: [HistoryLine]
  /// A clause: why it would probably not be moved while it runs, wherever to, though its policy does not say so. Absent: nothing is known against it, or it
  /// is no question.
  public var notLive: String?

  public init(
    _ workload: WorkloadInfo, xml: String?, parts: [String]? = nil, history: [HistoryRecord], notLive: String? = nil
  ) {
    self.workload = workload
    self.parts = parts
    self.xml = xml
    self.notLive = notLive
    self.history = history.map { HistoryLine($0) }
  }
}

extension WorkloadInfo {
  /// Every workload that the cluster knows, sorted by name; from a node that has not read the store, those that it has itself. A claim that outlived its
  /// workload keeps only the epoch and is none.
  public static func all(in sight: ClusterSight) -> [WorkloadInfo] {
    let view = sight.view
    let unreadable = view.unreadable.keys.compactMap { key -> WorkloadName? in
      if case .spec(let name) = key { name } else { nil }
    }
    let own = (sight.unread?.workloads ?? []).map(\.name)
    return Set(view.specs.keys).union(unreadable).union(own).sorted().map { WorkloadInfo($0, in: sight) }
  }

  /// - Throws: that there is no such workload, with the nearest spelling; or that nobody knows, as the store has not been read.
  public static func known(_ name: WorkloadName, in sight: ClusterSight) throws(OperatorError) -> WorkloadInfo {
    let view = sight.view
    guard view.specs[name] != nil || view.unreadable[.spec(name)] != nil || sight.unread(name) != nil else {
      throw .unknownWorkload(name, in: view)
    }
    return WorkloadInfo(name, in: sight)
  }

  /// The workload's node holds it, and everything there is frozen.
  static func isFrozen(_ name: WorkloadName, in sight: ClusterSight, on node: NodeName) -> Bool {
    (sight.view.holder(of: name) == node || sight.unread(name) != nil) && Situation(name, in: sight).state == .frozen
  }

  /// As the records alone tell it.
  public init(_ name: WorkloadName, in view: ClusterView) { self.init(name, in: ClusterSight(view)) }

  public init(_ name: WorkloadName, in sight: ClusterSight) {
    let view = sight.view
    let spec = view.specs[name]?.value, intent = view.intents[name]?.value
    let placement = view.placements[name]?.value, claim = view.claims[name]?.value
    let situation = Situation(name, in: sight)
    self.name = name.text
    state = situation.state
    why = situation.why
    // That a guest powers itself off and stays down is what its policy is for.
    isInPlace =
      situation.why == nil || situation.state == .stopped && intent?.ended?.how == .poweredOff
    desired = (intent?.desired ?? .running).rawValue
    node = view.holder(of: name)?.text
    wantedNode = desired == IntentRecord.Desired.stopped.rawValue ? nil : placement?.node?.text
    epoch = claim?.epoch.value ?? 0
    reason = placement.map { InWords.oneLine("\($0.reason)") }
    reasonCodes = placement?.reason.codes ?? []
    others = (placement?.others.texts ?? [:]).mapValues(InWords.oneLine)
    otherCodes = placement?.others.codes ?? [:]
    demand = spec?.demand ?? .none
    priority = spec?.priority ?? 0
    isolation = spec.map { $0.frozenNetwork == nil ? $0.isolation.rawValue : Isolation.stop.rawValue } ?? ""
    failures = Dictionary(
      uniqueKeysWithValues: (claim?.failures ?? [:]).map {
        ($0.key.text, Failure($0.value))
      })
    connection = spec?.connection ?? ""
    uuid = spec?.uuid ?? ""
    labels = spec?.labels ?? [:]
    stopTimeout = spec?.stopTimeout ?? 0
    shared = spec?.shared
    checks = spec?.checks
    addresses = spec?.addresses
    missingAddresses = [.running, .paused].contains(state) ? sight.addressTroubles(of: name) : nil
    partTroubles = [.running, .starting, .stopping].contains(state) ? sight.partTroubles(of: name) : nil
    health = sight.health(of: name).map { HealthInfo($0) }
    move = intent?.move.map { Move(to: $0.to.text, serial: $0.serial, isServed: $0.serial <= placement?.servedMove ?? 0) }
    errand = intent?.errand?.rawValue
    brokenRule = state == .running ? sight.breach(of: name)?.rule : nil
    isOutdated = view.holder(of: name).flatMap { view.reports[$0]?.value.outdated?.contains(name) ?? false ? true : nil }
    leftovers = sight.leftovers[name]
    incompatibleNodes = sight.incompatible[name]?.texts
    removesLeftovers = intent?.removesLeftovers
    differences = view.holder(of: name).flatMap { view.reports[$0]?.value.differing?[name] }
    newerDisks = claim?.newerDisks
    let ends = sight.ends(of: name)
    recentEnds = ends?.count
    lastEnd = ends.map { WallInstant($0.last) }
    endsInARow = claim?.ends
    if let own = sight.unread(name) { take(own, of: sight.teller) }
  }

  /// What its node alone knows of it.
  private mutating func take(_ own: UnreadSight.Workload, of teller: NodeName?) {
    (desired, node) = ("unknown", teller?.text)
    guard let domain = own.domain else { return }
    demand = Resources(memory: domain.memory, cpus: Double(domain.vcpus))
    (connection, uuid) = (domain.id.connection, domain.uuid)
    epoch = domain.mark?.epoch.value ?? 0
  }
}
