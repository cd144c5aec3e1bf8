import HoldfastModel
import HoldfastPlanning

/// This node's own checks: what whoever makes them was told to make, and what people were told of them.
struct NodeCheckWatch: Hashable, Sendable {
  /// What is made now, as far as it was told.
  private var asked: [NodeCheck] = []
  /// Those of which people were told that they fail, or that nobody knows.
  private var told: Set<CheckName> = []

  /// Has those made that the policies in force want on this node.
  mutating func step(_ facts: Facts, _ effects: inout Effects) {
    guard asked != facts.nodeChecks else { return }
    asked = facts.nodeChecks
    told.formIntersection(asked.map(\.name))
    effects.check(onThisNode: asked)
    effects.agenda.note(.report)
  }

  /// Tells people what has changed.
  ///
  /// - Parameter before: what was known until now.
  mutating func tell(_ states: [NodeCheckState], before: LocalNodeHealth, on me: NodeName, _ effects: inout Effects) {
    for state in states where before[state.check]?.health != state.health {
      switch state.health {
      case .starting: continue
      case .healthy:
        guard told.remove(state.check) != nil else { continue }
        effects.note(.nodeCheck, "\(me) passes its node check '\(state.check)' again")
      case .failing(let reason):
        told.insert(state.check)
        effects.note(.nodeCheck, "\(me) fails its node check '\(state.check)': \(reason)", severity: .warning)
      case .unknown(let reason):
        told.insert(state.check)
        effects.note(
          .nodeCheck, "the node check '\(state.check)' cannot be made on \(me), so nobody knows: \(reason)", severity: .warning)
      }
    }
  }
}
