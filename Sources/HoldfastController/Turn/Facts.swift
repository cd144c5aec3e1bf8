import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What this controller knows: the store as the watch tells it, the domains as they were last seen, the rules, the time of day. Events change
/// it before a turn; in a turn everybody reads it, and nothing that decides anything changes but for one thing. With a workload's own step, what its
/// checks told of a run that they look at no more is dropped (`keepHealth`): which run that is, only that step tells. Of another workload's health
/// `UnwellTogether` alone makes anything: in that turn it counts such a run for the workloads before this one and not for those after it, and asks again
/// within `Limits.unwellTogetherLook`. `rememberRules` changes no answer: it only keeps what the rules say, so that it is found once.
struct Facts: Sendable {
  let configuration: ControllerConfiguration
  private(set) var now: BootInstant = .zero
  /// When the first event came.
  private(set) var bornAt: BootInstant?
  private(set) var view = ClusterView()
  /// The newest revision that this store is known to have had.
  private(set) var newest: Revision = .zero
  private(set) var local: LocalDomains
  private(set) var rules = RulesInForce()
  private(set) var calendar = Calendar()
  private(set) var terms = Terms()
  private(set) var hardware = HardwareBook()
  /// What the shell found of this host; sorted.
  private(set) var hostFlaws: [NodeFlaw] = []
  /// What is wrong with this node's clock, as the others' tell; nil: nothing, as far as is known.
  private(set) var clockFlaw: NodeFlaw?
  /// Bridges of this host that are silent for long after a start, and for how many seconds.
  private(set) var slowBridges: [String: Double] = [:]
  private(set) var leftovers: [LeftoverDefinition] = []
  /// What libvirt here was found unable to run. Before it was asked, what the life before found holds: a restart makes nobody try. nil: nothing is known.
  private(set) var incompatible: [IncompatibleWorkloads]?
  /// Of workloads here, a disk that is a file of this host alone.
  private(set) var ownDisks: [WorkloadName: String] = [:]
  private(set) var guestCPUs = GuestCPUs()
  private(set) var health = LocalHealth()
  /// The checks that the policies in force want on this node, in their order.
  private(set) var nodeChecks: [NodeCheck] = []
  private(set) var nodeHealth = LocalNodeHealth()

  var me: NodeName { configuration.node }
  var timing: Timing { configuration.timing }

  init(_ configuration: ControllerConfiguration) {
    self.configuration = configuration
    local = LocalDomains(connections: configuration.record.connections)
  }

  mutating func begin(at instant: BootInstant) {
    now = max(instant, now)
    if bornAt == nil { bornAt = now }
  }

  /// - Returns: false when it is what was known.
  mutating func take(_ flaws: [NodeFlaw]) -> Bool {
    let before = hostFlaws
    hostFlaws = flaws.sorted()
    return hostFlaws != before
  }

  /// - Returns: false when it is what was known.
  mutating func take(clock flaw: NodeFlaw?) -> Bool {
    defer { clockFlaw = flaw }
    return clockFlaw != flaw
  }

  /// - Returns: false when it is what was known.
  mutating func takeSlowBridges(_ found: [String: Double]) -> Bool {
    defer { slowBridges = found }
    return slowBridges != found
  }

  /// Addresses of what is claimed by this node, under whichever of its sessions, or is seen here: a guard may have raised them of which this controller has
  /// heard nothing.
  var ownAddresses: Set<GuardedAddress> {
    view.specs.reduce(into: []) { all, spec in
      guard let addresses = spec.value.value.addresses else { return }
      let isSeen = observation(of: spec.key).map(isMarked) ?? false
      guard isSeen || view.claims[spec.key]?.value.holder?.node == me else { return }
      all.formUnion(addresses.compactMap(\.guarded))
    }
  }

  /// - Returns: false when it is what was known.
  mutating func takeLeftovers(_ found: [LeftoverDefinition]) -> Bool {
    defer { leftovers = found }
    return leftovers != found
  }

  /// - Returns: false when it is what was known.
  mutating func takeIncompatible(_ found: [IncompatibleWorkloads]) -> Bool {
    let before = incompatible
    incompatible = found.isEmpty ? nil : found
    return incompatible != before
  }

  /// - Returns: false when it is what was known.
  mutating func takeOwnDisks(_ found: [WorkloadName: String]) -> Bool {
    defer { ownDisks = found }
    return ownDisks != found
  }

