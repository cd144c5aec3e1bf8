import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// One controller, a real store model, and hands that carry out its actions at once: time passes only when the test says so.
struct Rig {
  /// How the store treats a transaction.
  enum Mood {
    case answers
    /// It does not happen, and nobody can tell: a time-out.
    case away
    /// It does not happen, and that is told at once.
    case refuses
    /// It happens, and the answer is lost.
    case losesAnswers
    /// Nothing happens before the test says so (`answerHeld`).
    case holds
  }

  var controller: Controller
  var store = StoreModel<RecordKey, Record>()
  var now = BootInstant(nanoseconds: 1_000_000_000_000)
  /// Everything that was asked for since it was last looked at.
  var actions: [Action] = []
  var mood = Mood.answers
  /// Changes do not come through the watch.
  var watchIsDeaf = false
  /// Operations on domains succeed at once.
  var domainsObey = false
  /// The guard, where the test speaks for it, refuses every `resume`.
  var resumeIsRefused = false
  /// Somebody renews this session while time passes.
  var renewed: [Incarnation: NodeName] = [:]
  /// What executes on this node, frozen or not, by name.
  var processes: [String: DomainObservation] = [:]
  /// The guard's own machine; nil where the test speaks for the guard.
  var machine: GuardMachine?
  /// What the guard has not heard of yet; the first is what it is at.
  var machineEvents: [(event: GuardMachine.Event, quietly: Bool)] = []
  /// What becomes of a bar.
  var barOutcome = OperationOutcome.done
  /// What becomes of the next attempts to take a bar away; of those after them, that none is there.
  var unbarOutcomes: [OperationOutcome] = []
  /// What the guard said last, where the test speaks for it.
  var spoken: GuardState?
  /// The deadline that the guard was told last, where the test speaks for it.
  var deadlineTold: BootInstant?
  /// Starts of which the guard was told, where the test speaks for it.
  var startsTold: Set<String> = []
  /// What the checks were told last of the one workload that has some.
  var checked: Action?
  /// What the neighbours say of addresses; of others that nobody has them.
  var owners: [IPAddress: AddressAnswer] = [:]
  var neighboursAnswer = true
  /// The guard's machine cannot remove addresses, or raise them.
  var addressesStay = false
  /// Those that are on the host's links.
  var onLinks: Set<GuardedAddress> = []
  var addressesFail = false
  /// Of the messages that the guard speaks.
  var guardVersion = guardProtocolVersion
  /// The next wake-up that was asked for.
  var wakeAt: BootInstant?
  /// Transactions that nobody has answered.
  var held: [(id: TransactionID, transaction: ClusterTransaction)] = []
  var seen = Revision.zero
  private var renewedAt = BootInstant.zero
  private var counter: Int64 = 1
  private var inbox: [Event] = []
  private var isBusy = false

  static let connection = "lxc:///system"
  static let timing = Timing(ttl: .seconds(1))
  static let policies = SpokenPolicies()
  static let node = NodeRecord(
    capacity: Resources(memory: 4096, cpus: 8), labels: [:], connections: [connection], version: "test")
  /// More than any honest reaction to one event.
  private static let mostEventsAtOnce = 400

  init(saved: OwnSession.Saved? = nil, seed: UInt64 = 1, record: NodeRecord = Rig.node) {
    controller = Controller(
      ControllerConfiguration(
        cluster: "c", node: "n1", record: record, timing: Self.timing, partition: "/holdfast",
        commonPartition: "/machine", seed: seed,
        policyReader: Self.policies, hardwareReader: SpokenHardware()), saved: saved)
  }

  /// A node that is up: listed, observed, guarded, with a session and the planner's role.
  static func running(domains: [DomainObservation] = []) -> Rig {
    var rig = Rig()
    rig.begin(domains: domains)
    return rig
  }

  mutating func begin(domains: [DomainObservation] = [], guardPhase: GuardState.Phase = .disarmed) {
    send(.fromGuard(.connected(GuardState(phase: guardPhase, workloads: []))))
    inventory(domains)
    list()
  }

  /// As `begin`, and libvirt has not spoken yet.
  mutating func beginDeaf(guardPhase: GuardState.Phase) {
    send(.fromGuard(.connected(GuardState(phase: guardPhase, workloads: []))))
    list()
  }

  mutating func list() {
    seen = store.revision
    send(.store(.listed(store.list { _ in true })))
  }

