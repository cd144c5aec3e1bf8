import GuardCore
import HoldfastModel

/// What must hold at every instant. Looked at whenever something changes that it depends on.
final class Invariants {
  private unowned let world: World
  /// Every UUID that was ever a workload's.
  private var uuids: [String: WorkloadName] = [:]
  private var uuidsOf: [WorkloadName: [String]] = [:]
  /// What executes on each host, by UUID.
  private var executing: [[String: SimulatedDomain]]
  /// Where each is placed, as of the last write.
  private var placed: [WorkloadName: NodeName] = [:]
  /// The node in maintenance that each left, as of the last write.
  private var homes: [WorkloadName: NodeName] = [:]
  private var lastHolders: [WorkloadName: NodeName] = [:]
  /// When each last executed, by UUID.
  private var ranUntil: [String: Moment] = [:]
  /// When something last went from one node to another, began or ended.
  private(set) var lastMove = Moment.zero
  private(set) var lastMover = ""
  private lazy var ailments = AilmentWatch(world)
  private(set) lazy var parts = PartsWatch(world)

  init(_ world: World) {
    self.world = world
    executing = Array(repeating: [:], count: world.settings.cluster.nodes.count)
  }

  func workload(uuid: String) -> WorkloadName? { uuids[uuid] }

  func moved(_ what: @autoclosure () -> String) {
    lastMove = world.now
    if world.story.isKept { lastMover = what() }
  }

  // MARK: what executes

  func hostChanged(_ host: SimulatedHost) {
    let before = executing[host.index]
    var present: [String: SimulatedDomain] = [:]
    for domain in host.domains.values where uuids[domain.uuid] != nil && !domain.isForeign && host.executes(domain) {
      present[domain.uuid] = domain
    }
    executing[host.index] = present
    if let chronicle = world.chronicle { record(before, present, chronicle) }
    for (uuid, domain) in before where present[uuid] !== domain { ranUntil[uuid] = world.now }
    if before.keys != present.keys { moved("what executes on \(host.name)") }
    for (uuid, domain) in present.sorted(by: { $0.key < $1.key }) where before[uuid] !== domain {
      begins(domain, uuid, on: host)
    }
    addressesChanged(host)
  }

  /// For scenarios: something changed on a host, and perhaps what executes at all.
  private func record(_ before: [String: SimulatedDomain], _ present: [String: SimulatedDomain], _ chronicle: Chronicle) {
    chronicle.changed()
    for uuid in Set(before.keys).symmetricDifference(present.keys) {
      guard let workload = uuids[uuid] else { continue }
      chronicle.executes(workload, !executes(workload).isEmpty, at: world.now)
    }
  }

  private func begins(_ domain: SimulatedDomain, _ uuid: String, on host: SimulatedHost) {
    guard let workload = uuids[uuid] else { return }
    world.tell("\(workload) executes on \(host.name)")
    // Of what may run more than once, each copy has its own memory.
    guard PlacementRules.isExclusive(workload, in: world) else { return }
    lookAtMemory(of: domain, workload, on: host)
    for other in world.hosts where other !== host && executing[other.index][uuid] != nil {
      world.violated(.oneNode, "\(workload) executes on \(other.name) and on \(host.name)")
    }
    let isFirst = !domain.hasExecuted
    domain.hasExecuted = true
    guard isProtected(workload) else { return }
    let claim = world.store.claim(of: workload)
    if claim?.holder?.node != host.name {
      world.violated(.executingNeedsClaim, "\(workload) executes on \(host.name), the claim is \(Self.words(claim))")
    }
    if isFirst, let mark = domain.mark, mark.epoch > claim?.epoch ?? .none {
      world.violated(
        .startingNeedsEpoch,
        "\(workload) starts on \(host.name) at epoch \(mark.epoch.value), the claim is \(Self.words(claim))")
    }
  }

  /// What a live migration brought executes: nothing of the workload did since it was sent.
  private func lookAtMemory(of copy: SimulatedDomain, _ workload: WorkloadName, on host: SimulatedHost) {
    defer { copy.completedAt = nil }
    guard let since = copy.completedAt, let ran = ranUntil[copy.uuid], ran > since else { return }
    world.violated(
      .memoryIsLatest, "\(workload) is resumed on \(host.name) with the memory of \(since), and executed until \(ran)")
  }

