import GuardCore
import HoldfastModel

/// A controller that found itself wrong: one of its own checks failed, or a machine made a transition that is not listed. What it decides cannot be
/// relied on. So it freezes everything under protection and decides nothing more: its session runs out, and other nodes take its workloads over. A
/// restart of the daemon begins from what is observed.
enum UnsoundController {
  /// The actions of the turn that showed it are not done.
  static func begin(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    effects.takeBack()
    effects.agenda.forgetInstants()
    effects.note(
      .unsound,
      "holdfastd on \(facts.me) found an error in itself: \(effects.breach ?? ""). Everything under protection here is frozen; other nodes take it "
        + "over when the session has run out, in a disarmed cluster not before it is armed. Please report this, and restart holdfastd",
      severity: .error, subject: facts.me)
    // Also where everything is frozen already: a thaw may be on its way.
    if machines.guardLink.isConnected { machines.guardLink.isolate(&effects) }
    if machines.departure.hasLeft { return effects.finish() }
    keepFrozen(facts, &machines, &effects)
  }

  /// People still read what this node knows: so that is kept up to date, and nothing follows from it.
  static func take(_ event: Event, _ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects) {
    switch event {
    case .fromGuard(let event): GuardNews.take(event, facts, &machines, &effects)
    case .frozenDirectly(let isConfirmed):
      machines.guardLink.frozeDirectly(isConfirmed: isConfirmed, me: facts.me, &effects)
    case .tick: effects.agenda.alarmRang()
    case .leave(let fast): machines.departure.begin(fast ? .fast : .normal, isSpared: true, facts.me, &effects)
    case .store(.listed(let listing)): facts.load(listing)
    case .store(.changed(let changes)): for change in changes { _ = facts.take(change) }
    case .committed(let writes, let revision): _ = facts.take(writes, committed: revision)
    case .transaction(let id, .verdict(.committed(let revision))):
      if let pending = effects.takeRequest(id) { _ = facts.take(pending.transaction.writes, committed: revision) }
    case .hypervisor(let event): _ = facts.take(event)
    case .wallTime(let week, let milliseconds): _ = facts.take(week, milliseconds)
    case .host(let flaws): _ = facts.take(flaws)
    case .slowBridges(let found): _ = facts.takeSlowBridges(found)
    case .leftovers(let found): _ = facts.takeLeftovers(found)
    case .incompatible(let found): _ = facts.takeIncompatible(found)
    case .ownDisks(let found): _ = facts.takeOwnDisks(found)
    case .guestCPUs(let known): _ = facts.takeGuestCPUs(known)
    case .health(let workload, let run, let health): _ = facts.take(health, of: workload, run: run)
    case .nodeHealth(let states): _ = facts.take(states)
    case .transaction, .operation, .addressOwners: break
    }
    keepFrozen(facts, &machines, &effects)
  }

  private static func keepFrozen(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    effects.agenda.takeNode(at: facts.now)
    if !machines.guardLink.isFreezing, !machines.guardLink.isAboutToFreeze {
      GuardNews.freezeEverything(facts, &machines, &effects)
    }
    machines.guardLink.attemptDirectFreeze(of: machines.workloads, facts, &effects)
    // It ends when it was told to, and somebody keeps everything frozen after it.
    if machines.departure.isLeaving, machines.guardLink.outlastsController { return machines.departure.abandon(&effects) }
    if let alarm = effects.agenda.nextAlarm(nil, now: facts.now) { effects.wake(at: alarm) }
  }
}
