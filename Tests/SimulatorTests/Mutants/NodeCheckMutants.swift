import HoldfastController
import HoldfastModel
import Simulator

extension Mutant {
  /// Found in storms in which nodes have checks of their own, and fail them.
  static let nodeChecks: [Mutant] = [
    Mutant("each node is judged alone", faults: often, breaks: .commonCauseStays, withNodeChecks: true) {
      ActionMutant { action, scene in
        guard scene.node != "n1" else { return [action] }
        return action.changing({ _ in true }) { transaction in
          transaction.writes = transaction.writes.map { write in
            guard case .put(let key, .report(var report)) = write, report.nodeChecks != nil else { return write }
            report.nodeChecks = []
            return .put(key, .report(report))
          }
        }
      }
    },
    Mutant("a node is left before that is decided", breaks: .oneDecision, withNodeChecks: true) {
      ActionMutant { action, _ in
        action.changing({ _ in true }) { transaction in
          transaction.writes = transaction.writes.map { write in
            guard case .put(let key, .losses(var losses)) = write else { return write }
            losses.ailment = nil
            return .put(key, .losses(losses))
          }
        }
      }
    },
    Mutant("a node check that cannot be made counts as one that fails", breaks: .wellNodeStays, withNodeChecks: true) {
      EventMutant { event, _ in
        guard case .nodeHealth(let states) = event else { return [event] }
        return [
          .nodeHealth(
            states.map { state in
              guard case .unknown(let reason) = state.health else { return state }
              return NodeCheckState(state.check, .failing(reason: reason))
            })
        ]
      }
    }
  ]

  /// A common cause that lasts, and others seldom.
  private static let often: [FaultKind: Span] = [.commonTrouble: .seconds(15)]
}