  /// Protected: it has a spec, has come, and was not told to leave.
  func isProtected(_ workload: WorkloadName) -> Bool {
    guard world.store.spec(of: workload) != nil, let desired = world.store.intent(of: workload)?.desired else { return false }
    return desired != .unprotected && desired != .adopting
  }

  static func words(_ claim: ClaimRecord?) -> String {
    guard let claim else { return "not there" }
    return "\(claim.holder.map { "\($0.node)'s (\($0.incarnation))" } ?? "released") at epoch \(claim.epoch.value)"
  }

  func executes(_ workload: WorkloadName) -> [SimulatedHost] {
    guard let own = uuidsOf[workload] else { return [] }
    return world.hosts.filter { host in own.contains { executing[host.index][$0] != nil } }
  }

  func workloadsExecuting(on host: SimulatedHost) -> [WorkloadName] {
    executing[host.index].keys.compactMap { uuids[$0] }.sorted()
  }

  // MARK: addresses

  /// What a host's links have is another now, or whoever asks is answered again.
  func addressesChanged(_ host: SimulatedHost) {
    guard !host.addresses.up.isEmpty else { return }
    for address in host.addresses.up.sorted() where host.addresses.answers(for: address.address) {
      for other in world.hosts where other !== host && other.addresses.answers(for: address.address) {
        world.violated(.oneAddress, "\(address.address) is up on \(other.name) and on \(host.name)")
      }
    }
    for workload in world.store.workloads where world.store.spec(of: workload)?.addresses != nil {
      if world.store.claim(of: workload)?.holder?.node != host.name { lookAtAddresses(on: host, of: workload) }
    }
  }

  /// Of a workload whose claim is not the host's.
  private func lookAtAddresses(on host: SimulatedHost, of workload: WorkloadName) {
    guard !host.addresses.up.isEmpty, isProtected(workload), let addresses = world.store.spec(of: workload)?.addresses else {
      return
    }
    for address in addresses where host.addresses.answers(for: address.address) {
      let claim = Self.words(world.store.claim(of: workload))
      world.violated(
        .addressNeedsClaim, "\(address.address) of \(workload) is up on \(host.name), the claim is \(claim)")
    }
  }

  // MARK: the store

  /// The claims that a transaction is about, before it.
  func claims(in transaction: ClusterTransaction) -> [(WorkloadName, ClaimRecord?)] {
    var claims: [(WorkloadName, ClaimRecord?)] = []
    for write in transaction.writes {
      if case .claim(let workload) = write.key { claims.append((workload, world.store.claim(of: workload))) }
    }
    return claims
  }

  /// - Parameter sent: when the transaction was sent.
  func storeAnswered(
    _ transaction: ClusterTransaction, _ verdict: ClusterVerdict, from who: String, sent: Moment,
    claimsBefore: [(WorkloadName, ClaimRecord?)]
  ) {
    guard case .committed = verdict else { return }
    var hasPlacements = false
    for write in transaction.writes {
      switch write {
      case .put(.session, .session): break
      case .put(let key, let record):
        recordWritten(key, record, from: who)
        if case .placement = key { hasPlacements = true }
      case .delete(.session(let incarnation)): sessionEnded(incarnation, by: who, sent: sent)
      case .delete(.losses(let node)): ailments.wrote(nil, of: node, by: who)
      case .delete(.claim(let workload)): world.violated(.epochsGrow, "\(who) deleted the claim of \(workload)")
      case .delete: break
      }
    }
    for (workload, before) in claimsBefore { claimChanged(workload, from: before, by: who) }
    if hasPlacements { placementsChanged(transaction, from: who) }
    for case .put(.placement(let workload), .placement(let placement)) in transaction.writes {
      placed[workload] = placement.node
      homes[workload] = placement.home
    }
  }

