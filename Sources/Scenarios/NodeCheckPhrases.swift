import HoldfastModel
import Simulator

/// What can happen to node checks, and what can be expected of them. The checks are those of the scenario's policies.
enum NodeCheckPhrases {
  static let happenings: [Phrase<[Happening]>] = [
    .init("fail node check CHECK on NODES", "It fails there until it is mended.") {
      let check = $0.check()
      return [.nodeCheckFails(check, $0.nodes(), for: nil)]
    },
    .init("fail node check CHECK on NODES for SPAN", "The same, for that time.") {
      let check = $0.check(), nodes = $0.nodes()
      return [.nodeCheckFails(check, nodes, for: $0.span())]
    },
    .init("mend node check CHECK on NODES", "It is good there again.") {
      let check = $0.check()
      return [.nodeCheckMended(check, $0.nodes())]
    },
    .init("flap node check CHECK on NODES for SPAN", "Every second answer of it there is bad.") {
      let check = $0.check(), nodes = $0.nodes()
      return [.nodeCheckFlaps(check, nodes, for: $0.span())]
    },
    .init("blind node check CHECK on NODES", "It cannot be made there.") {
      let check = $0.check()
      return [.nodeCheckBlind(check, $0.nodes(), for: nil)]
    },
    .init("blind node check CHECK on NODES for SPAN", "The same, for that time.") {
      let check = $0.check(), nodes = $0.nodes()
      return [.nodeCheckBlind(check, nodes, for: $0.span())]
    }
  ]

  static let statements: [Phrase<Statement>] = [
    .init(
      "NODE is ailing", "What runs there leaves, as a node check fails: that is decided, and the node was not found well since."
    ) {
      .isAiling($0.node())
    },
    .init("NODE is not ailing", "The opposite.") { .not(.isAiling($0.node())) }
  ]
}
