import HoldfastController
import HoldfastModel
import Simulator

extension Mutant {
  /// Claims are taken without a part of their conditions.
  private static func claim(
    _ name: String, without drops: @escaping @Sendable (Condition<RecordKey>) -> Bool
  ) -> Mutant {
    Mutant(name) { ActionMutant { action, _ in action.changing(\.takesClaims) { $0.conditions.removeAll(where: drops) } } }
  }

  static let claims: [Mutant] = [
    Mutant("a claim is taken as soon as the placement says so, whoever holds it") { HastyClaim() },
    claim("a claim is taken without looking whether the own session still stands") {
      if case .stands(.session, _) = $0 { true } else { false }
    },
    claim("a claim is taken on a placement that may have changed") {
      if case .unchanged(.placement, _) = $0 { true } else { false }
    },
    claim("a claim is taken whatever it was") {
      switch $0 {
      case .unchanged(.claim, _), .absent(.claim), .absent(.session): true
      default: false
      }
    },
    Mutant("the epoch is not raised") {
      ActionMutant { action, _ in
        action.changing(\.takesClaims) { transaction in
          transaction.writes = transaction.writes.map { write in
            guard case .put(let key, .claim(var claim)) = write, claim.epoch > Epoch(1) else { return write }
            claim.epoch = Epoch(claim.epoch.value - 1)
            return .put(key, .claim(claim))
          }
        }
      }
    },
    Mutant("a refused claim counts as taken") {
      EventMutant { event, scene in
        guard case .transaction(let id, .verdict(.refused(let revision, _))) = event,
          scene.transactions[id]?.takesClaims == true
        else { return [event] }
        return [.transaction(id, .verdict(.committed(revision)))]
      }
    }
  ]
}

/// A placement that names this node counts as the end of the holder's session.
private final class HastyClaim: Tampering {
  func events(for event: Event, _ scene: Scene) -> [Event] {
    guard case .store(.changed(let changes)) = event else { return [event] }
    let ended = changes.compactMap { change -> ClusterChange? in
      guard case .placement(let workload) = change.key, case .placement(let placement)? = change.entry?.value,
        placement.node == scene.node, let holder = scene.core.view.claims[workload]?.value.holder, holder.node != scene.node
      else { return nil }
      return ClusterChange(key: .session(holder.incarnation), entry: nil, revision: change.revision)
    }
    return ended.isEmpty ? [event] : [event, .store(.changed(ended))]
  }

  func actions(for action: Action, _ scene: Scene) -> [Action] {
    action.changing(\.takesClaims) { $0.conditions.removeAll { if case .absent(.session) = $0 { true } else { false } } }
  }
}