  /// Hands an event to the controller, carries out what it asks for, and hands it what follows, until there is peace.
  mutating func send(_ event: Event) {
    let event = inGuardsVersion(event)
    inbox.append(event)
    switch event {
    case .fromGuard(.connected(let state)), .fromGuard(.report(.state(let state))): spoken = state
    default: break
    }
    guard !isBusy else { return }
    isBusy = true
    defer { isBusy = false }
    var handled = 0
    repeat {
      while !inbox.isEmpty {
        handled += 1
        guard handled <= Self.mostEventsAtOnce else {
          inbox.removeAll()
          Issue.record("one event at \(now) leads to ever more: a loop without a pause")
          return
        }
        let asked = controller.receive(inbox.removeFirst(), now: now)
        actions += asked
        for action in asked { carryOut(action) }
      }
      deliver()
    } while !inbox.isEmpty
  }

  private func inGuardsVersion(_ event: Event) -> Event {
    switch event {
    case .fromGuard(.connected(let state)): return .fromGuard(.connected(inGuardsVersion(state)))
    case .fromGuard(.report(.state(let state))): return .fromGuard(.report(.state(inGuardsVersion(state))))
    default: return event
    }
  }

  /// One of an earlier release says nothing of addresses, and acknowledges nothing.
  private func inGuardsVersion(_ state: GuardState) -> GuardState {
    var state = state
    state.version = guardVersion
    if !state.knowsAddresses { (state.held, state.acknowledged) = ([], 0) }
    return state
  }

  /// What changed in the store.
  mutating func deliver() {
    guard mood != .away, !watchIsDeaf, controller.view.isLoaded else { return }
    guard let changes = store.changes(after: seen), !changes.isEmpty else { return }
    seen = store.revision
    send(.store(.changed(Array(changes))))
  }

  /// Somebody else's write.
  mutating func write(_ writes: [Write<RecordKey, Record>]) {
    _ = store.apply(ClusterTransaction(if: [], write: writes))
    deliver()
  }

  /// Time passes in steps, so that what is due happens on its way.
  mutating func pass(_ duration: Duration, step: Duration = .milliseconds(20)) {
    let end = now + duration
    while now < end {
      now = min(now + step, end)
      renewOthers()
      if machine != nil { tellMachine(.timer) }
      send(.tick)
    }
  }

  private mutating func renewOthers() {
    let due = renewed.filter { incarnation, _ in
      guard case .session(let record)? = store.entries[.session(incarnation)]?.value else { return false }
      return now - renewedAt >= .milliseconds(200) && record.phase == .active
    }
    guard !due.isEmpty else { return }
    renewedAt = now
    for (incarnation, node) in due.sorted(by: { $0.key < $1.key }) {
      counter += 1
      write([Self.session(incarnation, of: node, counter: counter)])
    }
  }

  /// Time passes, and the controller is woken only when it asked for it. Gives how often that was.
  mutating func sleep(_ duration: Duration) -> Int {
    let end = now + duration
    var wakes = 0
    while let at = wakeAt, at <= end, wakes < 100_000 {
      now = max(now, at)
      wakeAt = nil
      wakes += 1
      if machine != nil { tellMachine(.timer) }
      send(.tick)
    }
    now = end
    return wakes
  }

  mutating func takeActions() -> [Action] {
    defer { actions = [] }
    return actions
  }

  // MARK: what tests put in and look for

  var storeIsAway: Bool {
    get { mood == .away }
    set { mood = newValue ? .away : .answers }
  }

  static func spec(
    _ uuid: String = "u1", isolation: Isolation = .freeze, memory: Int = 100, connection: String = Rig.connection
  ) -> SpecRecord {
    SpecRecord(
      connection: connection, uuid: uuid, xml: "<domain/>", demand: Resources(memory: memory, cpus: 1), labels: [:],
      priority: 0, isolation: isolation, stopTimeout: 2)
  }

  mutating func apply(_ workload: WorkloadName, uuid: String = "u1", memory: Int = 100) {
    write([
      .put(.spec(workload), .spec(Self.spec(uuid, memory: memory))),
      .put(.intent(workload), .intent(IntentRecord(desired: .running)))
    ])
  }

  mutating func want(_ workload: WorkloadName, _ desired: IntentRecord.Desired, move: IntentRecord.Move? = nil) {
    write([.put(.intent(workload), .intent(IntentRecord(desired: desired, move: move)))])
  }

  /// Another node, with a session that is renewed until the test takes it out of `renewed`.
  mutating func join(_ node: NodeName, incarnation: Incarnation, memory: Int = 4096, isPlanner: Bool = false) {
    var record = Self.node
    record.capacity.memory = memory
    renewed[incarnation] = node
    write(
      [.put(.node(node), .node(record)), Self.session(incarnation, of: node)]
        + (isPlanner ? [.put(.planner, .planner(PlannerRecord(node: node, incarnation: incarnation)))] : []))
  }

