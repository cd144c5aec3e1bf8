import HoldfastController
import HoldfastModel
import HoldfastPlanning

/// The cluster as one node tells it: the records, and what that node knows besides them: what it sees of itself now, for how long the store has not
/// answered it, what planning leaves against the rules, what the history says of workloads that end again and again.
public struct ClusterSight: Sendable {
  /// With what the node that tells this sees of itself in place of what it reported last.
  public let view: ClusterView
  /// The node that tells this; nil: the records alone are told.
  public let teller: NodeName?
  /// Seconds for which the store has not answered, where that is long enough for sessions to have ended; nil: the records are of now.
  public let silence: Double?
  /// The store does not answer the teller.
  let isCutOff: Bool
  /// What the teller knows of itself, as long as it has not read the store; nil: it has, or nobody tells.
  let unread: UnreadSight?
  /// The teller knows of itself more than it wrote.
  let knowsItself: Bool
  /// Seconds for which nothing under protection has executed on the teller, for certain; nil: something may.
  let frozenFor: Double?
  /// Definitions that the nodes found beside the workloads' own domains.
  let leftovers: [WorkloadName: [LeftoverInfo]]
  /// By workload: the nodes whose libvirt cannot run it as it is defined.
  let incompatible: [WorkloadName: [NodeName: Exclusion]]
  private let killed: Set<WorkloadName>
  private let warnings: [WorkloadName: PlanWarning]
  private let waiting: [WorkloadName: WaitingMove]
  private let ends: [WorkloadName: Ends]
  private let latest: [WorkloadName: HistoryRecord]
  /// Milliseconds since 1970.
  private let now: Int64
  private let endings: [NodeName: NodeInfo.Ending]

  /// How often a workload ended without being told to within `ClusterStatus.recentPeriod`, and the last time in milliseconds since 1970.
  struct Ends: Hashable, Sendable {
    var count: Int
    var last: Int64
  }

  /// Milliseconds for which a start is work in progress like any other.
  static let startPatience: Int64 = 60_000

  /// Ends within `ClusterStatus.recentPeriod` from which on a workload is said to end again and again.
  public static let manyEnds = 3

  /// - Parameters:
  ///   - teller: the node that tells it.
  ///   - own: what that node sees of itself.
  ///   - silence: seconds since the store last answered it; nil: it never did.
  ///   - warnings: what planning leaves as it is.
  ///   - waiting: what it leaves as it is for now.
  ///   - history: the cluster's last lines, oldest first.
  ///   - now: milliseconds since 1970.
  public init(
    _ view: ClusterView, teller: NodeName? = nil, own: OwnSight? = nil, silence: Double? = nil, warnings: [PlanWarning] = [],
    waiting: [WaitingMove] = [], history: [HistoryRecord] = [], now: Int64 = 0
  ) {
    let unread = view.isLoaded ? nil : own?.unread
    self.unread = unread
    self.view = own.map { view.with($0.report, unread?.record, of: $0.node) } ?? view
    leftovers = self.view.leftovers()
    incompatible = self.view.incompatible
    self.teller = teller
    let isAnswering = teller.map { view.isAnswering($0, silence: silence) } ?? true
    self.silence = isAnswering ? nil : silence
    isCutOff = !isAnswering
    knowsItself = own != nil
    frozenFor = own?.frozenFor
    killed = own?.killed ?? []
    self.warnings = Dictionary(warnings.compactMap { warning in warning.workload.map { ($0, warning) } }) { first, other in
      first.brokenRule == nil ? other : first
    }
    self.waiting = Dictionary(waiting.map { ($0.workload, $0) }) { first, _ in first }
    let dated = history.dated(by: now)
    endings = Self.endings(history)
    ends = Self.ends(dated, since: now - ClusterStatus.recentPeriod)
    latest = Dictionary(dated.flatMap { line in line.workloads.map { ($0, line) } }, uniquingKeysWith: { $1 })
    self.now = now
  }

  private static func ends(_ history: [HistoryRecord], since start: Int64) -> [WorkloadName: Ends] {
    var ends: [WorkloadName: Ends] = [:]
    for line in history where line.note.kind == .vanished && line.time >= start {
      for workload in line.workloads {
        let known = ends[workload] ?? Ends(count: 0, last: line.time)
        ends[workload] = Ends(
          count: known.count + line.times(of: workload, since: start), last: max(known.last, line.time))
      }
    }
    return ends
  }

  /// How the last session of each node ended, as far as the history tells.
  private static func endings(_ history: [HistoryRecord]) -> [NodeName: NodeInfo.Ending] {
    var endings: [NodeName: NodeInfo.Ending] = [:]
    for line in history {
      switch line.note.kind {
      case .nodeLost: if let node = line.note.subject { endings[node] = .lost }
      case .sessionEnded: endings[line.node] = line.note.severity == .info ? .left : .withdrew
      case .sessionOpened: endings[line.node] = nil
      default: break
      }
    }
    return endings
  }

  // MARK: questions

  /// How the last session of a node that is down ended; nil: nobody knows.
  func ending(of node: NodeName) -> NodeInfo.Ending? {
    if let known = endings[node] { return known }
    // Where no loss is recorded, nobody knows.
    return view.wasLost(node) ? .lost : view.nodes[node] == nil || view.losses[node] == nil ? nil : .left
  }

  /// The knowledge of that node is as old as the store's last answer.
  func isBlind(to node: NodeName) -> Bool { silence != nil && !(node == teller && knowsItself) }

  /// `when the store last answered n1, 6.4 s ago`.
  var ofOld: String { "when the store last answered \(teller?.text ?? "this node"), \(InWords.tenths(silence ?? 0)) s ago" }