  private func recordWritten(_ key: RecordKey, _ record: Record, from who: String) {
    if let flaw = RecordFit.flaw(key, record, throughCodec: world.settings.checksCodec) {
      world.violated(.recordsFit, "\(who) wrote \(key): \(flaw)")
    }
    switch (key, record) {
    case (.spec(let workload), .spec(let spec)):
      if world.store.intent(of: workload) == nil {
        world.violated(.recordsFit, "\(who) wrote the spec of \(workload) without an intent")
      }
      guard uuids[spec.uuid] == nil else { return }
      uuids[spec.uuid] = workload
      uuidsOf[workload, default: []].append(spec.uuid)
      world.chronicle?.executes(workload, !executes(workload).isEmpty, at: world.now)
      for host in world.hosts { hostChanged(host) }
    case (.placement(let workload), .placement(let placement)):
      moved("the placement of \(workload)")
      if placement.reason.hasLeftAiling, let node = placed[workload], node != placement.node {
        ailments.left(workload, node, by: who)
      }
    case (.losses(let node), .losses(let losses)): ailments.wrote(losses, of: node, by: who)
    default: break
    }
  }

  private func claimChanged(_ workload: WorkloadName, from before: ClaimRecord?, by who: String) {
    let claim = world.store.claim(of: workload)
    let holder = claim?.holder
    if let claim, let before {
      if claim.epoch < before.epoch || claim.holder != before.holder && claim.holder != nil && claim.epoch == before.epoch {
        world.violated(.epochsGrow, "\(workload): \(Self.words(before)), then \(Self.words(claim)) by \(who)")
      }
    }
    guard holder != before?.holder else { return }
    moved("the claim of \(workload)")
    world.tell("\(who): the claim of \(workload) is \(Self.words(claim)), was \(Self.words(before))")
    if let holder { claimTaken(workload, by: holder, from: before?.holder, arrivesAt: before?.migration?.target) }
    parts.claimChanged(workload, from: before?.holder, to: holder, by: who)
    guard isProtected(workload), PlacementRules.isExclusive(workload, in: world) else { return }
    for host in world.hosts where host.name != holder?.node { lookAtAddresses(on: host, of: workload) }
    for host in executes(workload) where host.name != holder?.node {
      world.violated(
        .executingNeedsClaim, "\(who) made the claim of \(workload) \(Self.words(claim)) while it executes on \(host.name)")
    }
  }

  /// - Parameter arrivesAt: where a live migration that is settled by this went. The plan may be another one since it began.
  private func claimTaken(
    _ workload: WorkloadName, by holder: ClaimRecord.Holder, from before: ClaimRecord.Holder?,
    arrivesAt target: ClaimRecord.Holder?
  ) {
    world.tally.count(.claims)
    if let before, before.node != holder.node { world.tally.count(.takenOver) }
    if let last = lastHolders.updateValue(holder.node, forKey: workload), last != holder.node {
      world.chronicle?.moved(workload)
    }
    if world.store.session(holder.incarnation)?.node != holder.node {
      world.violated(
        .claimsFollow, "\(holder.node) took the claim of \(workload) under \(holder.incarnation), which does not stand")
    }
    let placed = world.store.placement(of: workload)?.node
    if placed != holder.node, target != holder {
      let place = placed?.text ?? "nowhere"
      world.violated(
        .claimsFollow,
        "\(holder.node) took the claim of \(workload), which is placed \(place == "nowhere" ? place : "on \(place)")")
    }
  }

  /// Whoever ends another's session must be right: nothing executes under it any more.
  private func sessionEnded(_ incarnation: Incarnation, by who: String, sent: Moment) {
    world.tell("\(who) ends the session \(incarnation)")
    for host in world.hosts {
      for workload in workloadsExecuting(on: host)
      where isProtected(workload) && PlacementRules.isExclusive(workload, in: world) {
        guard let holder = world.store.claim(of: workload)?.holder, holder.incarnation == incarnation else { continue }
        world.violated(.sessionsEndInTime, "\(who) ended \(incarnation) while \(workload) executes on \(host.name)")
      }
    }
    stoppedDies(with: incarnation, by: who)
    // An incarnation is its node's name and something random.
    guard !incarnation.text.hasPrefix("\(who)-") else { return }
    world.tally.count(.sessionsEnded)
    if world.store.isFull {
      world.violated(.expiryIsWhole, "\(who) declared \(incarnation) expired while nobody could take a claim")
    }
    world.faults.aftershock()
    if let since = world.store.owesRenewalGrace(sent: sent) {
      world.violated(
        .noMassFailover,
        "\(who) declared \(incarnation) expired \(since) after the store's return, which is no renewal grace")
    }
  }

