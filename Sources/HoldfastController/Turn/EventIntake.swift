import GuardCore
import HoldfastModel

/// The intake of events: each changes what is known, or tells a machine what became of what it asked for; and the agenda hears what is news.
enum EventIntake {
  static func take(_ event: Event, _ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects) {
    switch event {
    // These say themselves what they change.
    case .store(.changed), .fromGuard(.report(.state)), .fromGuard(.report(.addresses)), .transaction, .wallTime: break
    case .host, .leftovers, .incompatible, .ownDisks, .guestCPUs, .health, .nodeHealth, .addressOwners: break
    default: effects.agenda.note(.other)
    }
    switch event {
    case .tick: effects.agenda.alarmRang()
    case .store(.listed(let listing)): StoreNews.listed(listing, &facts, &machines, &effects)
    case .store(.changed(let changes)): for change in changes { StoreNews.changed(change, &facts, &machines, &effects) }
    case .transaction(let id, let outcome): TransactionOutcomes.take(id, outcome, &facts, &machines, &effects)
    case .hypervisor(let event): observed(event.inOneLine, &facts, &machines, &effects)
    case .operation(let workload, let kind, let outcome):
      operationEnded(workload, kind, outcome.inOneLine(of: workload), facts, &machines, &effects)
    case .fromGuard(let event): GuardNews.take(event, facts, &machines, &effects)
    case .frozenDirectly(let isConfirmed): machines.guardLink.frozeDirectly(isConfirmed: isConfirmed, me: facts.me, &effects)
    case .committed(let writes, let revision):
      for change in facts.take(writes, committed: revision) { StoreNews.learned(change, &facts, &machines, &effects) }
    case .wallTime(let week, let milliseconds): if facts.take(week, milliseconds) { effects.agenda.note(.plan) }
    case .host(let flaws): if facts.take(flaws) { effects.agenda.note(.report) }
    case .slowBridges(let found): if facts.takeSlowBridges(found) { effects.agenda.note(.report) }
    case .leftovers(let found): if facts.takeLeftovers(found) { effects.agenda.note(.report) }
    case .incompatible(let found): if facts.takeIncompatible(found) { effects.agenda.note(.report) }
    case .ownDisks(let found): if facts.takeOwnDisks(found) { effects.agenda.note(.report) }
    case .guestCPUs(let known): if facts.takeGuestCPUs(known) { effects.agenda.note(.report) }
    case .health(let workload, let run, let health): told(health, of: workload, run: run, &facts, &machines, &effects)
    case .nodeHealth(let states):
      let before = facts.nodeHealth
      guard facts.take(states) else { return }
      machines.nodeChecks.tell(states, before: before, on: facts.me, &effects)
      effects.agenda.note(.nodeHealth)
    case .addressOwners(let workload, let answers):
      machines.workloads.change(workload) { $0.addressesAnswered(answers, on: facts.me, &effects) }
      effects.agenda.note(.addresses([workload]))
    case .leave(let fast): SessionEnd.leave(fast ? .fast : .normal, facts, &machines, &effects)
    }
  }

  private static func observed(
    _ event: HypervisorEvent, _ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    let before = facts.local.unreachable
    effects.agenda.note(.domains(facts.take(event)))
    switch event {
    case .unreachable(let connection, let reason):
      effects.noteOnce(
        .hypervisorLost, "\(connection) is unreachable: \(reason). Its workloads are treated as running", severity: .error,
        connection: connection)
      if before[connection] == nil { effects.agenda.note(.hypervisor(isOutage: true)) }
    case .inventory(let connection, _):
      if effects.unsay(.hypervisorLost, connection: connection) {
        effects.note(.hypervisorBack, "\(connection) answers again")
      }
      // Where it answered before, only what it shows is new, and what this node does something about.
      effects.agenda.note(.hypervisor(isOutage: before[connection] != nil))
    case .migrating(let id, let progress): machines.workloads.change(WorkloadName(id.name)) { $0.progressed(progress) }
    case .gone(let id, _, let end):
      guard facts.view.specs[WorkloadName(id.name)]?.value.connection == id.connection else { return }
      machines.workloads.change(WorkloadName(id.name)) { $0.ended(end) }
    case .changed: break
    }
  }

  /// Word of an earlier run says nothing of the one that they look at now.
  private static func told(
    _ health: WorkloadHealth, of workload: WorkloadName, run: Int, _ facts: inout Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    guard machines.workloads[workload]?.parts.watch.subject?.run == run else { return }
    let before = facts.health[workload].flatMap { $0.run == run ? $0.health : nil }
    guard facts.take(health, of: workload, run: run) else { return }
    machines.workloads.change(workload) { $0.checked(health, before: before, on: facts.me, &effects) }
    // Whether others wait for it to be told what is at fault may have changed, too.
    effects.agenda.note(.health(machines.workloads.heldTogether.union([workload])))
  }

  private static func operationEnded(
    _ name: WorkloadName, _ kind: DomainOperation, _ outcome: OperationOutcome, _ facts: Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    effects.agenda.note(.operation(name, freesStart: kind == .start))
    // The report tells how far it was.
    if kind == .migrate { effects.agenda.note(.report) }
    let own = WorkloadFacts(name, facts, under: machines.lease.session.incarnation)
    var machine = machines.workloads.take(name)
    machine.operationEnded(kind, outcome, own, facts, &effects)
    let trouble = kind == .migrate ? machine.targetTrouble : nil
    machines.workloads.put(machine)
    guard let trouble, case .hindered(.target, _) = outcome else { return }
    // What one was told holds for all that were to go there: nobody else tries it before somebody could mend it.
    for other in Array(machines.workloads.names) where other != name {
      machines.workloads.change(other) { $0.targetHinders(trouble) }
    }
  }
}

/// libvirt's words go into records, tables and lines of history: it gets no line breaks there.
extension HypervisorEvent {
  fileprivate var inOneLine: HypervisorEvent {
    switch self {
    case .unreachable(let connection, let reason): .unreachable(connection: connection, reason: InWords.oneLine(reason))
    case .inventory, .changed, .gone, .migrating: self
    }
  }
}

extension OperationOutcome {
  /// Without what the sentence around it says already.
  fileprivate func inOneLine(of workload: WorkloadName) -> OperationOutcome {
    func tamed(_ reason: String) -> String {
      let line = InWords.oneLine(reason), lead = "\(workload) was not started: "
      return line.hasPrefix(lead) ? String(line.dropFirst(lead.count)) : line
    }
    return switch self {
    case .failed(let reason): .failed(reason: tamed(reason))
    case .hindered(let hindrance, let reason): .hindered(hindrance, reason: tamed(reason))
    case .unknown(let reason): .unknown(reason: tamed(reason))
    case .done, .tooLate, .barred: self
    }
  }
}
