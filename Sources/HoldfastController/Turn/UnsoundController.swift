import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// A controller that found itself wrong: one of its own checks failed, or a machine made a transition that is not listed. What it knows cannot be
/// relied on. So it freezes everything under protection and does nothing else from then on: its session runs out, and other nodes take its workloads
/// over. A restart of the daemon begins from what is observed.
enum UnsoundController {
  /// What was asked for in the turn that showed it is not done.
  static func begin(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    effects.takeBack()
    effects.note(
      .unsound,
      "holdfastd on \(facts.me) found an error in itself: \(effects.breach ?? ""). Everything under protection here is frozen, and other nodes take it "
        + "over when the session has run out. Please report this, and restart holdfastd", severity: .error, subject: facts.me)
    keepFrozen(facts, &machines, &effects)
  }

  static func take(_ event: Event, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    switch event {
    case .fromGuard(let event): GuardNews.take(event, facts, &machines, &effects)
    case .frozenDirectly(let isConfirmed):
      machines.guardLink.frozeDirectly(isConfirmed: isConfirmed, me: facts.me, &effects)
    case .tick: effects.agenda.alarmRang()
    case .leave: return machines.departure.abandon(&effects)
    case .store, .transaction, .hypervisor, .operation, .committed, .wallTime: return
    }
    keepFrozen(facts, &machines, &effects)
  }

  private static func keepFrozen(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    effects.agenda.takeNode(at: facts.now)
    if !machines.guardLink.isFreezing, !machines.guardLink.isAboutToFreeze { GuardNews.freezeEverything(&machines, &effects) }
    machines.guardLink.attemptDirectFreeze(of: machines.workloads, &effects)
    if let alarm = effects.agenda.nextAlarm(nil, now: facts.now) { effects.wake(at: alarm) }
  }
}
