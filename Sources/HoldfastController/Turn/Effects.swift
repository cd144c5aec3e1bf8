import GuardCore
import HoldfastModel
import HoldfastTime

/// The actions that the machines bring about, in the order in which they ask for them: their only maker. An action that safety hangs on takes a permit.
struct Effects: Sendable {
  private let me: NodeName
  private let timing: Timing
  private(set) var now: BootInstant = .zero
  /// The newest revision that the store was known to have when the event came.
  private var newest: Revision = .zero
  private var actions: [Action] = []
  private var requests = Requests()
  private var notices = Notices()
  var agenda = Agenda()
  /// Writes to claims that the turn's workloads want.
  var batch = ClaimBatch()
  /// The last run of a workload that checks were told to look at; each has a number of its own.
  private(set) var lastRun = 0
  /// The guard was asked to acknowledge what it was told so often.
  private var lastAcknowledgement = 0
  /// The first of this life's checks of itself that failed; the node is isolated then.
  private(set) var breach: String?

  init(me: NodeName, timing: Timing) {
    self.me = me
    self.timing = timing
  }

  mutating func begin(at now: BootInstant, newest: Revision) { (self.now, self.newest) = (now, newest) }

  mutating func takeActions() -> [Action] {
    defer { actions = [] }
    return actions
  }

  mutating func takeBatch() -> ClaimBatch {
    defer { batch = ClaimBatch() }
    return batch
  }

  /// Too little of the deadline is left for the workload: it is looked at when a renewal gives the time, or a little later.
  mutating func waitForTime(_ workload: WorkloadName) { agenda.waitForTime(workload, until: now + timing.deadlinePause) }

  // MARK: checks

  /// A check of the core on itself. One that fails is a defect: it is told, and the node stops what it runs.
  mutating func check(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds, breach == nil { breach = what() } }

  /// Takes back what was asked for since the last event, but for what stops something or tells people.
  mutating func takeBack() {
    actions = actions.compactMap { action -> Action? in
      switch action {
      case .note, .save, .finished, .isolateDirectly, .tellGuard(.isolate), .tellGuard(.kill): return action
      // What is to be frozen is, and answers for nothing on the network: whether it may is what cannot be relied on.
      case .tellGuard(.protect(var workload)):
        workload.addresses = []
        return .tellGuard(.protect(workload))
      default: return nil
      }
    }
  }

  // MARK: the store

  mutating func transact(_ purpose: Purpose, _ transaction: consuming PermittedTransaction, timeout: Duration? = nil) {
    let until = now + (timeout ?? timing.requestTimeout)
    check(transaction.basis == purpose.basis, "a transaction for \(purpose) that rests on \(transaction.basis)")
    let transaction = transaction.transaction
    check(transaction.operations <= 128, "a transaction of \(transaction.operations) operations for \(purpose)")
    actions.append(.transact(requests.add(purpose, transaction, after: newest), transaction, until: until))
  }

  /// The transaction that has ended; nil when nobody waits for it.
  mutating func takeRequest(_ id: TransactionID) -> PendingTransaction? { requests.take(id) }

  func isUnderWay(_ matches: (Purpose) -> Bool) -> Bool { requests.contains(matches) }

  // MARK: domains

  mutating func start(_ permit: consuming StartPermit, _ request: StartRequest) {
    check(permit.workload.text == request.id.name, "the start of \(request.id.name) under the permit of \(permit.workload)")
    check(request.notAfter == permit.notAfter, "a start of \(permit.workload) for longer than its permit says")
    check(
      request.mark.epoch == permit.epoch, "a start of \(permit.workload) that is marked with another epoch than its claim's")
    check(request.mark.workload == permit.workload.text, "a start of \(permit.workload) that is marked as another's")
    actions.append(.start(permit.workload, request))
  }

  /// Lets a paused domain go on.
  mutating func resume(_ permit: consuming ResumePermit, _ domain: DomainObservation) {
    check(permit.workload.text == domain.id.name, "\(domain.id.name) resumed under the permit of \(permit.workload)")
    check(domain.state == .paused, "\(permit.workload) resumed, which is not paused")
    actions.append(.resume(permit.workload, domain.id, uuid: domain.uuid, notAfter: permit.notAfter))
  }

  mutating func migrate(_ permit: consuming MigrationPermit, _ request: MigrationRequest) {
    check(permit.workload.text == request.id.name, "the migration of \(request.id.name) under the permit of \(permit.workload)")
    check(request.notAfter == permit.notAfter, "a migration of \(permit.workload) for longer than its permit says")
    actions.append(.migrate(permit.workload, request))
  }

  mutating func cancelMigration(_ domain: DomainObservation) {
    actions.append(.cancelMigration(domain.id, uuid: domain.uuid))
  }

