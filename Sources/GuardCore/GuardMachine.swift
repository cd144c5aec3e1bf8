import HoldfastTime

/// The guard's decisions, as a value: events in, actions out. It reads no clock and does no I/O.
///
/// What holds after every event:
/// - The deadline counts as passed when `now >= deadline`, whatever the event is and before it is looked at.
/// - From then on only `resume` (or `disarm`, when nothing protected is left) ends the isolation. The controller's absence changes nothing.
/// - While something isolated is not confirmed to be frozen, or an address of it is not seen to be gone, the watchdog is not fed.
///
/// **When `isolation: stop` kills.** At the deadline, and not before: frozen it executes nothing, and until then nobody else may start it. So an isolation
/// that begins while the deadline is ahead (an `isolate`, a partition found frozen, the isolation of a guard before this one) freezes everything and keeps
/// the deadline; what is `stop` dies when that passes, and goes on with the rest when `resume` comes first. Without a deadline, or after it, an isolation
/// kills what is `stop` from its beginning. A `kill` kills at once, whenever it comes.
///
/// **When a start is killed.** A start that the freeze catches can keep it from holding for ever: a container's init waits in the kernel for its own
/// controller, which is frozen. When the deadline has passed and the freeze is not confirmed in `freezeLimit`, what is in no known cgroup is killed.
///
/// The program executes the actions in order and feeds each result back as an event at once.
public struct GuardMachine: Sendable {
  /// The machine's times.
  public struct Times: Hashable, Sendable {
    /// Between attempts at a freeze that is not confirmed.
    public var freezeRetry = Duration.milliseconds(2)
    /// A freeze that is not confirmed so long, past the deadline, is helped: the starts that are under way are killed. Far longer than a busy host takes for
    /// a freeze, and within the time-out that is advised for a watchdog, which is not fed meanwhile.
    var freezeLimit = Duration.seconds(1)
    /// Between looks at a confirmed isolation, at first and while something may be starting. It doubles up to `verifyMost`, or `verifyIdle` where no
    /// workload is known.
    ///
    /// No look is needed for what is frozen to stay so, nor for what comes into a frozen cgroup to be frozen: the kernel keeps the order. Looks find what
    /// somebody undid by hand (a thaw, a link, a partition removed and made again), and what a start brought into the stop partition, frozen there. Such
    /// a start is known before it is asked of the hypervisor, so while there may be one the looks stay frequent.
    public var verify = Duration.milliseconds(100)
    public var verifyMost = Duration.seconds(1)
    public var verifyIdle = Duration.seconds(5)
    /// Between attempts at a kill: doubles from the first to the second.
    public var killRetry = Duration.milliseconds(1)
    public var killRetryMost = Duration.milliseconds(20)
    /// After this it is said that links are not down yet.
    var linksLimit = Duration.seconds(1)
    /// After this a kill is answered as not confirmed. It goes on being tried.
    public var killLimit = Duration.seconds(2)
    /// Between attempts to raise an address: doubles from the first to the second.
    public var raiseRetry = Duration.seconds(1)
    public var raiseRetryMost = Duration.seconds(10)
    /// After this an address that was raised is ordered again: whoever sets a link up anew removes it, and nothing tells. One that is there costs a question to
    /// the kernel. As seldom as the last attempts of the above, for the same reason: each is one more line of a host's trouble.
    public var raisedLook = Duration.seconds(10)
    /// Between attempts to remove one: likewise.
    public var removalRetry = Duration.milliseconds(10)
    public var removalRetryMost = Duration.milliseconds(100)
    /// After this it is said that an address is not removed yet.
    var removalLate = Duration.seconds(1)
    /// After this a disarm that waits for addresses is answered as refused. Their removal goes on being tried.
    public var removalLimit = Duration.seconds(2)

    public init() {}
  }

  enum Phase: Hashable, Sendable {
    case disarmed
    case armed(deadline: BootInstant)
    case isolated(IsolatedState)
  }

