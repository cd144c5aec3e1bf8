import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Simulator

extension Mutant {
  static let sessions: [Mutant] = [
    Mutant("the deadline is counted from the reply") {
      ActionMutant { action, scene in
        let late = scene.core.configuration.timing.deadline(sent: scene.now)
        return switch action {
        case .tellGuard(.extend): [.tellGuard(.extend(deadline: late))]
        case .tellGuard(.resume): [.tellGuard(.resume(deadline: late))]
        default: [action]
        }
      }
    },
    Mutant("a thaw comes with an hour's deadline") {
      ActionMutant { action, _ in
        if case .tellGuard(.resume(let deadline)) = action {
          [.tellGuard(.resume(deadline: deadline + .seconds(3600)))]
        } else {
          [action]
        }
      }
    },
    Mutant("nobody allows for clocks that drift") {
      TimingMutant {
        $0.drift = 0
        $0.margin = .zero
        $0.stopBudget = .zero
      }
    },
    Mutant("a session is declared expired a third of its TTL early") { TimingMutant { $0.margin = .zero - $0.ttl / 3 } },
    Mutant("a renewal that was not answered counts as one that succeeded") {
      EventMutant { event, scene in
        guard case .transaction(let id, .unknown) = event, scene.transactions[id]?.isRenewal == true else { return [event] }
        return [.transaction(id, .verdict(.committed(scene.store.revision)))]
      }
    },
    Mutant("a session is ended whatever became of it since it was seen") {
      ActionMutant { action, _ in
        action.changing(\.endsSession) {
          $0.conditions.removeAll { if case .unchanged(.session, _) = $0 { true } else { false } }
        }
      }
    },
    Mutant("a renewal does not set the observer's clock back") { HastyObserver(givesRenewalGrace: true, sees: false) },
    Mutant("after a silence nobody gets the renewal grace") { HastyObserver(givesRenewalGrace: false, sees: true) },
    Mutant("a departure waits for nothing") { HastyDeparture() }
  ]
}

/// Declares others expired by a rule of its own, besides the core's.
private final class HastyObserver: Tampering {
  private let givesRenewalGrace: Bool
  /// Takes note of renewals.
  private let sees: Bool
  private var changed: [Incarnation: (modified: Revision, at: BootInstant)] = [:]
  private var lastAnswer: BootInstant?
  private var strikes = false
  private var count = 0

  init(givesRenewalGrace: Bool, sees: Bool) {
    self.givesRenewalGrace = givesRenewalGrace
    self.sees = sees
  }

  func events(for event: Event, _ scene: Scene) -> [Event] {
    for (incarnation, entry) in scene.core.view.sessions {
      let known = changed[incarnation]
      if known == nil || sees && known?.modified != entry.modified { changed[incarnation] = (entry.modified, scene.now) }
    }
    if case .transaction(let id, .verdict(.committed)) = event, scene.transactions[id]?.isRenewal == true {
      let silence = lastAnswer.map { scene.now - $0 } ?? .zero
      lastAnswer = scene.now
      strikes = givesRenewalGrace || silence > scene.core.configuration.timing.gap
    }
    return [event]
  }

  func actions(for action: Action, _ scene: Scene) -> [Action] {
    guard strikes, let own = scene.core.session.standing else { return [action] }
    strikes = false
    let timing = scene.core.configuration.timing
    let due = changed.filter { incarnation, known in
      incarnation != own.incarnation && scene.now >= timing.expiry(received: known.at, ttl: timing.ttl)
    }
    let ended = due.keys.sorted().compactMap { incarnation in
      scene.core.view.sessions[incarnation].map { end(incarnation, as: $0.modified, own, scene) }
    }
    return [action] + ended
  }

  private func end(
    _ incarnation: Incarnation, as modified: Revision, _ own: OwnSession.Standing, _ scene: Scene
  ) -> Action {
    count += 1
    let transaction = ClusterTransaction(
      if: [.stands(.session(own.incarnation), created: own.created), .unchanged(.session(incarnation), modified: modified)],
      write: [.delete(.session(incarnation))])
    return .transact(TransactionID(-count), transaction, until: scene.now + .seconds(3))
  }
}

private final class HastyDeparture: Tampering {
  private var isAsked = false

  func events(for event: Event, _ scene: Scene) -> [Event] {
    if case .leave = event { isAsked = true }
    return [event]
  }

  func actions(for action: Action, _ scene: Scene) -> [Action] {
    guard isAsked, let own = scene.core.session.standing else { return [action] }
    isAsked = false
    let transaction = ClusterTransaction(
      if: [.stands(.session(own.incarnation), created: own.created)], write: [.delete(.session(own.incarnation))])
    return [action, .transact(TransactionID(-1), transaction, until: scene.now + .seconds(3))]
  }
}
