import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// One node's controller as a state machine: `(event, now) → actions`. No I/O, no clock, no tasks.
///
/// An event changes what is known (`Facts`) or tells a machine what became of something; a table says what is due because of that (`Agenda`). Then
/// what is due is decided, always in the same order, by machines that own their state and ask for what they want (`Effects`). Nothing depends on
/// which event came: deciding again with everything due asks for nothing more, but for the plan of an evacuation,
/// which depends on whose turn came last.
public struct Controller: Sendable {
  private var facts: Facts
  private var effects: Effects
  private var machines: Machines
  /// A check failed, and that was acted upon: nothing is decided any more.
  private var isUnsound = false

  /// - Parameter saved: what an earlier life of the controller on the same boot left in the runtime directory.
  public init(_ configuration: ControllerConfiguration, saved: OwnSession.Saved?) {
    facts = Facts(configuration)
    effects = Effects(me: configuration.node, timing: configuration.timing)
    machines = Machines(configuration, saved: saved)
  }

  // MARK: what others may ask

  public var configuration: ControllerConfiguration { facts.configuration }
  public var view: ClusterView { facts.view }
  public var local: LocalDomains { facts.local }
  public var session: OwnSession { machines.lease.session }
  public var guardStatus: GuardLink { machines.guardLink }
  /// The clean departure has begun.
  public var isLeaving: Bool { machines.departure.isLeaving }
  public var isFinished: Bool { machines.departure.hasLeft }
  /// The planner by the policies that are in force.
  public var planner: PolicyPlanner { facts.rules.planner }
  /// Why the policies in the store cannot be used; nil when they can.
  public var policyFlaw: String? { facts.rules.flaw }
  /// The defect that the controller found in itself; nil: nothing.
  public var breach: String? { effects.breach }

  /// The basis of a plan that would be made at a moment after the last event.
  public func planningBasis(now: BootInstant) -> PlanningBasis {
    var facts = facts
    facts.begin(at: now)
    return PlanningBasis(facts, machines.planning)
  }

  /// This node's knowledge of itself at a moment after the last event.
  public func ownBasis(now: BootInstant) -> OwnBasis {
    var facts = facts
    facts.begin(at: now)
    return OwnBasis(facts, machines)
  }

  /// The workload's run here is being ended because a check of it fails.
  package func endsUnwell(_ workload: WorkloadName) -> Bool { machines.workloads[workload]?.parts.run.isEndingUnwell ?? false }

  /// Has a check fail, so that tests see what follows. Nothing that comes from outside makes one fail.
  package mutating func failCheck(_ what: String) { effects.check(false, what) }

  // MARK: one event