  struct IsolatedState: Hashable, Sendable {
    var since: BootInstant
    var confirmed = false
    /// When starts under way are killed because the freeze is not confirmed; nil: it is.
    var startsEndAt: BootInstant?
    /// The guard knows of everything that was under protection when it began: what it does not know is none of it.
    var knowsAll = true
    /// The log has the starts that are killed.
    var saidStarts = false
    /// The first result came: the controller has been told.
    var told = false
    /// The deadline that was in force when it began: then what is `stop` is killed. nil: that has begun.
    var killsAt: BootInstant?
    var nextRound: BootInstant
    /// From a look that found everything as it should be until the next one.
    var interval: Duration
    /// The log's last word: everything is frozen, or not.
    var said: Bool?
    var taken = TakenThings()
    /// Newly taken: if these are found frozen or down, that was somebody else. Empty for a guard that took over a dead
    /// one's isolation: what it finds frozen may have been frozen by that one.
    var freshCgroups: Set<String> = []
    var freshLinks: Set<String> = []
    /// Named since the last order to take links down was given: its result says nothing of them.
    var namedLinks: Set<String> = []
    /// Kills of this isolation whose end was told.
    var ended: Set<KillTarget> = []
  }

  /// An order to take links down that has no result yet.
  struct LinkOrder: Hashable, Sendable {
    var round: Int
    var begun: BootInstant
    /// That it takes long was said.
    var isLate = false
    var links: Set<String>
    /// Links among them that are somebody else's to take up when they are found down.
    var fresh: Set<String>
    /// The isolation has ended since: these go up when the result tells which of them were down before.
    var thenUp: Set<String>?
  }

  struct Kill: Hashable, Sendable {
    var begun: BootInstant
    var nextAttempt: BootInstant
    var interval: Duration
    var progress = KillProgress.failed(reason: "not yet tried")
    /// The controller was told that it could not be confirmed in time.
    var overdue = false
    /// The workload was killed because of its `isolation: stop`.
    var isolation: Bool
    /// The guard's own, of a start that keeps the freeze from being confirmed: nobody asked for it.
    var isOfStart = false
    /// An attempt found something to kill.
    var hasFound = false
  }

  /// A command's report, in the order of the commands.
  enum Answer: Hashable, Sendable {
    case ready(GuardReport)
    /// The state, as it is when its turn has come: it waits behind a disarm that waits for addresses.
    case state
    /// The state, once the freeze has a result.
    case stateAfterFreeze
    case kill(KillTarget)
    /// Nobody knows yet whether something protected lives. `isLeaving`: nothing did, and the addresses are gone since.
    case census(isLeaving: Bool)
    /// Nothing protected lives; the addresses are waited for.
    case disarm(until: BootInstant)
  }

  let boot: String
  let times: Times
  var phase = Phase.disarmed { didSet { checkChange(from: oldValue) } }
  /// The first of the guard's checks of itself that failed; nil: none did. Then everything is frozen, and stays so until the guard is restarted.
  public internal(set) var breach: String?
  var workloads: [String: GuardedWorkload] = [:] {
    didSet {
      sorted = workloads.values.sorted { $0.name < $1.name }
      names = sorted.map(\.name)
      starting = sorted.filter(\.isStarting).map(\.name)
      named = Dictionary(
        sorted.flatMap { workload in workload.addresses.map { ($0, workload.name) } }, uniquingKeysWith: { first, _ in first })
      aimAnew()
    }
  }
  /// By name: the cgroups of what left protection and runs on in the partitions.
  var released: [String: String] = [:] { didSet { if released != oldValue { aimAnew() } } }
  /// By name: what is told and written down with every renewal changes seldom.
  private var sorted: [GuardedWorkload] = []
  private var names: [String] = []
  private var starting: [String] = []
  /// The addresses that workloads name, and whose each is.
  private(set) var named: [GuardedAddress: String] = [:]
  /// A start was asked of the hypervisor, and its end is not known.
  var mayStart: Bool { !starting.isEmpty }
  /// The target that is killed with every isolation.
  private(set) var stopPartition = KillTarget.stopPartition(sparing: [])
  var kills: [KillTarget: Kill] = [:]
  var connected = false
  var greeted = false
  /// The version of the controller's messages.
  var heardVersion = guardProtocolVersion
  /// The greatest number that this connection's `acknowledge` had.
  var acknowledged = 0
  var health = GuardHealth()
  var answers: [Answer] = []
  var round = 0
  var linkOrder: LinkOrder?
  var linkRound = 0
  var book = AddressBook()
  /// What the controller was told last of the addresses.
  var toldAddresses: [HeldAddress] = []
  private(set) var feeding = true
  /// The log has that the watchdog is not fed.
  var saidUnfed = false
  /// A check failed, and that was acted upon.
  var isUnsound = false
  private(set) var timer: BootInstant?
  private(set) var persisted: GuardRecord?
  var actions: [Action] = []

