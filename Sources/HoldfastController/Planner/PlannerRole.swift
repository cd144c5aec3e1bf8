import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The planner's work: takes the role when it is vacant, and while it is this node's, plans and writes placements.
///
///     follower ──asked──▶ candidate ──committed──▶ planner ──the record is another's, or the session is over──▶ follower
///         ▲                   └──refused, unanswered──▶ follower        ▲
///         └──────────declared the planner's session expired─────────────┘
struct PlannerRole: Sendable {
  private enum Role: StateList {
    case follower
    /// The vacant role was asked for.
    case candidate
    case planner(Work)

    func mayBecome(_ next: Role) -> Bool {
      switch (self, next) {
      case (.follower, .candidate), (.candidate, .follower), (.planner, .follower), (.planner, .planner): true
      // Taken with the end of the last planner's session, or found in the store by the next life: nothing is remembered from before.
      case (.follower, .planner(let work)), (.candidate, .planner(let work)): work == Work()
      case (.planner, .candidate), (.follower, .follower), (.candidate, .candidate): false
      }
    }
  }

  /// A planner's memory of its plans.
  private struct Work: Hashable, Sendable {
    /// The last plan had more changes than one transaction takes.
    var wasCut = false
    /// The last plan said that it will be another one then, with nothing changed.
    var planAgainAt: BootInstant?
    /// Warnings of the last plan.
    var warnings: Set<PlanWarning.Topic> = []
    var ownMoves = OwnMoves()
    var commonCauses = CommonCauses()
  }

  private var course = StateCourse(Role.follower)
  /// Nothing is asked for before this instant: the last request failed.
  private var notBefore: BootInstant = .zero
  private var lastLook: BootInstant = .zero
  /// When this node's session was opened, if by this life of the controller.
  private var openedAt: BootInstant?
  private var picture = PlanningPicture()
  /// Of the placements that were asked for last: those that say what the ones before say, and those on the node that held the workload then. Their
  /// answer may come after the news of what a node did with them.
  private var untold: Set<WorkloadName> = []
  private var staying: Set<WorkloadName> = []

  var breach: String? { course.breach }

  // MARK: questions

  private var work: Work? { if case .planner(let work) = course.state { work } else { nil } }

  func mayAct(at now: BootInstant) -> Bool { now >= notBefore }

  func nextLook(after now: BootInstant, isPlanDue: Bool) -> BootInstant? {
    var next = isPlanDue && notBefore > now ? notBefore : nil
    if let again = work?.planAgainAt, again > now { next = BootInstant.earlier(next, again) }
    return BootInstant.earlier(next, picture.nextChange(after: now))
  }

  /// The cluster as the planner sees it, for people who ask.
  func snapshot(_ facts: Facts) -> PlanningSnapshot {
    var picture = picture
    return picture.snapshot(facts, silent: [])
  }

  // MARK: what happens

  mutating func see(_ facts: Facts) { picture.see(facts) }

  /// Nodes have reported something else, or other checks count.
  mutating func seeReports(_ facts: Facts) { picture.seeReports(facts) }

  mutating func sessionOpened(at instant: BootInstant) { openedAt = instant }

  /// A request of the planner's failed, or of one who wants to be it.
  mutating func failed(_ purpose: Purpose, _ timing: Timing, _ effects: inout Effects) {
    if purpose == .takeRole, course.state == .candidate { course.move(to: .follower) }
    effects.agenda.note(.plan)
    notBefore = max(notBefore, effects.now + timing.retryPause)
  }

  /// Nothing more is moved by itself.
  mutating func halted() { change { $0.ownMoves.forgetFailures() } }

  /// The placements were committed.
  mutating func placed(_ writes: [Write<RecordKey, Record>], at revision: Revision, _ facts: Facts, _ effects: inout Effects) {
    change { $0.ownMoves.began(writes, facts) }
    for case .put(.placement(let name), .placement(let placement)) in writes {
      let seen = facts.view.placements[name]
      if let seen, seen.modified == revision, seen.value != placement {
        // Whoever acts on it needs a claim: people are told, and what runs here runs on.
        effects.noteOnce(
          .unreadable, "the placement of \(name) is not read back as it was written", severity: .error, workload: name)
      }
      guard !untold.contains(name) else { continue }
      if let node = placement.node {
        let verb = staying.contains(name) ? "stays on" : "goes to"
        effects.note(.placed, "\(name) \(verb) \(node): \(placement.reason)", workload: name, subject: node)
      } else if placement.cause == .waits {
        effects.note(.pending, "\(name) \(placement.reason)", workload: name)
      } else if facts.view.intents[name]?.value.desired != .stopped {
        effects.note(.pending, "\(name) cannot run anywhere: \(placement.reason)", severity: .error, workload: name)
      }
    }
    // What has no home any more ends a maintenance.
    if work?.wasCut == true || facts.view.maintenance.values.contains(where: { $0.value.phase == .over }) {
      effects.agenda.note(.plan)
    }
  }