  /// What is `isolation: stop` holds its disks until it is dead: a guard that is there has begun to kill it when others may claim it. Where there is
  /// none, the freeze is all there is.
  private func stoppedDies(with incarnation: Incarnation, by who: String) {
    for host in world.hosts where host.isRunning && incarnation.text.hasPrefix("\(host.name)-") {
      guard let until = host.guardProcess?.sparesUntil, until > host.now else { continue }
      for domain in host.domains.values where domain.partition == .stop && !domain.isKilled {
        guard let workload = uuids[domain.uuid], isProtected(workload),
          world.store.claim(of: workload)?.holder?.incarnation == incarnation
        else { continue }
        world.violated(
          .stoppedDies, "\(who) ended \(incarnation) while the guard of \(host.name) lets \(workload) live until \(until)")
      }
    }
  }

  // MARK: placements

  private func placementsChanged(_ transaction: ClusterTransaction, from who: String) {
    guard who != Operators.name else { return }
    // What is adopted stays where it runs, whatever the rules: its node writes placement and claim at once.
    guard !transaction.writes.contains(where: { if case .claim = $0.key { true } else { false } }) else { return }
    if world.store.planner?.node.text != who {
      world.violated(.plannerPlaces, "\(who) placed, the planner is \(world.store.planner?.node.text ?? "nobody")")
    }
    var given: Set<NodeName> = []
    for case .put(.placement(let workload), .placement(let placement)) in transaction.writes {
      guard let node = placement.node else {
        if placement.reason.isEmpty { world.violated(.reasonsAreStated, "\(who) placed \(workload) nowhere without a reason") }
        continue
      }
      // What is where it may not be, or on its way there, since rules changed, may stay when no other node can take it; and so may what an operator
      // brought there, as by an adoption, whatever room there is.
      if placed[workload] == node { continue }
      if let holder = world.store.claim(of: workload)?.holder, holder.node == node { continue }
      given.insert(node)
      // What starts nowhere else comes back to the node that it was to leave.
      if homes[workload] == node, PlacementRules.isInMaintenance(node, in: world) { continue }
      if let reason = PlacementRules.refusal(of: workload, on: node, in: world) {
        world.violated(.rulesHold, "\(who) placed \(workload) on \(node), which \(reason)")
      }
    }
    guard !given.isEmpty else { return }
    let loads = PlacementRules.loads(in: world)
    for node in given.sorted() {
      guard let host = world.host(node), let load = loads[node] else { continue }
      let capacity = host.setup.capacity
      guard load.memory > capacity.memory || load.cpus > capacity.cpus + 1e-9 else { continue }
      world.violated(
        .limitsHold,
        "\(who) gave \(node) \(load.memory) MiB and \(load.cpus) processors, it has \(capacity.memory) and \(capacity.cpus)")
    }
  }

  // MARK: what nobody may touch

  func touched(_ domain: SimulatedDomain, on host: SimulatedHost, by what: String) {
    // What was to be killed before is only let die.
    guard domain.mark == nil, !domain.isKilled else { return }
    // What left protection here is its owner's, when the guard has heard of it.
    let isOurs = uuids[domain.uuid].map { workload in
      world.store.spec(of: workload) != nil || world.store.claim(of: workload)?.releasedTo?.node != host.name
        || host.guardRecord?.workloads.contains { $0.name == workload.text } ?? true
    }
    if isOurs != true { world.violated(.unmanagedUntouched, "\(what) on \(domain.id.name) on \(host.name)") }
  }

  /// These cgroups, outside the partition, are about to be frozen.
  func frozen(_ cgroups: Set<String>, on host: SimulatedHost) {
    guard !cgroups.isEmpty else { return }
    for domain in host.domains.values.sorted(by: { $0.pid < $1.pid }) where cgroups.contains(domain.cgroup) {
      touched(domain, on: host, by: "a freeze")
    }
  }
}
