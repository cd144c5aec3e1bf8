import HoldfastController
import HoldfastModel
import Simulator

extension Mutant {
  /// Placements as they are, but on other nodes.
  private static func placing(
    _ name: String, on choose: @escaping @Sendable (WorkloadName, Scene) -> NodeName?
  ) -> Mutant {
    Mutant(name) {
      ActionMutant { action, scene in
        action.changing(\.places) { transaction in
          transaction.writes = transaction.writes.map { write in
            guard case .put(.placement(let workload), .placement(var placement)) = write, placement.node != nil else {
              return write
            }
            placement.node = choose(workload, scene) ?? placement.node
            return .put(.placement(workload), .placement(placement))
          }
        }
      }
    }
  }

  static let planners: [Mutant] = [
    placing("everything is placed on one node, whatever it can take") { _, scene in scene.core.view.nodes.keys.min() },
    placing("a workload is placed where its connection is not served") { workload, scene in
      let connection = scene.core.view.specs[workload]?.value.connection ?? ""
      return scene.core.view.nodes.filter { !$0.value.value.connections.contains(connection) }.keys.min()
    },
    Mutant("a planner places without looking whether it still is the planner, and has a session") {
      ActionMutant { action, _ in
        action.changing(\.places) { transaction in
          transaction.conditions.removeAll {
            switch $0 {
            case .unchanged(.planner, _), .stands(.session, _): true
            default: false
            }
          }
        }
      }
    },
    // Its core believes that the put happened: what follows from that is not what is looked for.
    Mutant(
      "an expiry only deletes, so that a full store takes half of it", faults: [.storeFull: .seconds(5)], breaks: .expiryIsWhole
    ) {
      ActionMutant { action, _ in
        action.changing(\.endsSession) { transaction in
          transaction.writes.removeAll { if case .put(.node, _) = $0 { true } else { false } }
        }
      }
    },
    Mutant("every twentieth change does not come through the watch") { LeakyWatch() },
    Mutant("placements say where, and never why not") {
      ActionMutant { action, _ in
        action.changing(\.places) { transaction in
          transaction.writes = transaction.writes.map { write in
            guard case .put(let key, .placement(var placement)) = write, placement.node == nil else { return write }
            placement.reason = ""
            return .put(key, .placement(placement))
          }
        }
      }
    }
  ]
}

private final class LeakyWatch: Tampering {
  private var count = 0

  func events(for event: Event, _ scene: Scene) -> [Event] {
    guard case .store(.changed(let changes)) = event else { return [event] }
    let kept = changes.filter { change in
      if case .session = change.key { return true }
      count += 1
      return count % 20 != 0
    }
    return kept.isEmpty ? [] : [.store(.changed(kept))]
  }
}
