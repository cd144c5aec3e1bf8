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
        default: [event]
        }
      }
    }
  ]

  private static func withoutHeld(_ state: GuardState) -> GuardState {
    var state = state
    (state.addresses, state.acknowledged) = ([], .max)
    return state
  }
}
