import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Simulator

extension Mutant {
  static let guards: [Mutant] = [
    Mutant("the guard says that everything is frozen, and nothing is") {
      GuardActionMutant { action in
        switch action {
        case .isolateNow(let round, _), .retryIsolation(let round, _):
          ([], [.freezeResult(round: round, confirmed: true, foundFrozen: [])])
        default: ([action], [])
        }
      }
    },
    Mutant("the guard freezes its partition and nothing outside it") {
      GuardActionMutant { action in
        switch action {
        case .isolateNow(let round, _): ([.isolateNow(round: round, cgroups: [])], [])
        case .retryIsolation(let round, _): ([.retryIsolation(round: round, cgroups: [])], [])
        default: ([action], [])
        }
      }
    },
    Mutant("the guard's timer never comes") { GuardEventMutant { $0 == .timer ? [] : [$0] } },
    Mutant("the guard's timer comes 400 ms late") {
      GuardActionMutant { action in
        if case .setTimer(let instant?) = action { ([.setTimer(at: instant + .milliseconds(400))], []) } else { ([action], []) }
      }
    },
    Mutant("a guard that starts knows nothing of the one before") { ForgetfulGuard() },
    Mutant(
      "a guard that starts does not know which starts are under way",
      faults: [.bothCrash: .seconds(6), .libvirtSlow: .seconds(10)]
    ) { GuardWithoutStarts() },
    Mutant("a kill that reached nobody counts as one that did") {
      GuardEventMutant { event in
        if case .killResult(let target, .failed) = event { [.killResult(target, .gone)] } else { [event] }
      }
    },
    Mutant("what lost its claim is not killed before the thaw") {
      ActionMutant { action, _ in if case .tellGuard(.kill) = action { [] } else { [action] } }
    },
    Mutant("everything is thawed as soon as a renewal is tried, without proof") {
      ActionMutant { action, scene in
        guard case .transact(_, let transaction, _) = action, transaction.isRenewal, scene.core.guardStatus.isIsolated else {
          return [action]
        }
        return [action, .tellGuard(.resume(deadline: scene.now + scene.core.configuration.timing.ttl))]
      }
    },
    Mutant("every word of the guard is taken for a new connection") {
      EventMutant { event, _ in
        if case .fromGuard(.report(.state(let state))) = event { [.fromGuard(.connected(state))] } else { [event] }
      }
    },
    Mutant("a controller that loses its guard stops nothing") {
      ActionMutant { action, _ in if case .isolateDirectly = action { [] } else { [action] } }
    }
  ]
}

private final class ForgetfulGuard: Tampering {
  func found(_ found: GuardMachine.FoundAtStart) -> GuardMachine.FoundAtStart {
    GuardMachine.FoundAtStart(record: .none, occupied: false, frozen: found.frozen)
  }
}

private final class GuardWithoutStarts: Tampering {
  func found(_ found: GuardMachine.FoundAtStart) -> GuardMachine.FoundAtStart {
    var found = found
    guard case .found(var record) = found.record else { return found }
    for index in record.workloads.indices { record.workloads[index].isStarting = false }
    found.record = .found(record)
    return found
  }
}
