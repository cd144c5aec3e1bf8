import HoldfastModel

/// The store: applies every transaction at one instant, and tells the watchers.
final class SimulatedStore {
  enum Service: Hashable {
    case serving
    /// Requests are swallowed: nobody gets an answer.
    case silent
    /// Requests are refused as a whole.
    case refusing
    /// Requests wait for the new leader, are refused, or vanish.
    case changingLeader
  }

  /// Milliseconds that a request takes inside the store.
  static let usualPace: ClosedRange<Double> = 0.3...1.5

  private unowned let world: World
  private let dice: Dice
  @exclusivity(unchecked) private(set) var model = StoreModel<RecordKey, Record>()
  private(set) var service = Service.serving
  /// Transactions that put something are refused without effect; those that only delete, or only look, are applied.
  private(set) var isFull = false
  /// When it last came back, and when it last had room again, after what time.
  private var absence = Outage(), fullness = Outage()
  var pace = usualPace
  private var watchers: [Watcher] = []
  /// Requests that wait for a leader.
  private var waiting: [EventHeap.Deed] = []
  /// The changes of the last revision, shared by those watchers that have seen everything before.
  @exclusivity(unchecked) private var lastBatch: (revision: Revision, before: Revision, changes: [ClusterChange])?

  init(_ world: World, dice: Dice) {
    self.world = world
    self.dice = dice
  }

  func serve(_ service: Service) {
    guard self.service != service else { return }
    self.service = service
    guard service == .serving else { return absence.begins(at: world.now) }
    absence.ends(at: world.now)
    let requests = waiting
    waiting = []
    for request in requests { world.at(world.now + dice.milliseconds(pace), request) }
    for watcher in watchers { watcher.news(model.revision) }
  }

  /// To those who renew, a store that is full is as good as one that is away.
  func fill(_ isFull: Bool) {
    guard self.isFull != isFull else { return }
    self.isFull = isFull
    if isFull { fullness.begins(at: world.now) } else { fullness.ends(at: world.now) }
  }

  /// Whether there is room for the transaction.
  func admits(_ transaction: ClusterTransaction) -> Bool {
    !isFull || transaction.writes.allSatisfy { if case .delete = $0 { true } else { false } }
  }

  enum Answer {
    case verdict(ClusterVerdict)
    case refused
    /// There is no room. etcd answers the same for what it has just applied beyond its quota, so it tells nothing of the outcome.
    case full
  }

  /// A transaction arrives. Applied after a while at one instant, or never.
  func take(_ request: Request) { arrive(.applies(request)) { request.isAnswered(.refused) } }

  /// The while is over.
  func work(on request: Request) {
    guard isAble else { return }
    guard admits(request.transaction) else { return request.isAnswered(.full) }
    request.isAnswered(.verdict(apply(request.transaction, from: request.process.host.name.text, sent: request.sent)))
  }

  func list(_ answer: @escaping (ClusterListing?) -> Void) {
    arrive(.body { [self] in if isAble { answer(model.list { _ in true }) } }) { answer(nil) }
  }

  private func arrive(_ work: EventHeap.Deed, _ refuse: () -> Void) {
    switch service {
    case .serving: world.at(world.now + dice.milliseconds(pace), work)
    case .silent: break
    case .refusing: refuse()
    case .changingLeader:
      switch dice.number(0...2) {
      case 0: waiting.append(work)
      case 1: refuse()
      default: break
      }
    }
  }

  /// A store that went silent since a request came may have applied it all the same, without being able to say so.
  private var isAble: Bool { service == .serving || dice.chance(0.5) }

  /// Applies a transaction now.
  @discardableResult
  func apply(_ transaction: ClusterTransaction, from who: String, sent: Moment? = nil) -> ClusterVerdict {
    let before = model.revision
    let claims = world.invariants.claims(in: transaction)
    let isRenewal = world.chronicle != nil && renews(transaction)
    let verdict = model.apply(transaction)
    world.invariants.storeAnswered(transaction, verdict, from: who, sent: sent ?? world.now, claimsBefore: claims)
    if model.revision > before {
      if !isRenewal { world.chronicle?.changed() }
      for watcher in watchers { watcher.news(model.revision) }
    }
    if model.remembered > Self.remembered * 2 { model.compact(upTo: Revision(model.revision.value - Int64(Self.remembered))) }
    return verdict
  }

