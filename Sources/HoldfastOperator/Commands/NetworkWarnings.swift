import GuardCore
import HoldfastModel

/// What a workload's network makes otherwise than its definition says.
private func warnings(_ network: FrozenNetwork?, _ isolation: Isolation) -> [String] {
  guard let network else { return [] }
  return [
    "it \(network.words): frozen, it would keep answering ping and TCP beside its successor. So the guard kills it at the deadline"
      + (isolation == .freeze ? ", as with 'isolation: stop'" : "")
  ]
}

extension SpecRecord {
  /// Sentences: what its network makes otherwise than the definition says.
  public var networkWarnings: [String] { warnings(frozenNetwork, isolation) }
}

extension Adoption {
  /// Sentences: what the domain's network makes otherwise than was asked for.
  public var networkWarnings: [String] {
    let isContainer = domain.id.connection.hasPrefix("lxc")
    return warnings(domain.frozenNetwork ?? (isContainer ? Interfaces.frozenNetwork(in: xml) : nil), options.isolation)
  }
}