  mutating func stop(_ workload: WorkloadName, _ domain: DomainObservation, grace: Duration) {
    actions.append(.stop(workload, domain.id, uuid: domain.uuid, grace: grace))
  }

  mutating func suspend(_ workload: WorkloadName, _ domain: DomainObservation) {
    actions.append(.suspend(workload, domain.id, uuid: domain.uuid))
  }

  mutating func mark(_ workload: WorkloadName, _ domain: DomainObservation, _ mark: ClaimMark) {
    actions.append(.mark(workload, domain.id, uuid: domain.uuid, mark))
  }

  mutating func unmark(_ workload: WorkloadName, _ domain: DomainObservation) {
    actions.append(.unmark(workload, domain.id, uuid: domain.uuid))
  }

  mutating func bar(_ workload: WorkloadName, _ id: DomainID, uuid: String, _ mark: ClaimMark) {
    actions.append(.bar(workload, id, uuid: uuid, mark))
  }

  mutating func unbar(_ workload: WorkloadName, _ id: DomainID, uuid: String, _ mark: ClaimMark, overBar: Bool) {
    actions.append(.unbar(workload, id, uuid: uuid, mark, overBar: overBar))
  }

  mutating func refresh() { actions.append(.refresh) }

  // MARK: the guard

  /// Everything but what lets workloads execute longer, or again.
  mutating func tellGuard(_ command: GuardCommand) {
    switch command {
    case .resume: check(false, "a thaw without a permit")
    case .extend: check(false, "a later deadline without the session's permit")
    default: actions.append(.tellGuard(command))
    }
  }

  /// The guard's deadline is the session's, and comes from its permit alone.
  mutating func extend(_ session: borrowing SessionPermit) {
    guard let deadline = session.deadline else { return check(false, "a deadline without a session") }
    check(session.isValid, "the guard is told a deadline that has passed")
    actions.append(.tellGuard(.extend(deadline: deadline)))
  }

  mutating func thaw(_ permit: consuming ThawPermit) {
    actions.append(.tellGuard(.resume(deadline: permit.deadline)))
  }

  mutating func freezeDirectly(_ workloads: [GuardedWorkload]) { actions.append(.isolateDirectly(workloads)) }

  /// - Returns: the number that the guard's word has when it has taken everything that it was told until now.
  mutating func askToAcknowledge() -> Int {
    lastAcknowledgement += 1
    actions.append(.tellGuard(.acknowledge(number: lastAcknowledgement)))
    return lastAcknowledgement
  }

  // MARK: addresses

  mutating func askForOwner(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    actions.append(.askForOwner(workload, addresses))
  }

  mutating func announce(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    actions.append(.announce(workload, addresses))
  }

  mutating func endAddresses(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    actions.append(.endAddresses(workload, addresses))
  }

  // MARK: checks of workloads

  mutating func check(_ subject: CheckSubject) {
    lastRun = max(lastRun, subject.run)
    actions.append(.check(subject))
  }

  mutating func endChecks(_ workload: WorkloadName) { actions.append(.endChecks(workload)) }

  mutating func check(onThisNode checks: [NodeCheck]) { actions.append(.checkNode(checks)) }

  // MARK: the rest

  mutating func save(_ session: OwnSession.Saved?) { actions.append(.save(session)) }

  mutating func restartWatch() { actions.append(.restartWatch) }

  mutating func listAnew() { actions.append(.listAnew) }

  mutating func wake(at instant: BootInstant) { actions.append(.wake(instant)) }

  mutating func finish() { actions.append(.finished) }

  // MARK: what people are told

  mutating func note(
    _ kind: Note.Kind, _ text: String, severity: Note.Severity = .info, workload: WorkloadName? = nil,
    subject: NodeName? = nil
  ) {
    actions.append(.note(Note(kind, text, severity: severity, workload: workload, subject: subject)))
  }

  /// Says something until it changes.
  mutating func noteOnce(
    _ kind: Note.Kind, _ text: String, severity: Note.Severity = .warning, workload: WorkloadName? = nil,
    connection: String? = nil
  ) {
    let subject = workload?.text ?? connection ?? ""
    guard notices.isNew(kind, text, about: subject) else { return }
    notices.say(kind, text, about: subject)
    note(kind, text, severity: severity, workload: workload)
  }

  /// Whether `noteOnce` would say it.
  func isNew(_ kind: Note.Kind, _ text: String, workload: WorkloadName) -> Bool {
    notices.isNew(kind, text, about: workload.text)
  }

  /// Forgets what was said; true when something was.
  @discardableResult
  mutating func unsay(_ kind: Note.Kind, workload: WorkloadName? = nil, connection: String? = nil) -> Bool {
    notices.forget(kind, about: workload?.text ?? connection ?? "")
  }
}