  /// Why everything under protection on the node is frozen; nil: it is not, as far as is known.
  func freeze(of node: NodeName) -> NodeFreeze? {
    guard let report = view.reports[node]?.value, node == teller && knowsItself || view.session(of: node) != nil else {
      return nil
    }
    let freeze: ReportRecord.Freeze? =
      // A build before that field said it with the guard's phase alone.
      switch report.guardPhase {
      case .isolated: report.freeze ?? .confirmed
      case .isolating: report.freeze ?? .ordered
      case .armed, .disarmed, .absent, .awaited, .other: report.freeze
      }
    guard let freeze else { return nil }
    return NodeFreeze(
      node: node, cause: report.guardPhase == .absent ? .guardGone : causeWithGuard(on: node), isConfirmed: freeze == .confirmed
    )
  }

  private func causeWithGuard(on node: NodeName) -> NodeFreeze.Cause {
    guard node == teller, isCutOff else { return .isolated }
    return silence.map { .storeSilent($0) } ?? .storeNeverHeard(frozenFor: frozenFor)
  }

  /// What the teller knows of a workload that it has, as long as it has not read the store; nil: nothing, or it has.
  func unread(_ workload: WorkloadName) -> UnreadSight.Workload? { unread?.workloads.first { $0.name == workload } }

  /// True: the teller has not read the store since its controller began; nil: it has. As answers tell it.
  var isUnread: Bool? { view.isLoaded || teller == nil ? nil : true }

  /// Since when nothing under protection has executed on the teller, for certain; nil: something may.
  var frozenSince: WallInstant? { frozenFor.map { WallInstant(now - Int64($0 * 1000)) } }

  /// The same of one workload there.
  func freeze(of workload: WorkloadName, on node: NodeName) -> NodeFreeze? {
    guard view.reports[node]?.value.unfrozen?.contains(workload) != true else { return nil }
    return freeze(of: node)
  }

  func wasKilled(_ workload: WorkloadName) -> Bool { killed.contains(workload) }

  /// Why libvirt executes nothing of it on the node that holds it; nil: it executes.
  func paused(_ workload: WorkloadName, on node: NodeName) -> String? { view.reports[node]?.value.paused?[workload] }

  /// It crashed there and is kept.
  func isCrashed(_ workload: WorkloadName, on node: NodeName) -> Bool { view.hasCrashed(workload, on: node) }

  /// A check of it that fails on the node that holds it, or cannot be made there; nil: none, as far as is known.
  func health(of workload: WorkloadName) -> HealthReport? {
    view.holder(of: workload).flatMap { view.reports[$0]?.value.health?[workload] }
  }

  /// Addresses of it that are not up on the node that holds it, as far as that node tells, in the definition's order; nil: there is none.
  func addressTroubles(of workload: WorkloadName) -> [AddressTrouble]? {
    view.holder(of: workload).flatMap { view.reports[$0]?.value.addresses?[workload] }
  }

  /// Its parts that are not up on the node that holds it, as far as that node tells, in the definition's order; nil: there is none.
  func partTroubles(of workload: WorkloadName) -> [PartTrouble]? {
    view.holder(of: workload).flatMap { view.reports[$0]?.value.partTroubles?[workload] }
  }

  /// The planner's warning of it.
  func warning(_ workload: WorkloadName) -> PlanWarning? { warnings[workload] }

  /// The rule that does not allow it where it is, and why it stays there, as a clause; nil: it breaks none.
  func breach(of workload: WorkloadName) -> (rule: String, why: String)? {
    if let warning = warnings[workload], let rule = warning.brokenRule { return (rule, warning.text) }
    guard let move = waiting[workload], let rule = move.brokenRule, let why = move.breach else { return nil }
    return (rule, why)
  }

  /// Its move to where the rules want it has not begun: the reason; nil: there is no such move.
  func waits(_ workload: WorkloadName) -> WaitingMove.Why? { waiting[workload]?.why }

  /// nil: it did not end without being told to within `ClusterStatus.recentPeriod`.
  func ends(of workload: WorkloadName) -> Ends? { ends[workload] }

  func recentEnds(of workload: WorkloadName) -> Int { ends[workload]?.count ?? 0 }

  /// What is being started is on its way: what happened to it last is a moment ago, and no trouble.
  func isOnItsWay(_ workload: WorkloadName) -> Bool {
    latest[workload].map { $0.note.severity == .info && now - $0.time < Self.startPatience } ?? false
  }
}

/// Why nothing under protection executes on a node.
struct NodeFreeze: Hashable, Sendable {
  enum Cause: Hashable, Sendable {
    case guardGone
    /// Seconds.
    case storeSilent(Double)
    /// Not since the controller of that node began; with the seconds for which everything has been seen frozen.
    case storeNeverHeard(frozenFor: Double?)
    case isolated
  }
  var node: NodeName
  var cause: Cause
  /// The freeze was seen; otherwise some of it may still execute.
  var isConfirmed: Bool

  /// A clause.
  var reason: String {
    let why =
      switch cause {
      case .guardGone: "the guard of \(node) is not there"
      case .storeSilent(let seconds): "the store has not answered \(node) for \(InWords.tenths(seconds)) s"
      case .storeNeverHeard(let seconds):
        "the store has not answered \(node) since holdfastd started there"
          + (seconds.map { ", and all has been frozen for \(InWords.tenths($0)) s" } ?? "")
      case .isolated: "the guard of \(node) has isolated it"
      }
    return isConfirmed ? why : "\(why); the freeze is not confirmed yet"
  }
}

extension ClusterView {
  /// A store that has been silent for a session's TTL has let the session of every node lapse.
  func isAnswering(_ node: NodeName, silence: Double?) -> Bool {
    let limit = session(of: node).map { Double($0.record.value.ttl) / 1000 } ?? 3
    return silence.map { $0 <= limit } ?? false
  }
}