  /// It only renews sessions, which changes nothing that a scenario can ask for.
  private func renews(_ transaction: ClusterTransaction) -> Bool {
    transaction.writes.allSatisfy { write in
      if case .put(.session(let incarnation), .session) = write { session(incarnation) != nil } else { false }
    }
  }

  /// Changes that the store remembers of itself: minutes of them.
  private static let remembered = 2000

  /// What a watch gives after `seen`, up to `revision`; nil when part of it is forgotten.
  func changes(after seen: Revision, upTo revision: Revision) -> [ClusterChange]? {
    if let last = lastBatch, last.revision == revision, last.before == seen { return last.changes }
    guard let changes = model.changes(after: seen) else { return nil }
    let batch = Array(changes.prefix { $0.revision <= revision })
    lastBatch = (revision, seen, batch)
    return batch
  }

  /// After an outage that every observer must have noticed, nobody may be declared expired before the others had the renewal grace.
  ///
  /// - Parameter sent: when the declaration was sent; before the return, it may have waited since before the outage.
  /// - Returns: how long ago the store came back, when that is too short a time; nil: it is long enough.
  func owesRenewalGrace(sent: Moment) -> Span? {
    let timing = world.settings.timing
    let chance = Span(timing.renewalGrace)
    // Observers' clocks may be fast.
    let least = chance - Span(nanoseconds: chance.nanoseconds / 1_000_000 * Int64(world.settings.clockDrift))
    for outage in [absence, fullness] where outage.lasted > Span(timing.gap) + .seconds(1) && sent >= outage.end {
      let since = world.now - outage.end
      if since < least { return since }
    }
    return nil
  }

  /// A time in which renewals fail.
  private struct Outage {
    private var began: Moment?
    /// Of the last one that is over.
    private(set) var end = Moment.zero
    private(set) var lasted = Span.zero

    mutating func begins(at now: Moment) { began = began ?? now }
    mutating func ends(at now: Moment) {
      lasted = now - (began ?? now)
      began = nil
      end = now
    }
  }

  func compact() {
    model.compact(upTo: model.revision)
    lastBatch = nil
    for watcher in watchers { watcher.news(model.revision) }
  }

  func end() {
    watchers = []
    waiting = []
  }

  func add(_ watcher: Watcher) { watchers.append(watcher) }
  func remove(_ watcher: Watcher) { watchers.removeAll { $0 === watcher } }

  // MARK: reading, for the invariants

  func claim(of workload: WorkloadName) -> ClaimRecord? {
    if case .claim(let record)? = model.entries[.claim(workload)]?.value { record } else { nil }
  }
  func spec(of workload: WorkloadName) -> SpecRecord? {
    if case .spec(let record)? = model.entries[.spec(workload)]?.value { record } else { nil }
  }
  func intent(of workload: WorkloadName) -> IntentRecord? {
    if case .intent(let record)? = model.entries[.intent(workload)]?.value { record } else { nil }
  }
  func placement(of workload: WorkloadName) -> PlacementRecord? {
    if case .placement(let record)? = model.entries[.placement(workload)]?.value { record } else { nil }
  }
  func session(_ incarnation: Incarnation) -> SessionRecord? {
    if case .session(let record)? = model.entries[.session(incarnation)]?.value { record } else { nil }
  }
  func report(of node: NodeName) -> ReportRecord? {
    if case .report(let record)? = model.entries[.report(node)]?.value { record } else { nil }
  }
  func losses(of node: NodeName) -> LossesRecord? {
    if case .losses(let record)? = model.entries[.losses(node)]?.value { record } else { nil }
  }
  var sessions: [SessionRecord] {
    model.entries.values.compactMap { if case .session(let record) = $0.value { record } else { nil } }
  }
  var disarm: DisarmRecord? {
    if case .disarm(let record)? = model.entries[.disarm]?.value { record } else { nil }
  }

  var planner: PlannerRecord? {
    if case .planner(let record)? = model.entries[.planner]?.value { record } else { nil }
  }
  /// Every workload under protection, sorted.
  var workloads: [WorkloadName] {
    model.entries.keys.compactMap { if case .spec(let name) = $0 { name } else { nil } }.sorted()
  }
}