  /// - Returns: false when it is what was known.
  mutating func takeGuestCPUs(_ known: GuestCPUs) -> Bool {
    defer { guestCPUs = known }
    return guestCPUs != known
  }

  /// - Returns: false when it is what was known.
  mutating func take(_ found: WorkloadHealth, of workload: WorkloadName, run: Int) -> Bool {
    health.take(workload, run: run, found, at: now, time: wallTime)
  }

  /// - Returns: false when it is what was known.
  mutating func take(_ states: [NodeCheckState]) -> Bool { nodeHealth.take(states, at: now, time: wallTime) }

  /// The first of this node's own checks that fails and for which what runs here would leave, and since when; nil: none does.
  var nodeTrouble: (check: CheckName, since: BootInstant)? { nodeHealth.trouble(of: nodeChecks) }

  /// What is known of a run that is looked at no more says nothing.
  mutating func keepHealth(of workload: WorkloadName, run: Int?) { health.keep(workload, run: run) }

  // MARK: the store

  mutating func load(_ listing: ClusterListing) {
    let isFirst = !view.isLoaded
    view.load(listing)
    newest = max(newest, listing.revision)
    if isFirst, incompatible == nil { incompatible = view.reports[me]?.value.incompatible }
    rules.forgetSettings()
    for id in local.domains.keys { compareHardware(of: WorkloadName(id.name)) }
    terms.load(view, now: now, time: clusterTime)
  }

  /// - Returns: what changed; nil when it was known already.
  mutating func take(_ change: ClusterChange) -> RecordChange? {
    let before = importance(of: change.key)
    newest = max(newest, change.revision)
    return view.apply(change) ? learned(change.key, before) : nil
  }

  /// Writes of a transaction on this node's behalf.
  mutating func take(_ writes: [Write<RecordKey, Record>], committed revision: Revision) -> [RecordChange] {
    // Loops: a closure that calls a method of ours makes the compiler copy everything that is known.
    var before: [(RecordKey, Importance)] = [], changes: [RecordChange] = []
    for write in writes { before.append((write.key, importance(of: write.key))) }
    view.apply(writes, committed: revision)
    newest = max(newest, revision)
    for (key, earlier) in before { changes.append(learned(key, earlier)) }
    return changes
  }

  /// Records as the store has them, in place of what a refused transaction expected.
  mutating func take(
    _ current: [RecordKey: Stored<Record>], askedBy transaction: ClusterTransaction, at revision: Revision
  ) -> [RecordChange] {
    let keys = transaction.conditions.map(\.key)
    var before: [(RecordKey, Importance)] = [], changes: [RecordChange] = []
    for key in keys { before.append((key, importance(of: key))) }
    view.apply(current: current, asked: keys, at: revision)
    newest = max(newest, revision)
    for (key, earlier) in before { changes.append(learned(key, earlier)) }
    return changes
  }

  /// The store is an earlier one than it was.
  mutating func storeWentBack() {
    view.storeWentBack()
    newest = .zero
  }

  private mutating func learned(_ key: RecordKey, _ before: Importance) -> RecordChange {
    switch key {
    case .spec(let workload):
      rules.forget(workload)
      if view.specs[workload] == nil { health.forget(workload) }
      compareHardware(of: workload)
    case .intent(let workload): rules.forget(workload)
    case .disarm, .maintenance, .losses: terms.see(key, view, now: now)
    default: break
    }
    return RecordChange(key: key, before: before, after: importance(of: key), flaw: view.unreadable[key])
  }

  private func importance(of key: RecordKey) -> Importance {
    if view.unreadable[key] != nil { return .unreadable }
    switch key {
    case .session(let incarnation): return view.sessions[incarnation].map { .standing($0.value.phase) } ?? .absent
    case .claim(let workload):
      guard var claim = view.claims[workload]?.value else { return .absent }
      claim.epoch = .none
      // While a node is emptied, the next leave when those before them run.
      if view.maintenance.isEmpty, !isLeft { claim.activity = nil }
      return .claim(claim)
    case .report(let node):
      guard var report = view.reports[node]?.value else { return .absent }
      report.guardPhase = .other("")
      report.flaws = nil
      report.strays = []
      report.migrations = nil
      (report.freeze, report.unfrozen, report.paused, report.differing) = (nil, nil, nil, nil)
      // What runs with more than it is defined with keeps that until its next start.
      report.outdated = (report.outdated ?? []).filter { view.specs[$0]?.value.runsWith != nil }
      (report.health, report.crashed, report.snapshots, report.ownDisks) = (nil, nil, nil, nil)
      (report.runningCPUs, report.lackingCPUs, report.slowBridges) = (nil, nil, nil)
      report.nodeChecks = report.nodeChecks?.map { NodeFinding($0.check, $0.reason, isUnknown: $0.isUnknown) }
      return .report(report)
    default: return .absent
    }
  }

