import GuardProtocol

/// One node's controller as a state machine: `(event, now) → actions`. No I/O, no clock, no tasks.
///
/// Each event only changes what is known; then the same decisions are taken in the same order from the whole state. So nothing
/// depends on which event came, and a lost or repeated one does no harm.
public struct Controller: Sendable {
  public struct Configuration: Sendable {
    public var cluster: String
    public var node: NodeName
    public var record: NodeRecord
    public var timing: Timing
    /// The guard's partition, such as `/holdfast`; workloads go under `freeze` and `stop` below it.
    public var partition: String
    /// For incarnations: must differ between lives of the controller.
    public var seed: UInt64
    public var policyReader: any PolicyReader

    public init(
      cluster: String, node: NodeName, record: NodeRecord, timing: Timing, partition: String, seed: UInt64,
      policyReader: any PolicyReader
    ) {
      self.cluster = cluster
      self.node = node
      self.record = record
      self.timing = timing
      self.partition = partition
      self.seed = seed
      self.policyReader = policyReader
    }
  }

  public let configuration: Configuration
  public internal(set) var view = ClusterView()
  public internal(set) var session: OwnSession
  public internal(set) var local: LocalDomains
  public internal(set) var guardian = GuardianLink()
  var expiry: ExpiryWatch
  var saved: OwnSession.Saved?
  var role = PlannerRole()
  var agents: [WorkloadName: Agent] = [:]
  var rules = RulesInForce()
  var memory = PlannersMemory()
  var random: SeededGenerator

  /// The clean departure has begun.
  public internal(set) var isLeaving = false
  public internal(set) var isFinished = false
  /// It leaves because its host goes down soon: nothing is moved while it runs.
  var leavesInHaste = false
  /// The time to empty this node is over.
  var isPastDeadline = false

  var transactions: [TransactionID: PendingTransaction] = [:]
  var lastTransaction = 0
  /// Incarnations whose opening was not answered: if one shows up in the store, it is ours.
  var attempted: Set<Incarnation> = []
  var dirty: Set<WorkloadName> = []
  var timers: [WorkloadName: BootInstant] = [:]
  /// Workloads whose start waits for another's end.
  var waitingToStart: Set<WorkloadName> = []
  /// A transaction that failed at once is not repeated before this instant: opening, re-validating, departing.
  var pauseUntil: BootInstant = .zero
  /// Something besides a workload wants to be looked at again then.
  var lookAt: BootInstant?
  var report = ReportState()
  var describing = Attempt()
  var lag = WatchLag()
  var saidStoreLost = false
  var saidForeign: Incarnation?
  /// When this node last gave its session up because everything on it stayed frozen; nil: not in this life.
  var withdrewAt: BootInstant?
  /// What was said until it changes, by kind and workload.
  var said: [String: String] = [:]

  /// The event at hand changed something that a decision may depend on.
  var isNews = true
  /// Something changed that the node's report tells.
  var reportIsDue = true
  /// When the first event came.
  var bornAt: BootInstant?
  var now: BootInstant = .zero
  var out: [Action] = []
  var wakeAt: BootInstant?

  /// - Parameter saved: what an earlier life of the controller on the same boot left in the runtime directory.
  public init(_ configuration: Configuration, saved: OwnSession.Saved?) {
    self.configuration = configuration
    self.saved = saved
    session = OwnSession(node: configuration.node, timing: configuration.timing)
    expiry = ExpiryWatch(timing: configuration.timing)
    local = LocalDomains(connections: configuration.record.connections)
    random = SeededGenerator(seed: configuration.seed)
  }

  var me: NodeName { configuration.node }
  var timing: Timing { configuration.timing }

  /// The workload's claim names this node's standing session.
  func holds(_ claim: ClaimRecord?) -> Bool {
    guard let holder = claim?.holder, let incarnation = session.incarnation else { return false }
    return holder == .init(node: me, incarnation: incarnation)
  }

  /// The claim is ours, and no release of it may have been applied without our knowing.
  func isMine(_ workload: WorkloadName) -> Bool {
    guard let claim = view.claims[workload], holds(claim.value) else { return false }
    return agents[workload]?.releasing != claim.modified
  }

  /// The guard has said that it protects it.
  public func isGuarded(_ workload: WorkloadName) -> Bool { guardian.workloads.contains(workload.text) }

  // MARK: one event

