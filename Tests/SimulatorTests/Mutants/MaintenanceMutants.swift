import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Simulator

extension Mutant {
  static let maintenance: [Mutant] = [
    Mutant("a live migration that failed counts as one that arrived") {
      EventMutant { event, scene in
        guard case .operation(let name, .migrate, .failed) = event, let spec = scene.core.view.specs[name]?.value else {
          return [event]
        }
        let id = DomainID(connection: spec.connection, name: name.text)
        return [.operation(name, .migrate, .done), .hypervisor(.gone(id, reason: "it was migrated"))]
      }
    },
    Mutant("what has arrived goes on before this node holds the claim") {
      ActionMutant { action, scene in
        guard case .tellGuard(.protect(let guarded)) = action, guarded.cgroup != nil else { return [action] }
        let name = WorkloadName(guarded.name)
        guard let spec = scene.core.view.specs[name]?.value,
          let claim = scene.core.view.claims[name]?.value, claim.holder?.node != scene.node
        else { return [action] }
        let id = DomainID(connection: spec.connection, name: name.text)
        return [action, .resume(name, id, uuid: spec.uuid, notAfter: scene.now + .seconds(2))]
      }
    },
    Mutant("a session is shortened before the guard knows") { HastyArming() },
    Mutant("a disarmed node's guard has more time than its session says") {
      ActionMutant { action, scene in
        action.changing(\.isRenewal) { transaction in
          transaction.writes = transaction.writes.map { write in
            guard case .put(let key, .session(var session)) = write else { return write }
            session.ttl = min(session.ttl, (scene.core.configuration.timing.ttl.wholeNanoseconds + 999_999) / 1_000_000)
            return .put(key, .session(session))
          }
        }
      }
    },
    Mutant("a node in maintenance is used like any other") {
      EventMutant { event, _ in
        guard case .store(.changed(let changes)) = event else { return [event] }
        return [.store(.changed(changes.filter { if case .maintenance = $0.key { false } else { true } }))]
      }
    }
  ]
}

/// The guard is not told of a shorter session, and the controller believes that it was.
private final class HastyArming: Tampering {
  func actions(for action: Action, _ scene: Scene) -> [Action] {
    if case .tellGuard(.shorten) = action { [.tellGuard(.status)] } else { [action] }
  }

  func events(for event: Event, _ scene: Scene) -> [Event] {
    guard case .fromGuard(.report(.state(var state))) = event, case .armed(let deadline) = state.phase else { return [event] }
    let usual = scene.core.configuration.timing.deadline(sent: scene.now)
    state.phase = .armed(deadline: min(deadline, usual))
    return [.fromGuard(.report(.state(state)))]
  }
}
