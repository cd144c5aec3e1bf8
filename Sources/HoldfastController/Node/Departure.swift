import GuardCore
import HoldfastModel
import HoldfastTime

/// Clean departure: everything is handed over or stopped, the claims are released, the session is ended. Nobody waits for a TTL.
///
///     staying ──leave──▶ handing over (normal ──▶ fast) ──nothing is left──▶ left
///        └──leave, disarmed──▶ sparing ──the guard is there──▶ left
///                                 └──armed again──▶ handing over
struct Departure: Sendable {
  private enum State: StateList {
    case staying
    /// The cluster is disarmed: what runs here stays. Somebody has to enforce its deadline when this controller is gone.
    case sparing(DeparturePace)
    case handingOver(DeparturePace)
    case left

    func mayBecome(_ next: State) -> Bool {
      switch (self, next) {
      case (.staying, .sparing), (.staying, .handingOver), (.sparing, .handingOver), (_, .left): self != .left
      case (.handingOver(let pace), .handingOver(let other)): pace == .normal && other == .fast
      default: false
      }
    }
  }

  /// Since when the node is empty and waits for the last plan of a cluster that leaves as a whole; nil: it does not.
  private var awaitsPlanSince: BootInstant?
  private var course = StateCourse(State.staying)
  private var state: State { course.state }

  var breach: String? { course.breach }

  var pace: DeparturePace? { if case .handingOver(let pace) = state { pace } else { nil } }
  var isLeaving: Bool { state != .staying }
  var hasLeft: Bool { state == .left }

  /// - Parameter isSpared: the cluster is disarmed and something runs here: it stays.
  mutating func begin(_ pace: DeparturePace, isSpared: Bool, _ me: NodeName, _ effects: inout Effects) {
    switch state {
    case .left, .sparing, .handingOver(.fast): return
    case .handingOver(.normal):
      guard pace == .fast else { return }
      course.move(to: .handingOver(.fast))
      effects.agenda.note(.departure)
    case .staying:
      if isSpared { course.move(to: .sparing(pace)) } else { handOver(pace, me, &effects) }
    }
  }

  private mutating func handOver(_ pace: DeparturePace, _ me: NodeName, _ effects: inout Effects) {
    course.move(to: .handingOver(pace))
    effects.note(.leaving, "\(me) leaves: its workloads are handed over")
    effects.agenda.note(.leaving)
  }

  /// Leaves what runs here as it is, once something enforces its deadline: the guard, or a freeze that was seen.
  ///
  /// - Parameter isSpared: the cluster is disarmed still.
  mutating func spare(isSpared: Bool, isGuarded: Bool, _ me: NodeName, _ effects: inout Effects) {
    guard case .sparing(let pace) = state else { return }
    guard isSpared else { return handOver(pace, me, &effects) }
    guard isGuarded else {
      return effects.noteOnce(
        .leaving,
        "\(me) ends when its guard is back: the cluster is disarmed, so its workloads stay, and only the guard can stop them in time"
      )
    }
    effects.note(.leaving, "\(me) ends; the cluster is disarmed, so its workloads stay")
    abandon(&effects)
  }

  /// Ends this life of the controller.
  ///
  /// - Parameter disarms: a start that comes up after this must find everything frozen; otherwise the guard is told that nothing is protected.
  mutating func finish(disarms: Bool, _ lease: inout Lease, _ effects: inout Effects) {
    course.move(to: .left)
    if disarms { effects.tellGuard(.disarm) }
    lease.forgetSaved(&effects)
    effects.finish()
  }

  /// Ends this life of the controller as it is: nothing is handed over, and what is frozen stays frozen.
  mutating func abandon(_ effects: inout Effects) {
    if !hasLeft { course.move(to: .left) }
    effects.finish()
  }

  // MARK: when every node leaves

  /// Another node can take workloads, as far as is known here. It may be about to leave, too.
  static func somebodyStays(_ facts: Facts) -> Bool {
    let maintenances = Maintenances(facts)
    return facts.view.sessions.values.contains {
      $0.value.phase == .active && $0.value.node != facts.me && !maintenances.contains($0.value.node)
    }
  }

  /// The cluster leaves as a whole, and some of what was handed over is still to be placed back where it was: without that it would start elsewhere.
  static func owesPlan(_ facts: Facts) -> Bool {
    guard facts.rules.mayPlan, !facts.isDisarmed else { return false }
    return facts.view.placements.contains { name, stored in
      guard let from = stored.value.handedOver?.from, facts.view.nodes[from] != nil else { return false }
      return facts.view.specs[name] != nil && !facts.view.isUnreadable(name)
        && facts.view.intents[name]?.value.desired == .running
    }
  }

  /// Waits for the last plan, which one of those that leave makes; not for ever, as that one may be gone.
  mutating func awaitPlan(isOwed: Bool, _ facts: Facts, _ effects: inout Effects) {
    awaitsPlanSince = isOwed ? awaitsPlanSince ?? facts.now : nil
    if awaitsPlan(facts), let until = awaitsPlanUntil(facts) { effects.agenda.look(at: until) }
  }

  func awaitsPlan(_ facts: Facts) -> Bool { awaitsPlanUntil(facts).map { facts.now < $0 } ?? false }

  /// A planner that has just started looks around first.
  private func awaitsPlanUntil(_ facts: Facts) -> BootInstant? {
    awaitsPlanSince.map { $0 + facts.timing.settle + facts.timing.ttl }
  }

  // MARK: adoptions

  /// Adoptions on this node whose claim may come, or have come, without this controller seeing it: the domain carries its mark, or libvirt
  /// does not tell. nil: one of them is to be completed here first.
  static func adoptionsInDoubt(_ facts: Facts) -> [Condition<RecordKey>]? {
    var inDoubt: [Condition<RecordKey>] = []
    for (workload, intent) in facts.adoptions {
      let own = WorkloadFacts(workload, facts, under: nil)
      guard own.spec != nil else { continue }
      switch own.sight {
      case .unknown: inDoubt.append(.unchanged(.intent(workload), modified: intent.modified))
      case .present(let domain): if own.wasAdoptedHalfway(domain) { return nil }
      // A claim without a domain is nothing that a session's end could harm.
      case .absent: break
      }
    }
    return inDoubt
  }
}