  public mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    self.now = max(now, self.now)
    if bornAt == nil { bornAt = self.now }
    guard !isFinished else { return [] }
    isNews = false
    learn(event)
    // Most events say that everything is as it was. Nothing is decided anew then before the time that was asked for.
    if isNews || wakeAt.map({ self.now >= $0 }) ?? true { decide() }
    let actions = out
    out = []
    return actions
  }

  private mutating func learn(_ event: Event) {
    switch event {
    // These say themselves whether they are news.
    case .store(.changed), .guardian(.report(.state)), .transaction, .wallTime: break
    default: isNews = true
    }
    switch event {
    // An alarm that rang a moment early must not have been the last.
    case .tick: wakeAt = nil
    case .store(.listed(let listing)): listed(listing)
    case .store(.changed(let changes)): for change in changes { changed(change) }
    case .transaction(let id, let outcome): transactionEnded(id, outcome)
    case .hypervisor(let event): observed(event)
    case .operation(let workload, let kind, let outcome): operationEnded(workload, kind, outcome)
    case .guardian(let event): guardianSaid(event)
    case .frozenDirectly(let isConfirmed): frozeDirectly(confirmed: isConfirmed)
    case .committed(let writes, let revision): committed(writes, revision)
    case .wallTime(let week, let milliseconds): learn(week, milliseconds)
    case .leave(let inHaste): leave(inHaste: inHaste)
    }
  }

  private mutating func decide() {
    if let at = lookAt, at <= now { lookAt = nil }
    missTheGuard()
    attemptDirectFreeze()
    if view.isLoaded {
      keepSession()
      watchOthers()
      plan()
      watchOwnDeadline()
    }
    for (workload, at) in timers where at <= now {
      timers[workload] = nil
      dirty.insert(workload)
    }
    let pending = dirty.sorted()
    dirty.removeAll(keepingCapacity: true)
    var wishes = ClaimWishes()
    for workload in pending { reconcile(workload, &wishes) }
    submit(wishes)
    resumeIfValidated()
    withdrawIfFrozen()
    reportIfChanged()
    watchTheWatch()
    departIfEmpty()
    askToBeWoken()
  }

  // MARK: asking for things

  mutating func transact(_ purpose: Purpose, _ transaction: ClusterTransaction, timeout: Duration? = nil) {
    lastTransaction += 1
    let id = TransactionID(lastTransaction)
    transactions[id] = PendingTransaction(purpose: purpose, transaction: transaction)
    out.append(.transact(id, transaction, until: now + (timeout ?? timing.requestTimeout)))
  }

  func isUnderWay(_ matches: (Purpose) -> Bool) -> Bool { transactions.values.contains { matches($0.purpose) } }

  mutating func note(
    _ kind: Note.Kind, _ text: String, severity: Note.Severity = .info, workload: WorkloadName? = nil,
    subject: NodeName? = nil
  ) {
    out.append(.note(Note(kind, text, severity: severity, workload: workload, subject: subject)))
  }

  mutating func tellGuard(_ command: GuardCommand) { out.append(.tellGuard(command)) }

  mutating func makeEveryWorkloadDirty() {
    dirty.formUnion(view.specs.keys)
    dirty.formUnion(view.claims.keys)
    dirty.formUnion(agents.keys)
  }

  /// Nothing that just failed is repeated for a moment.
  mutating func pause() {
    pauseUntil = now + timing.renewInterval / 4
    lookAgain(at: pauseUntil)
  }

  mutating func lookAgain(at instant: BootInstant) { lookAt = min(lookAt ?? instant, instant) }

  private mutating func askToBeWoken() {
    var next = timers.values.min()
    func sooner(_ other: BootInstant?) { if let other { next = min(next ?? other, other) } }
    // While a renewal is on its way, the next is due at that time all the same if it succeeds.
    let waitsForGuard = guardian.shortening && session.nextRenewal <= now
    if session.isStanding, !waitsForGuard, !session.renewing || session.nextRenewal > now { sooner(session.nextRenewal) }
    if waitsForGuard { sooner(now + timing.renewInterval / 4) }
    sooner(expiry.nextDue(after: now))
    if session.isValid(at: now) {
      sooner(role.nextLook(after: now))
      sooner(report.nextLook)
      sooner(describing.nextLook)
    }
    sooner(lag.nextLook)
    sooner(lookAt)
    guard let next else { return }
    let at = max(next, now + .milliseconds(1))
    if at != wakeAt {
      wakeAt = at
      out.append(.wake(at))
    }
  }
}

/// A transaction on its way.
struct PendingTransaction: Sendable {
  var purpose: Purpose
  var transaction: ClusterTransaction
}

/// Why a transaction was sent.
enum Purpose: Hashable, Sendable {
  case open(Incarnation, sent: BootInstant)
  case renew(sent: BootInstant)
  case expire(Incarnation, NodeName, takesRole: Bool)
  case takeRole
  case place
  /// Removes the record of a maintenance from which everything has come home.
  case endMaintenance(NodeName)
  /// Removes the record by which the cluster is hands-off, when its time is over.
  case arm
  case claim([WorkloadName])
  /// Gives a claim up; the text says why, for the note.
  case release(WorkloadName, of: Revision, why: String)
  case activity([WorkloadName])
  /// Writes the claim as it is, so that nothing sent before can be applied after it.
  case prove(WorkloadName)
  /// A step of a live migration, before its end.
  case offer(WorkloadName)
  /// Gives the claim to the target of a live migration.
  case handOver(WorkloadName, to: NodeName, of: Revision)
  /// A domain that runs here comes under protection.
  case adopt(WorkloadName)
  /// Removes the records of a workload that left protection.
  case forget(WorkloadName, of: Revision?)
  /// Proves the claims of what is to go on, under the session that is asked for.
  case validate(Incarnation, kept: Set<WorkloadName>)
  /// Brings the node's own record up to date.
  case describe
  case report(ReportRecord)
  case depart
  /// Ends the session of a node on which everything stays frozen.
  case withdraw
}
