import HoldfastCore

/// What must hold at every instant. Looked at whenever something changes that it depends on.
final class Invariants {
  private unowned let world: World
  /// Every UUID that was ever a workload's.
  private var uuids: [String: WorkloadName] = [:]
  /// What executes on each host, by UUID.
  private var executing: [[String: SimulatedDomain]]
  /// When a placement or a claim last went from one node to another.
  private(set) var lastMove = Moment.zero
  private(set) var lastMover = ""

  init(_ world: World) {
    self.world = world
    executing = Array(repeating: [:], count: world.settings.nodes)
  }

  // MARK: what executes

  func hostChanged(_ host: SimulatedHost) {
    let before = executing[host.index]
    var present: [String: SimulatedDomain] = [:]
    for domain in host.domains.values where uuids[domain.uuid] != nil && host.executes(domain) { present[domain.uuid] = domain }
    executing[host.index] = present
    for (uuid, domain) in present.sorted(by: { $0.key < $1.key }) where before[uuid] !== domain {
      begins(domain, uuid, on: host)
    }
  }

  private func begins(_ domain: SimulatedDomain, _ uuid: String, on host: SimulatedHost) {
    guard let workload = uuids[uuid] else { return }
    world.tell("\(workload) executes on \(host.name)")
    for other in world.hosts where other !== host && executing[other.index][uuid] != nil {
      world.violated("one workload, one node", "\(workload) executes on \(other.name) and on \(host.name)")
    }
    let isFirst = !domain.hasExecuted
    domain.hasExecuted = true
    guard isProtected(workload) else { return }
    let claim = world.store.claim(of: workload)
    if claim?.holder?.node != host.name {
      world.violated(
        "executing needs the claim", "\(workload) executes on \(host.name), the claim is \(Self.words(claim))")
    }
    if isFirst, let mark = domain.mark, mark.epoch > claim?.epoch ?? .none {
      world.violated(
        "starting needs the claim's epoch",
        "\(workload) starts on \(host.name) at epoch \(mark.epoch.value), the claim is \(Self.words(claim))")
    }
  }

  /// Protected: it has a spec, and was not told to leave.
  private func isProtected(_ workload: WorkloadName) -> Bool {
    guard world.store.spec(of: workload) != nil, let desired = world.store.intent(of: workload)?.desired else { return false }
    return desired != .unprotected && desired != .adopting
  }

  static func words(_ claim: ClaimRecord?) -> String {
    guard let claim else { return "not there" }
    return "\(claim.holder.map { "\($0.node)'s (\($0.incarnation))" } ?? "released") at epoch \(claim.epoch.value)"
  }

  func executes(_ workload: WorkloadName) -> [SimulatedHost] {
    world.hosts.filter { host in executing[host.index].contains { uuids[$0.key] == workload } }
  }

  // MARK: the store

  func storeAnswered(
    _ transaction: ClusterTransaction, _ verdict: ClusterVerdict, from who: String,
    claimsBefore: [(WorkloadName, ClaimRecord?)]
  ) {
    guard case .committed = verdict else { return }
    for write in transaction.writes { written(write, from: who) }
    for (workload, before) in claimsBefore { claimChanged(workload, from: before, by: who) }
    checkLoads(transaction, from: who)
  }

  private func written(_ write: Write<RecordKey, Record>, from who: String) {
    switch write {
    case .put(let key, let record):
      if !Self.fits(key, record) { world.violated("records can be read", "\(who) wrote \(record) under \(key)") }
      if case .spec(let spec) = record, case .spec(let workload) = key, uuids[spec.uuid] == nil {
        uuids[spec.uuid] = workload
        for host in world.hosts { hostChanged(host) }
      }
      if case .placement(let workload) = key { moved("the placement of \(workload)") }
    case .delete(.session(let incarnation)): sessionEnded(incarnation, by: who)
    case .delete(.claim(let workload)): world.violated("epochs only grow", "\(who) deleted the claim of \(workload)")
    case .delete: break
    }
  }

  private func moved(_ what: String) {
    lastMove = world.now
    lastMover = what
  }

  private func claimChanged(_ workload: WorkloadName, from before: ClaimRecord?, by who: String) {
    let claim = world.store.claim(of: workload)
    let holder = claim?.holder?.node
    if let claim, let before {
      if claim.epoch < before.epoch || claim.holder != before.holder && claim.holder != nil && claim.epoch == before.epoch {
        world.violated("epochs only grow", "\(workload): \(Self.words(before)), then \(Self.words(claim)) by \(who)")
      }
    }
    guard claim?.holder != before?.holder else { return }
    moved("the claim of \(workload)")
    world.tell("\(who): the claim of \(workload) is \(Self.words(claim)), was \(Self.words(before))")
    guard isProtected(workload) else { return }
    for host in executes(workload) where host.name != holder {
      world.violated(
        "executing needs the claim",
        "\(who) made the claim of \(workload) \(Self.words(claim)) while it executes on \(host.name)")
    }
  }

  /// Whoever ends another's session must be right: nothing executes under it any more.
  private func sessionEnded(_ incarnation: Incarnation, by who: String) {
    world.tell("\(who) ends the session \(incarnation)")
    for host in world.hosts {
      for workload in executing[host.index].keys.compactMap({ uuids[$0] }).sorted() where isProtected(workload) {
        guard let holder = world.store.claim(of: workload)?.holder, holder.incarnation == incarnation else { continue }
        world.violated(
          "a session ends when nothing executes", "\(who) ended \(incarnation) while \(workload) executes on \(host.name)")
      }
    }
  }

  private static func fits(_ key: RecordKey, _ record: Record) -> Bool {
    switch (key, record) {
    case (.format, .format), (.planner, .planner), (.node, .node), (.report, .report), (.session, .session), (.spec, .spec),
      (.intent, .intent), (.placement, .placement), (.claim, .claim), (.history, .history):
      true
    default: false
    }
  }

  /// No node that was given a workload is given more than it has.
  private func checkLoads(_ transaction: ClusterTransaction, from who: String) {
    guard who != Operators.name else { return }
    var given: Set<NodeName> = []
    for case .put(.placement, .placement(let placement)) in transaction.writes {
      if let node = placement.node { given.insert(node) }
    }
    guard !given.isEmpty else { return }
    var loads: [NodeName: Int] = [:]
    for (key, entry) in world.store.model.entries {
      guard case .placement(let workload) = key, case .placement(let placement) = entry.value, let node = placement.node else {
        continue
      }
      loads[node, default: 0] += world.store.spec(of: workload)?.demand.memory ?? 0
    }
    for node in given.sorted() {
      guard let host = world.host(node), let load = loads[node], load > host.record.capacity.memory else { continue }
      world.violated("no node is overloaded", "\(who) gave \(node) \(load) MiB, it has \(host.record.capacity.memory)")
    }
  }

  // MARK: what nobody may touch

  func touched(_ domain: SimulatedDomain, on host: SimulatedHost, by what: String) {
    if domain.mark == nil, uuids[domain.uuid] == nil {
      world.violated("what is not protected is never touched", "\(what) on \(domain.id.name) on \(host.name)")
    }
  }
}