  /// What runs on some node leaves it, as a node check fails there.
  private var isLeft: Bool { !view.losses.isEmpty && view.losses.values.contains { $0.value.ailment != nil } }

  /// Reads the policies again when they changed.
  ///
  /// - Returns: false when they are those that were read before.
  mutating func readPolicies() -> Bool {
    let isNews = rules.take(view.policies, unreadable: view.unreadable[.policies], with: configuration.policyReader)
    if isNews { nodeChecks = rules.planner.policies.nodeChecks(of: me, labels: configuration.record.labels) }
    return isNews
  }

  // MARK: the hypervisor and the clock

  /// - Returns: the workloads that the event may be about.
  mutating func take(_ event: HypervisorEvent) -> Set<WorkloadName> {
    var names: Set<WorkloadName> = []
    for id in local.receive(event, at: now) {
      names.insert(WorkloadName(id.name))
      if let mark = local.domains[id]?.mark { names.insert(WorkloadName(mark.workload)) }
      compareHardware(of: WorkloadName(id.name))
    }
    return names
  }

  private mutating func compareHardware(of workload: WorkloadName) {
    hardware.compare(workload, observation(of: workload), with: view.specs[workload]?.value, configuration.hardwareReader)
  }

  /// - Returns: true when it is not the time that was reckoned with.
  mutating func take(_ time: WeekTime, _ milliseconds: Int64) -> Bool {
    let isNews = calendar.tell(time, milliseconds, now: now)
    terms.resolve(now: now, time: clusterTime)
    return isNews
  }

  // MARK: questions

  var isDisarmed: Bool { view.disarm != nil || view.unreadable[.disarm] != nil }

  /// The store's layout is not this build's: nothing is begun by what it says; nil: it is.
  var formatFlaw: FormatFlaw? {
    if let flaw = view.unreadable[.format] { return .unreadable(flaw) }
    guard let version = view.format?.value.version, version > FormatRecord.current else { return nil }
    return .newer(version)
  }

  /// Until when a connection that was not heard of yet is no news: a controller that has just started can run as much as before.
  var firstWordsBy: BootInstant { (bornAt ?? now) + timing.settle }

  /// Connections on which nothing can be started, as others are to know it, and why.
  var silentConnections: [String: String] {
    now < firstWordsBy ? local.unreachable.filter { !local.unheard.contains($0.key) } : local.unreachable
  }

  /// Milliseconds since 1970; nil: nobody told yet.
  var wallTime: Int64? { calendar.wallTime(now: now).flatMap { Record.isTime($0) ? $0 : nil } }

  /// The same, as most of the cluster's clocks have it.
  private var clusterTime: Int64? { wallTime.map { view.time(beside: $0, of: me) } }

  /// A domain with this cluster's mark is here.
  var seesProtectedDomain: Bool { local.domains.values.contains { $0.mark?.cluster == configuration.cluster } }

  func isMarked(_ domain: DomainObservation) -> Bool { domain.mark?.cluster == configuration.cluster }

  /// The domain of the workload's spec, where it is here.
  func observation(of workload: WorkloadName) -> DomainObservation? {
    guard let spec = view.specs[workload]?.value else { return nil }
    return local.domains[DomainID(connection: spec.connection, name: workload.text)]
  }

  /// The domain of the workload, or of what it was before it left protection, where it is here.
  func domain(of workload: WorkloadName) -> DomainObservation? {
    view.identity(of: workload).flatMap { local.domains[DomainID(connection: $0.connection, name: workload.text)] }
  }