  /// - Parameter boot: the kernel's boot id.
  public init(boot: String, times: Times = Times()) {
    self.boot = boot
    self.times = times
  }

  /// The state as a controller is told it.
  public var state: GuardState {
    let told: GuardState.Phase =
      switch phase {
      case .disarmed: .disarmed
      case .armed(let deadline): .armed(deadline: deadline)
      case .isolated(let isolated): .isolated(since: isolated.since, confirmed: isolated.confirmed)
      }
    return GuardState(
      phase: told, workloads: names, starting: starting, health: health, held: book.told, acknowledged: acknowledged)
  }

  private mutating func aimAnew() {
    let spared = sorted.lazy.filter { $0.isolation == .freeze }.compactMap(\.cgroup)
    stopPartition = .stopPartition(sparing: Set(spared).union(released.values))
  }

  /// Takes one event at `now` and says what to do, in order.
  public mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    enforceDeadline(now)
    switch event {
    case .started(let found): start(found, now)
    case .controllerConnected: connect()
    case .controllerLost: disconnect()
    case .command(let command): receive(command, now)
    case .unacceptable(let reason): answer(.ready(.refused(reason: reason)))
    case .timer: break
    case .freezeResult(let round, let confirmed, let found): freezeEnded(round, confirmed, found, now)
    case .linksResult(let round, let found, let gone): linksEnded(round, found, gone, now)
    case .addressesResult(let round, let removed, let raised, let found, let failed):
      addressesEnded(
        AddressBook.Result(round: round, removed: Set(removed), raised: Set(raised), found: Set(found), failed: failed), now)
    case .killResult(let target, let progress): killEnded(target, progress, now)
    case .census(let alive): censusEnded(alive, now)
    case .health(let health): self.health = health
    }
    enforceDeadline(now)
    workDue(now)
    workAddresses(now)
    settle()
    checkState(now)
    if breach != nil, !isUnsound { becomeUnsound(now) }
    tellAddresses()
    let all = actions
    actions = []
    return all
  }

  private mutating func connect() {
    connected = true
    greeted = false
    acknowledged = 0
    answers.removeAll()
  }

  private mutating func disconnect() {
    let wasKnown = greeted
    connected = false
    greeted = false
    answers.removeAll()
    guard wasKnown else { return }
    switch phase {
    case .disarmed: log(.notice, "the controller is gone")
    case .armed: log(.warning, "the controller is gone; the deadline stays in force")
    case .isolated: log(.warning, "the controller is gone; the isolation stays in force")
    }
  }

  // MARK: What every step uses

  mutating func act(_ action: Action) { actions.append(action) }

  mutating func log(_ severity: Severity, _ text: String) { act(.log(severity, text)) }

  /// A report that nobody asked for: only to a controller that said hello.
  mutating func tell(_ report: GuardReport) {
    if greeted { send(report) }
  }

  /// In the controller's version. Of addresses a state says how it is by now, whenever it was made: an older word would follow a newer one.
  private mutating func send(_ report: GuardReport) {
    switch report {
    case .state(var state):
      (state.held, state.acknowledged) = (book.told, acknowledged)
      toldAddresses = state.held
      act(.report(.state(state.inVersion(heardVersion))))
    case .addresses(let held, _):
      toldAddresses = held
      act(.report(report))
    case .killed, .refused: act(.report(report))
    }
  }

  mutating func answer(_ answer: Answer) {
    guard connected else { return }
    let isBehindDisarm = answers.contains { if case .disarm = $0 { true } else { false } }
    if isBehindDisarm, case .ready(.state) = answer { answers.append(.state) } else { answers.append(answer) }
    flushAnswers()
  }

  /// Sends what is ready, up to the first answer that still waits.
  mutating func flushAnswers() {
    while let answer = answers.first {
      switch answer {
      case .ready(let report): send(report)
      case .state: send(.state(state))
      case .stateAfterFreeze, .kill, .census, .disarm: return
      }
      answers.removeFirst()
    }
  }

  /// Makes the waiting answers that `matches` ready.
  mutating func answerWaiting(_ report: GuardReport, where matches: (Answer) -> Bool) -> Bool {
    var found = false
    for index in answers.indices where matches(answers[index]) {
      answers[index] = .ready(report)
      found = true
    }
    flushAnswers()
    return found
  }

  mutating func persist() {
    let record = self.record
    if let persisted, persisted == record { return }
    persisted = record
    act(.persist(record))
  }

  /// The record of what the next guard has to know.
  public var record: GuardRecord {
    let taken = if case .isolated(let isolated) = phase { isolated.taken } else { TakenThings() }
    var targets: [KillTarget] = []
    for case .workload(let name, let cgroup) in kills.keys { targets.append(.workload(name: name, cgroup: cgroup)) }
    targets.sort(by: KillTarget.order)
    return GuardRecord(
      boot: boot, phase: phase.recorded, workloads: sorted, released: released, kills: targets, taken: taken,
      addresses: book.byOwner)
  }

  /// In a fixed order.
  func kills(where matches: (Kill) -> Bool) -> [(KillTarget, Kill)] {
    var found: [(KillTarget, Kill)] = []
    for (target, kill) in kills where matches(kill) { found.append((target, kill)) }
    found.sort { KillTarget.order($0.0, $1.0) }
    return found
  }

  /// The timer and the watchdog follow from the state; said only when they change.
  mutating func settle() {
    var next: BootInstant?
    switch phase {
    case .disarmed: break
    case .armed(let deadline): next = deadline
    case .isolated(let isolated): next = min(isolated.nextRound, isolated.killsAt ?? isolated.nextRound)
    }
    for kill in kills.values { next = min(next ?? kill.nextAttempt, kill.nextAttempt) }
    if let due = nextForAddresses { next = min(next ?? due, due) }
    if next != timer {
      timer = next
      act(.setTimer(at: next))
    }
    let feed = mayFeed
    if feed != feeding {
      feeding = feed
      act(.feedWatchdog(feed))
    }
    sayFeeding()
  }

  /// Addresses take a moment to go, in which nothing is said: they have a line of their own when they are late.
  private mutating func sayFeeding() {
    if feeding, saidUnfed {
      saidUnfed = false
      log(.notice, "freeze confirmed for every protected workload, and no address of them left: feeding the watchdog again")
    } else if !feeding, !saidUnfed, !isFreezeSeen || book.isLate {
      saidUnfed = true
      let why = isFreezeSeen ? "an address is not seen to be removed" : "freeze not confirmed for every protected workload"
      log(.error, "\(why): no longer feeding the watchdog")
    }
  }

  private var mayFeed: Bool {
    guard case .isolated(let isolated) = phase, isolated.told else { return true }
    // By now another node may have raised them.
    return isFreezeSeen && book.isEmpty
  }

  /// A kill that hangs counts only while isolated: on a node whose session stands, one hanging disk must not reset the rest.
  private var isFreezeSeen: Bool {
    guard case .isolated(let isolated) = phase, isolated.told else { return true }
    return isolated.confirmed && !kills.values.contains { $0.overdue && $0.isolation }
  }
}
