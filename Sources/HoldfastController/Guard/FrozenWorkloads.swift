import HoldfastModel
import HoldfastTime

/// What goes on after everything was frozen, and what does not: who lost its claim is killed, the claims of the rest are validated, and then all
/// of it is thawed.
enum FrozenWorkloads {
  /// Thaws only when a transaction proved that every claim under which something is frozen here still holds; what lost its claim is killed
  /// before, and never executes again.
  static func thaw(_ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    guard machines.guardLink.thaw?.isSettling == true, turn.session.isValid, machines.guardLink.isDirectFreezeSettled
    else { return }
    guard turn.session.mayWrite, facts.now >= max(machines.lease.pauseUntil, machines.guardLink.quietUntil) else { return }
    let settled = settle(turn, facts, &machines, &effects)
    let isSettled = settled != nil
    // What this life of the controller has not seen may be here without a claim; and while libvirt does not answer, no earlier start
    // can be barred.
    guard facts.local.isComplete, isSettled || facts.local.unreachable.isEmpty else {
      let frozenStarts = machines.guardLink.starting.filter {
        machines.workloads[WorkloadName($0)]?.parts.protection.isForgotten != true
      }
      return machines.guardLink.freeHypervisor(frozenStarts, facts.timing, &effects)
    }
    if let settled { validate(settled, turn, facts, &machines, &effects) }
  }

  /// Workloads that the guard holds, as far as it or the hypervisor told.
  private static func frozenHere(_ turn: borrowing Turn, _ facts: Facts, _ machines: borrowing Machines) -> [WorkloadName] {
    var names: Set<WorkloadName> = []
    for name in turn.guardWord.workloads {
      let workload = WorkloadName(name)
      if machines.workloads[workload]?.parts.protection.isForgotten != true { names.insert(workload) }
    }
    for machine in machines.workloads.all where machine.parts.protection.told != nil { names.insert(machine.name) }
    for domain in facts.local.domains.values {
      guard let mark = domain.mark, facts.isMarked(domain) else { continue }
      let workload = WorkloadName(mark.workload), spec = facts.view.specs[workload]?.value
      // What may run more than once was not frozen.
      if let spec, !facts.rules.isExclusive(workload, spec) { continue }
      if spec != nil || facts.staleCopy(of: workload) != nil { names.insert(workload) }
    }
    return names.sorted()
  }

  /// Kills what lost its claim, and waits for what may be claimed anew. Gives what may go on; nil while something is not decided.
  private static func settle(_ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects)
    -> SettledFreeze?
  {
    let patience = ClaimPatience(machines.guardLink.thaw, machines.lease.session, facts)
    var kept: [WorkloadName] = []
    var isDecided = true
    for name in frozenHere(turn, facts, machines) {
      let own = WorkloadFacts(name, facts, under: turn.session.incarnation)
      var machine = machines.workloads.take(name)
      switch FrozenVerdict.of(machine.parts, own, facts, turn.guardWord) {
      case .keep: kept.append(name)
      case .keepWhenBarred:
        machine.closeFence(facts, &effects)
        if machine.parts.mayStillAppear { isDecided = false } else { kept.append(name) }
      case .undecided: isDecided = false
      case .leave: machine.leaveProtection(turn.guardWord, facts, &effects)
      case .reclaimable where patience.isLeft:
        machines.guardLink.awaitsClaims(since: facts.now)
        if facts.now < patience.until { effects.agenda.look(at: patience.until) }
        isDecided = false
      case .killPending(isStale: true):
        machine.orderKill(&effects)
        isDecided = false
      case .reclaimable, .killPending:
        machine.orderKill(&effects)
        machine.closeFence(facts, &effects)
        if machine.parts.mayStillAppear { isDecided = false }
      }
      machines.workloads.put(machine)
    }
    guard isDecided else { return nil }
    machines.guardLink.decided()
    return SettledFreeze(kept: kept)
  }

  private static func validate(
    _ settled: consuming SettledFreeze, _ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    let kept = settled.kept
    var conditions: [Condition<RecordKey>] = []
    for name in kept.prefix(Limits.validatedClaims) {
      let own = WorkloadFacts(name, facts, under: turn.session.incarnation)
      if own.isAdopting, let intent = own.intent {
        conditions.append(.unchanged(.intent(name), modified: intent.modified))
      } else if let claim = own.claim {
        conditions.append(.unchanged(.claim(name), modified: claim.modified))
      }
    }
    guard let incarnation = turn.session.incarnation,
      let transaction = turn.session.transaction(if: conditions, write: [])
    else { return }
    machines.guardLink.validates()
    effects.transact(.validate(incarnation, kept: Set(kept)), transaction, timeout: facts.timing.renewTimeout)
  }

  static func validated(
    _ asked: Set<WorkloadName>, under incarnation: Incarnation, _ facts: Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    let turn = machines.turn(facts)
    // Another session, or another guard since: that one's validation is asked for anew.
    guard turn.session.incarnation == incarnation, machines.guardLink.thaw?.isValidating == true else { return }
    guard machines.guardLink.isDirectFreezeSettled, turn.session.mayWrite, turn.session.isValid else {
      return machines.guardLink.validationEnded()
    }
    let settled = settle(turn, facts, &machines, &effects)
    guard let settled, let permit = ThawPermit(settled, validated: (asked, incarnation), turn.session) else {
      return machines.guardLink.validationEnded()
    }
    let goingOn = asked.count { name in
      facts.observation(of: name) != nil && machines.workloads[name]?.parts.isKilled != true
    }
    machines.guardLink.resume(permit, goingOn: goingOn, &effects)
  }
}

/// How long a claim that is being taken anew, or its placement, is waited for. Everything frozen waits with it, so not for long; but only the time counts
/// in which this node could have taken it: while the store is away nobody can, and a session or a guard that is new begins anew.
private struct ClaimPatience {
  let until: BootInstant
  let isLeft: Bool

  init(_ thaw: Thaw?, _ session: OwnSession, _ facts: Facts) {
    let since = thaw?.claimsAwaitedSince ?? facts.now
    until = max(since, session.validSince ?? since) + facts.timing.claimPatience
    // A session outlives the store's last answer: that the store was there until the end is known when it takes a renewal after that.
    let lastTaken = session.standing?.confirmedSent ?? .zero
    isLeft = facts.now < until || lastTaken < until
  }
}