  /// A domain of a workload that left protection, or is on another connection now, and not of the last run under the claim: somebody else
  /// ran it since. A clone, with another name, is somebody's own.
  func staleCopy(of workload: WorkloadName) -> DomainObservation? {
    let connection = view.specs[workload]?.value.connection
    // Adopted where it went on, a domain keeps the mark that it has; anywhere else such a mark is of a run before.
    let isAdopting = view.intents[workload]?.value.desired == .adopting
    if connection != nil, !isAdopting, configuration.record.connections.count == 1 { return nil }
    guard let claim = view.claims[workload]?.value else { return nil }
    // What went on here is no copy, even when the mark was taken off before it was brought up to date.
    if connection == nil || isAdopting, claim.releasedTo?.node == me { return nil }
    for served in configuration.record.connections where served != connection || isAdopting {
      guard let domain = local.domains[DomainID(connection: served, name: workload.text)], let mark = domain.mark else {
        continue
      }
      if isMarked(domain), mark.workload == workload.text, mark.epoch < claim.epoch { return domain }
    }
    return nil
  }

  /// Workloads that are to come under protection on this node, and their intents.
  var adoptions: [(workload: WorkloadName, intent: Stored<IntentRecord>)] {
    var found: [(workload: WorkloadName, intent: Stored<IntentRecord>)] = []
    for (workload, intent) in view.intents where intent.value.desired == .adopting && intent.value.adopter == me {
      found.append((workload, intent))
    }
    return found.sorted { $0.workload < $1.workload }
  }

  /// The rules' settings of the workloads are found once.
  mutating func rememberRules(of names: [WorkloadName]) {
    for name in names { if let spec = view.specs[name]?.value { rules.remember(name, spec) } }
  }

  /// The same workloads, in the order in which they are placed, claimed and started: the higher priority first, then by name.
  func byImportance(_ names: [WorkloadName]) -> [WorkloadName] {
    guard names.count > 1 else { return names }
    var ranked: [(name: WorkloadName, priority: Int)] = []
    ranked.reserveCapacity(names.count)
    for name in names {
      let priority = view.specs[name].map { rules.settings(of: name, $0.value).priority ?? $0.value.priority }
      ranked.append((name, priority ?? 0))
    }
    ranked.sort { $0.priority != $1.priority ? $0.priority > $1.priority : $0.name < $1.name }
    return ranked.map(\.name)
  }

  /// The claim names this node's session.
  func holds(_ claim: ClaimRecord?, under incarnation: Incarnation?) -> Bool {
    guard let holder = claim?.holder, let incarnation else { return false }
    return holder == .init(node: me, incarnation: incarnation)
  }
}

extension ClusterView {
  /// The time by most of the cluster's clocks, in milliseconds since 1970: those of the sessions as they were last written, and this node's.
  fileprivate func time(beside own: Int64, of me: NodeName) -> Int64 {
    let others = sessions.values.filter { $0.value.node != me }.compactMap(\.value.clock)
    let all = (others + [own]).sorted()
    // Of two that differ the earlier: what is counted is rather too long.
    return all[(all.count - 1) / 2]
  }
}

/// Why this build can do nothing with the store's layout.
enum FormatFlaw: Hashable, Sendable, CustomStringConvertible {
  /// The record of it cannot be read, as that says.
  case unreadable(String)
  case newer(Int)

  var description: String {
    switch self {
    case .unreadable(let flaw): "the record of the store's format cannot be read (\(flaw))"
    case .newer(let version): "the store has format \(version), and this build knows up to \(FormatRecord.current)"
    }
  }
}

/// A record that changed, and what of that matters to others than its owner.
struct RecordChange: Hashable, Sendable {
  var key: RecordKey
  var before: Importance
  var after: Importance
  /// Why it cannot be read.
  var flaw: String?

  var matters: Bool { before != after }

  /// A node can run something that it could not run, or the reverse.
  var isOnAbility: Bool { before.incompatible != after.incompatible }
}

/// The part of a record whose change matters to others than its owner: a session's counter does not, nor what a claim or a report
/// only tells people.
enum Importance: Hashable, Sendable {
  case absent, unreadable
  case standing(SessionRecord.Phase)
  // Seldom, and large: what is asked with every renewal stays small without them.
  indirect case claim(ClaimRecord)
  indirect case report(ReportRecord)

  fileprivate var incompatible: [IncompatibleWorkloads]? {
    if case .report(let report) = self { report.incompatible } else { nil }
  }
}
