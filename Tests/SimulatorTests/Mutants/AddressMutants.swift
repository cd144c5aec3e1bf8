import GuardCore
import HoldfastController
import HoldfastModel
import Simulator

extension Mutant {
  static let addresses: [Mutant] = [
    Mutant("an address is granted before the claim is its node's", withAddresses: true) {
      ActionMutant { action, scene in
        guard case .tellGuard(.protect(var workload)) = action else { return [action] }
        let key = RecordKey.spec(WorkloadName(workload.name))
        guard case .spec(let spec)? = scene.store.entries[key]?.value, let addresses = spec.addresses else { return [action] }
        workload.addresses = addresses.compactMap(\.guarded)
        return [.tellGuard(.protect(workload))]
      }
    },
    Mutant(
      "a claim is given away without waiting for the guard to remove the addresses", breaks: .addressNeedsClaim,
      withAddresses: true
    ) {
      EventMutant { event, _ in
        switch event {
        case .fromGuard(.connected(let state)): [.fromGuard(.connected(withoutHeld(state)))]
        case .fromGuard(.report(.state(let state))): [.fromGuard(.report(.state(withoutHeld(state))))]
        case .fromGuard(.report(.addresses)): [.fromGuard(.report(.addresses(held: [], acknowledged: .max)))]
        default: [event]
        }
      }
    },
    Mutant("a guard keeps addresses when it should remove them", withAddresses: true) {
      GuardActionMutant { action in
        guard case .setAddresses(let round, let remove, let add, let notAfter) = action, !remove.isEmpty else {
          return ([action], [])
        }
        // And says that they are gone.
        let result = GuardMachine.Event.addressesResult(round: round, removed: remove, raised: [])
        return add.isEmpty ? ([], [result]) : ([.setAddresses(round: round, remove: [], add: add, notAfter: notAfter)], [])
      }
    },
    Mutant("a guard raises again what it has removed", withAddresses: true) {
      GuardActionMutant { action in
        guard case .setAddresses(let round, let remove, let add, _) = action else { return ([action], []) }
        return ([.setAddresses(round: round, remove: remove, add: add + remove, notAfter: nil)], [])
      }
    },
    Mutant("a guard writes down no address", withAddresses: true) {
      GuardActionMutant { action in
        guard case .persist(var record) = action else { return ([action], []) }
        record.addresses = [:]
        for index in record.workloads.indices { record.workloads[index].addresses = [] }
        return ([.persist(record)], [])
      }
    },
    Mutant("a freeze without the guard leaves addresses up", withAddresses: true) {
      ActionMutant { action, _ in
        guard case .isolateDirectly(let workloads) = action else { return [action] }
        let without = workloads.map { workload in
          var workload = workload
          workload.addresses = []
          return workload
        }
        return [.isolateDirectly(without)]
      }
    },
    Mutant("a guard looks at what it has raised no more", breaks: .lostAddressIsBack, withAddresses: true) {
      var raised: Set<GuardedAddress> = []
      return GuardActionMutant { action in
        guard case .setAddresses(let round, let remove, let add, _) = action, remove.isEmpty, raised.isSuperset(of: add) else {
          if case .setAddresses(_, let remove, let add, _) = action { raised = raised.subtracting(remove).union(add) }
          return ([action], [])
        }
        return ([], [.addressesResult(round: round, removed: [], raised: add, found: add)])
      }
    }
  ]

  private static func withoutHeld(_ state: GuardState) -> GuardState {
    var state = state
    (state.held, state.acknowledged) = ([], .max)
    return state
  }
}