  /// n1's session was declared expired by n2, which plans and took the workload; the guard has frozen it here.
  mutating func loseToPlanner(_ workload: WorkloadName) throws {
    join("n2", incarnation: "i2", isPlanner: true)
    let own = try #require(controller.session.incarnation)
    write([.delete(.session(own))])
    hold(workload, by: "n2", "i2", epoch: 2)
    place(workload, on: "n2")
    send(isolated([workload.text]))
  }

  /// n1 is up, n2 is the planner: placements are the test's.
  static func follower() -> Rig {
    var rig = Rig()
    rig.join("n2", incarnation: "i2", isPlanner: true)
    rig.begin()
    return rig
  }

  mutating func place(_ workload: WorkloadName, on node: NodeName?) {
    write([.put(.placement(workload), .placement(PlacementRecord(node: node, reason: "test")))])
  }
  mutating func hold(_ workload: WorkloadName, by node: NodeName, _ incarnation: Incarnation, epoch: Int64 = 1) {
    write([
      .put(
        .claim(workload),
        .claim(ClaimRecord(epoch: Epoch(epoch), holder: .init(node: node, incarnation: incarnation), activity: .running)))
    ])
  }

  static func session(
    _ incarnation: Incarnation, of node: NodeName, counter: Int64 = 1, phase: SessionRecord.Phase = .active
  ) -> Write<RecordKey, Record> {
    .put(.session(incarnation), .session(SessionRecord(node: node, counter: counter, ttl: 1000, phase: phase)))
  }

  static func domain(
    _ name: String, uuid: String = "u1", epoch: Int64? = 1, cluster: String = "c", persistent: Bool = false
  ) -> DomainObservation {
    DomainObservation(
      id: DomainID(connection: connection, name: name), uuid: uuid, state: .running,
      mark: epoch.map { ClaimMark(cluster: cluster, workload: name, epoch: Epoch($0)) }, memory: 100, vcpus: 1,
      persistent: persistent, pid: 100, cgroup: "/cg/\(name)", links: ["hf0"])
  }

  mutating func inventory(_ domains: [DomainObservation]) {
    processes = Dictionary(uniqueKeysWithValues: domains.map { ($0.id.name, $0) })
    send(.hypervisor(.inventory(connection: Self.connection, domains: domains)))
  }
  mutating func sees(_ domain: DomainObservation) {
    processes[domain.id.name] = domain
    send(.hypervisor(.changed(domain)))
  }
  mutating func gone(_ name: String, _ end: DomainEnd = .unknown) {
    processes[name] = nil
    send(.hypervisor(.gone(DomainID(connection: Self.connection, name: name), reason: "test", end: end)))
  }

  /// The claim as the store has it.
  func claim(_ workload: WorkloadName) -> ClaimRecord? {
    if case .claim(let claim)? = store.entries[.claim(workload)]?.value { claim } else { nil }
  }
  func placement(_ workload: WorkloadName) -> PlacementRecord? {
    if case .placement(let placement)? = store.entries[.placement(workload)]?.value { placement } else { nil }
  }
  func report(of node: NodeName = "n1") -> ReportRecord? {
    if case .report(let report)? = store.entries[.report(node)]?.value { report } else { nil }
  }
  func sessions(of node: NodeName = "n1") -> [Incarnation] {
    store.entries.compactMap { key, entry in
      if case .session(let incarnation) = key, case .session(let record) = entry.value, record.node == node {
        incarnation
      } else {
        nil
      }
    }
  }
  func starts() -> [StartRequest] { actions.compactMap { if case .start(_, let request) = $0 { request } else { nil } } }
  func stops() -> [Duration] { actions.compactMap { if case .stop(_, _, _, let grace) = $0 { grace } else { nil } } }
  func commands() -> [GuardCommand] { actions.compactMap { if case .tellGuard(let command) = $0 { command } else { nil } } }
  func transactions() -> [ClusterTransaction] {
    actions.compactMap { if case .transact(_, let transaction, _) = $0 { transaction } else { nil } }
  }
  func notes() -> [Note.Kind] { actions.compactMap { if case .note(let note) = $0 { note.kind } else { nil } } }
  var resumes: Int { commands().count { if case .resume = $0 { true } else { false } } }

  /// The guard says that everything is frozen.
  func isolated(_ workloads: [String] = []) -> Event {
    .fromGuard(.report(.state(GuardState(phase: .isolated(since: now, confirmed: true), workloads: workloads))))
  }
  /// The guard says that it is armed, until the deadline that it was told last.
  func armed(_ workloads: [String] = []) -> Event {
    let deadline = deadlineTold ?? controller.session.deadline ?? now + .seconds(1)
    return .fromGuard(.report(.state(GuardState(phase: .armed(deadline: deadline), workloads: workloads))))
  }
}