  private mutating func change(_ body: (inout Work) -> Void) {
    guard var work else { return }
    body(&work)
    course.move(to: .planner(work))
  }

  // MARK: a turn

  mutating func step(_ turn: borrowing Turn, _ facts: Facts, _ peers: PeerExpiry, _ effects: inout Effects) {
    // Whose record it is decides.
    switch (course.state, turn.stance.isPlanner) {
    case (.follower, true), (.candidate, true): course.move(to: .planner(Work()))
    case (.planner, false): course.move(to: .follower)
    case (.planner, true), (.follower, false), (.candidate, false): break
    }
    takeVacantRole(turn, facts, &effects)
    if isOver(since: lastLook, at: facts.now) { effects.agenda.note(.plan) }
    lastLook = facts.now
    guard !turn.stance.decidesNothing else { return giveUpRole(turn, facts, &effects) }
    plan(turn, facts, peers, &effects)
  }

  private mutating func takeVacantRole(_ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects) {
    guard turn.session.isValid, !facts.isDisarmed, let holder = turn.session.holder(on: facts.me) else { return }
    let view = facts.view
    if let incumbent = view.planner?.value.incarnation {
      guard view.sessions[incumbent] == nil, view.unreadable[.session(incumbent)] == nil else { return }
    }
    guard turn.stance.mayPlanForOthers(facts), !turn.stance.decidesNothing, facts.rules.mayPlan,
      view.unreadable[.planner] == nil, mayAct(at: facts.now), !effects.isUnderWay({ $0 == .takeRole })
    else { return }
    var conditions: [Condition<RecordKey>] = [.absent(.planner)]
    if let planner = view.planner {
      conditions = [.unchanged(.planner, modified: planner.modified), .absent(.session(planner.value.incarnation))]
    }
    let record = PlannerRecord(node: facts.me, incarnation: holder.incarnation)
    guard let transaction = turn.session.transaction(if: conditions, write: [.put(.planner, .planner(record))]) else { return }
    effects.transact(.takeRole, transaction)
    if course.state == .follower { course.move(to: .candidate) }
  }

  private mutating func plan(_ turn: borrowing Turn, _ facts: Facts, _ peers: PeerExpiry, _ effects: inout Effects) {
    guard var work, turn.session.isValid, effects.agenda.isPlanDue, mayAct(at: facts.now), facts.rules.mayPlan
    else { return }
    guard !effects.isUnderWay({ $0 == .place }), !facts.isDisarmed else { return }
    if let until = settlesUntil(facts) { return effects.agenda.look(at: until) }
    effects.agenda.takePlan()
    MissingIntents.restore(turn, facts, &effects)
    let silent = peers.silentNodes(facts)
    var snapshot = picture.snapshot(facts, silent: silent)
    work.ownMoves.settle(facts)
    // Whoever lets them go on has seen what failed before.
    if facts.view.areMovesOff { work.ownMoves.forgetFailures() }
    let moves = Self.moves(facts, work.ownMoves)
    if case .toHalt(let why) = moves { haltMoves(because: why, turn, facts, &effects) }
    snapshot.pace = moves == .on ? .kept : .off
    work.commonCauses.settle(&snapshot, at: facts.now)
    let outcome = facts.rules.planner.outcome(snapshot)
    work.commonCauses.see(outcome.warnings, checks: facts.rules.planner.policies.nodeChecks.map(\.check.name), at: facts.now)
    // They are heard of again soon, or lost. What may have waited for that is planned anew.
    let hears = silent.isEmpty ? nil : facts.timing.renewInterval.inSeconds
    let again = [outcome.lookAgainAfter, Maintenances(facts).secondsToNextTerm, hears].compactMap { $0 }.min()
    work.planAgainAt = again.map { facts.now + .milliseconds(Int64(min($0, Limits.longestPlan) * 1000) + 1) }
    Self.tell(outcome.warnings, &work.warnings, &effects)
    AilingNodes.decide(outcome.ailing, turn, facts, &effects)
    let changes = Self.changes(from: facts, to: outcome.placements)
    work.wasCut = changes.count > Limits.placementsAtOnce
    course.move(to: .planner(work))
    if changes.isEmpty {
      endMaintenances(turn, facts, &effects)
    } else {
      write(Self.departuresFirst(changes, facts.view).prefix(Limits.placementsAtOnce), turn, facts, &effects)
    }
  }