  public mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    facts.begin(at: now)
    effects.begin(at: facts.now, newest: facts.newest)
    guard !isFinished else { return [] }
    effects.agenda.begin()
    guard !isUnsound else {
      UnsoundController.take(event, &facts, &machines, &effects)
      return effects.takeActions()
    }
    EventIntake.take(event, &facts, &machines, &effects)
    // Most events say that everything is as it was. Nothing is decided anew then before the time that was asked for.
    if !isFinished, effects.agenda.isDue(at: facts.now) { decide() }
    if let found = machines.breach { effects.check(false, found) }
    if breach != nil {
      isUnsound = true
      UnsoundController.begin(facts, &machines, &effects)
    }
    return effects.takeActions()
  }

  /// The actions that deciding everything again with nothing changed asks for: any of them was overlooked before.
  public func overlooked() -> [Action] {
    var copy = self
    guard !copy.isFinished else { return [] }
    copy.effects.agenda.noteEverything()
    copy.decide()
    return copy.effects.takeActions()
  }

  private mutating func decide() {
    effects.agenda.takeNode(at: facts.now)
    GuardNews.missGuard(facts, &machines, &effects)
    machines.guardLink.attemptDirectFreeze(of: machines.workloads, facts, &effects)
    if facts.view.isLoaded {
      machines.lease.step(
        facts, machines.peers, machines.stance(facts), machines.workloads, &machines.guardLink, &effects)
      let turn = machines.turn(facts)
      machines.peers.step(turn, facts, mayDeclare: machines.planning.mayAct(at: facts.now), &effects)
      machines.planning.step(turn, facts, machines.peers, &effects)
      machines.drain.step(facts, &effects)
      machines.nodeChecks.step(facts, &effects)
    }
    let turn = machines.turn(facts)
    machines.guardLink.noteArmed(turn.guardWord, machines.workloads, &effects)
    stepWorkloads(turn)
    ClaimSubmission.write(effects.takeBatch(), turn, facts, &machines.workloads, &effects)
    FrozenWorkloads.thaw(turn, facts, &machines, &effects)
    SessionEnd.withdrawIfFrozen(turn, facts, &machines, &effects)
    machines.report.step(turn, facts, machines.workloads, machines.guardLink, &effects)
    machines.lease.watchTheWatch(facts, &effects)
    SessionEnd.spare(facts, &machines, &effects)
    if !isFinished { SessionEnd.departIfEmpty(turn, facts, &machines, &effects) }
    if !isFinished { askToBeWoken() }
  }

  private mutating func stepWorkloads(_ turn: borrowing Turn) {
    let due = effects.agenda.takeWorkloads(at: facts.now, facts.view, machines.workloads.names)
    guard facts.view.isLoaded else { return }
    facts.rememberRules(of: due)
    // Who comes first is claimed first, and takes one of the few starts at a time.
    for name in facts.byImportance(due) {
      var own = WorkloadFacts(name, facts, under: turn.session.incarnation)
      own.goDownWithNode(turn.stance, facts.rules)
      // What a later build's records say of it is not understood for certain: it runs on.
      if turn.stance.decidesNothing, own.isClaimed { continue }
      let connection = own.id?.connection, before = machines.workloads.startsUnderWay(on: connection)
      var machine = machines.workloads.take(name)
      // Its own place is its own: a start that has come to nothing may be followed by the next at once.
      machine.step(turn, facts, own, startsUnderWay: machines.workloads.startsUnderWay(on: connection), &effects)
      if effects.batch.takeForget() != nil { forget(own, &machine, turn) }
      facts.keepHealth(of: name, run: machine.parts.watch.subject?.run)
      machines.workloads.put(machine)
      if machines.workloads.startsUnderWay(on: connection) < before { effects.agenda.startEnded(at: facts.now) }
    }
  }

  /// A domain that continues here outside protection is told of with the end of its records.
  private mutating func forget(_ own: WorkloadFacts, _ machine: inout WorkloadMachine, _ turn: borrowing Turn) {
    machines.workloads.put(machine)
    let report = own.observation(in: facts.local).map {
      NodeReport.record(turn, facts, machines.workloads, machines.guardLink, outside: $0)
    }
    machine = machines.workloads.take(machine.name)
    machine.forget(report, turn, facts, own, &effects)
  }

  private mutating func askToBeWoken() {
    let now = facts.now
    var next = machines.lease.nextLook(at: now, isShortening: machines.guardLink.isShortening, facts.timing)
    func sooner(_ other: BootInstant?) { next = BootInstant.earlier(next, other) }
    sooner(machines.peers.nextDue(after: now))
    // Asked for in every turn: a look that was asked for once is forgotten with any earlier one.
    for pause in [machines.lease.pauseUntil, machines.guardLink.quietUntil] where pause > now { sooner(pause) }
    if machines.lease.session.isValid(at: now) {
      sooner(machines.planning.nextLook(after: now, isPlanDue: effects.agenda.isPlanDue))
      sooner(machines.report.nextLook)
      sooner(machines.lease.nextDescription)
    }
    if let alarm = effects.agenda.nextAlarm(next, now: now) { effects.wake(at: alarm) }
  }
}
