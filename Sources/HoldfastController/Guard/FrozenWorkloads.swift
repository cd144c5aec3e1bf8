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
    let kept = settleFrozen(turn, facts, &machines, &effects)
    // What this life of the controller has not seen may be here without a claim; and while libvirt does not answer, no earlier start
    // can be barred.
    guard facts.local.isComplete, kept != nil || facts.local.unreachable.isEmpty else {
      let frozenStarts = machines.guardLink.starting.filter {
        machines.workloads[WorkloadName($0)]?.parts.protection.isForgotten != true
      }
      return machines.guardLink.freeHypervisor(frozenStarts, facts.timing, &effects)
    }
    if let kept { validate(kept, turn, facts, &machines, &effects) }
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

  /// Kills what lost its claim. Gives what may go on; nil while something is not decided.
  private static func settleFrozen(_ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects)
    -> [WorkloadName]?
  {
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
      case .reclaimable where mayWaitForClaims(facts, &machines, &effects): isDecided = false
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
    return kept
  }

  /// A claim is being taken anew, or its placement decided. Everything frozen waits for it, so not for long.
  private static func mayWaitForClaims(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) -> Bool {
    let until = machines.guardLink.waitsForClaims(since: facts.now) + facts.timing.ttl
    if facts.now < until { effects.agenda.look(at: until) }
    return facts.now < until
  }

  private static func validate(
    _ kept: [WorkloadName], _ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
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
    let turn = machines.turn(facts), link = machines.guardLink
    // Another session, or another guard since: that one's validation is asked for anew.
    guard turn.session.incarnation == incarnation, link.thaw?.isValidating == true else { return }
    guard link.isDirectFreezeSettled, turn.session.mayWrite, turn.session.isValid else {
      return machines.guardLink.validationEnded()
    }
    let kept = settleFrozen(turn, facts, &machines, &effects)
    guard let permit = ThawPermit(validated: (incarnation, asked), kept: kept, turn.session) else {
      return machines.guardLink.validationEnded()
    }
    let goingOn = asked.count { name in
      facts.observation(of: name) != nil && machines.workloads[name]?.parts.isKilled != true
    }
    machines.guardLink.resume(permit, goingOn: goingOn, &effects)
  }
}

/// What a thaw needs: a transaction that was committed under the session that stands, after everything frozen here was decided about, and time
/// left to the deadline.
struct ThawPermit: ThawProof, ~Copyable {
  let deadline: BootInstant

  /// - Parameters:
  ///   - validated: the session that the claims were validated under, and the workloads.
  ///   - kept: what is frozen here now and may go on; nil while something is not decided.
  fileprivate init?(
    validated: (incarnation: Incarnation, workloads: Set<WorkloadName>), kept: [WorkloadName]?,
    _ session: borrowing SessionPermit
  ) {
    // The proof is of the session that it was asked under: a later one has other claims.
    guard session.incarnation == validated.incarnation, session.mayWrite, session.isValid, let deadline = session.deadline
    else {
      return nil
    }
    // What was seen between the question and the answer was not asked about.
    guard let kept, validated.workloads.isSuperset(of: kept) else { return nil }
    self.deadline = deadline
  }
}