  /// Whether anything may be moved by itself.
  private enum MovesVerdict: Hashable, Sendable {
    case on, off
    /// Several such moves in a row have failed: they are to be off until an operator says so.
    case toHalt(because: String)
  }

  private static func moves(_ facts: Facts, _ ownMoves: OwnMoves) -> MovesVerdict {
    guard !facts.view.areMovesOff else { return .off }
    return ownMoves.failed(atLeast: facts.rules.planner.policies.cluster.movesHaltAfter).map(MovesVerdict.toHalt) ?? .on
  }

  private func haltMoves(because why: String, _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects) {
    guard let planner = facts.view.planner, !effects.isUnderWay({ $0 == .haltMoves }) else { return }
    let record = MovesOffRecord(reason: why, since: facts.wallTime ?? 0)
    let transaction = turn.session.transaction(
      if: [.unchanged(.planner, modified: planner.modified), .absent(.movesOff)], write: [.put(.movesOff, .movesOff(record))])
    if let transaction { effects.transact(.haltMoves, transaction) }
  }

  /// A planner of an older build than the store's layout leaves the role to a newer one.
  private func giveUpRole(_ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects) {
    guard turn.stance.isPlanner, turn.session.isValid, let planner = facts.view.planner, mayAct(at: facts.now),
      !effects.isUnderWay({ $0 == .giveUpRole }),
      let transaction = turn.session.transaction(
        if: [.unchanged(.planner, modified: planner.modified)], write: [.delete(.planner)])
    else { return }
    effects.transact(.giveUpRole, transaction)
  }

  /// A cluster that is just starting: the nodes that are missing may be only late.
  private func settlesUntil(_ facts: Facts) -> BootInstant? {
    let standing = facts.view.standingNodes
    guard let openedAt, facts.now < openedAt + facts.timing.settle,
      facts.view.nodes.keys.contains(where: { !standing.contains($0) })
    else { return nil }
    return openedAt + facts.timing.settle
  }

  /// Something that a plan waited for is over since the last look.
  private func isOver(since before: BootInstant, at now: BootInstant) -> Bool {
    picture.changes(between: before, and: now) || work?.planAgainAt.map { $0 > before && $0 <= now } ?? false
  }

  /// A plan that is too large for one transaction is written in parts, and each part may be the last for a while: nothing is sent to a node that
  /// others are still to leave, as far as that can be.
  private static func departuresFirst(
    _ changes: [(WorkloadName, PlacementRecord)], _ view: ClusterView
  ) -> [(WorkloadName, PlacementRecord)] {
    guard changes.count > Limits.placementsAtOnce else { return changes }
    func from(_ change: (WorkloadName, PlacementRecord)) -> NodeName? {
      guard let present = view.placements[change.0]?.value.node, present != change.1.node else { return nil }
      return present
    }
    var leaving: [NodeName: Int] = [:]
    for change in changes { if let node = from(change) { leaving[node, default: 0] += 1 } }
    var ordered: [(WorkloadName, PlacementRecord)] = [], waiting = changes
    while ordered.count < Limits.placementsAtOnce, !waiting.isEmpty {
      var later: [(WorkloadName, PlacementRecord)] = []
      let before = ordered.count
      for change in waiting {
        guard change.1.node.map({ leaving[$0] ?? 0 == 0 }) ?? true else {
          later.append(change)
          continue
        }
        ordered.append(change)
        if let node = from(change) { leaving[node, default: 1] -= 1 }
      }
      // They change places with each other: somebody has to be the first.
      if ordered.count == before { ordered.append(later.removeFirst()) }
      waiting = later
    }
    return ordered
  }

