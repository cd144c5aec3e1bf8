import GuardCore
import HoldfastModel
import Simulator

/// What can happen to addresses, and what can be expected of them.
enum AddressPhrases {
  static let happenings: [Phrase<[Happening]>] = [
    .init("slow addresses of NODES by SPAN for SPAN", "Addresses there are added and removed so much later.") {
      let nodes = $0.nodes(), extra = $0.span(), span = $0.span()
      return nodes.map { .addressesSlow($0, by: extra, for: span) }
    },
    .init("fail addresses of NODES for SPAN", "No address can be added there.") {
      let nodes = $0.nodes(), span = $0.span()
      return nodes.map { .addressesFail($0, for: span) }
    },
    .init("a stranger takes ADDRESS", "Somebody who is none of the cluster answers for it on the network.") {
      [.strangerTakes($0.address(), for: nil)]
    },
    .init("a stranger takes ADDRESS for SPAN", "The same, for that time.") {
      let address = $0.address()
      return [.strangerTakes(address, for: $0.span())]
    },
    .init("the stranger leaves ADDRESS", "Nobody but the cluster answers for it.") { [.strangerLeaves($0.address())] },
    .init("lose ADDRESS on NODES", "Somebody takes it from its link there, and the guard hears nothing of it.") {
      let address = $0.address()
      return $0.nodes().map { .addressIsLost($0, address) }
    },
    .init("define WORKLOAD with ADDRESS", "`holdfast apply`: its definition has this address, and no other.") {
      let workload = $0.workload()
      return [.asked(.readdress(workload, [ofScenario($0.address())]), through: nil)]
    },
    .init("define WORKLOAD without addresses", "`holdfast apply`: its definition has none.") {
      [.asked(.readdress($0.workload(), []), through: nil)]
    }
  ]

  static let statements: [Phrase<Statement>] = [
    .init("ADDRESS is up on NODES", "One of these nodes has it on its link, and answers for it.") {
      let address = $0.address()
      return .isUp(address, on: $0.nodes())
    },
    .init("ADDRESS is up nowhere", "No node does.") { .not(.isUp($0.address(), on: [])) },
    .init("no address is up twice", "Of no address two nodes answer at once.") { _ in .not(.anAddressIsUpTwice) }
  ]

  /// On the one link that every node has.
  static func ofScenario(_ address: IPAddress) -> WorkloadAddress {
    WorkloadAddress(address, prefixLength: address.isSix ? 64 : 24, on: "br0")
  }
}