  /// Placements to be written anew, the most important first.
  private static func changes(
    from facts: Facts, to plan: [WorkloadName: PlacementRecord]
  ) -> [(WorkloadName, PlacementRecord)] {
    let changed = plan.compactMap { name, wanted -> (WorkloadName, PlacementRecord)? in
      guard let present = facts.view.placements[name]?.value else { return (name, wanted) }
      if present.node == wanted.node, present.servedMove == wanted.servedMove, present.home == wanted.home,
        present.handedOver == wanted.handedOver,
        wanted.node != nil || present.reason == wanted.reason && present.others == wanted.others
      {
        return nil
      }
      return (name, wanted)
    }
    let order = Dictionary(
      uniqueKeysWithValues: facts.byImportance(changed.map(\.0)).enumerated().map { ($1, $0) })
    return changed.sorted { order[$0.0] ?? .max < order[$1.0] ?? .max }
  }

  private mutating func write(
    _ changes: ArraySlice<(WorkloadName, PlacementRecord)>, _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    let view = facts.view
    guard let planner = view.planner else { return }
    untold = Set(changes.filter { Self.saysTheSame($0.1, as: view.placements[$0.0]?.value) }.map(\.0))
    staying = Set(changes.filter { $0.1.node != nil && $0.1.node == view.holder(of: $0.0) }.map(\.0))
    // Planned by these policies: others must not have come into force meanwhile.
    var conditions: [Condition<RecordKey>] = [.unchanged(.planner, modified: planner.modified)]
    if let policies = view.policies {
      conditions.append(.unchanged(.policies, modified: policies.modified))
    } else if view.unreadable[.policies] == nil {
      conditions.append(.absent(.policies))
    }
    // An operator may have stopped them meanwhile.
    if changes.contains(where: { $0.1.isOwnMove }) { conditions.append(view.asSeen(.movesOff, view.movesOff)) }
    // Nothing goes to a node that is being drained by then.
    for node in Set(changes.compactMap(\.1.node)).sorted() {
      conditions.append(view.asSeen(.maintenance(node), view.maintenance[node]))
    }
    let maintenances = Maintenances(facts)
    var writes: [Write<RecordKey, Record>] = []
    effects.check(planner.value.incarnation == turn.session.incarnation, "\(facts.me) plans in another planner's place")
    for (name, placement) in changes {
      let present = view.placements[name]?.value.node
      effects.check(
        placement.node.map { $0 == present || $0 == view.holder(of: name) || view.nodes[$0] != nil } ?? true,
        "\(name) is placed on \(placement.node?.text ?? ""), which is no node")
      let key = RecordKey.placement(name)
      conditions.append(view.placements[name].map { .unchanged(key, modified: $0.modified) } ?? .absent(key))
      // What left protection meanwhile gets no place.
      conditions.append(view.asSeen(.spec(name), view.specs[name]))
      // It is put back where it runs, and has not left meanwhile.
      if let node = placement.node, maintenances.contains(node) {
        conditions.append(view.asSeen(.claim(name), view.claims[name]))
      }
      writes.append(.put(key, .placement(placement)))
    }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    effects.transact(.place, transaction)
  }

  /// Nothing that people are told changes: only to where it belongs after a maintenance, or why not on the other nodes.
  private static func saysTheSame(_ wanted: PlacementRecord, as present: PlacementRecord?) -> Bool {
    wanted.node == present?.node && wanted.reason == present?.reason && wanted.servedMove == present?.servedMove
  }

  /// A maintenance that is over ends when everything has gone home that goes home at all.
  private func endMaintenances(_ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects) {
    guard let planner = facts.view.planner else { return }
    for (node, record) in Maintenances(facts).ended where !effects.isUnderWay({ $0 == .endMaintenance(node) }) {
      let transaction = turn.session.transaction(
        if: [
          .unchanged(.planner, modified: planner.modified), .unchanged(.maintenance(node), modified: record.modified)
        ], write: [.delete(.maintenance(node))])
      guard let transaction else { return }
      effects.transact(.endMaintenance(node), transaction)
    }
  }

  /// Says what a plan warns of, once.
  private static func tell(_ found: [PlanWarning], _ warnings: inout Set<PlanWarning.Topic>, _ effects: inout Effects) {
    for warning in found where !warnings.contains(warning.topic) {
      effects.note(.policies, "\(warning)", severity: .warning, workload: warning.workload)
    }
    warnings = Set(found.map(\.topic))
  }
}
