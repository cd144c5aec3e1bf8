import GuardCore
import HoldfastModel
import HostParts

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

  /// Sentences: what the guard does not stop of what a workload of the host itself mounts.
  package var partsWarnings: [String] {
    guard isOfHost, let parts = try? HostDefinition(xml).parts else { return [] }
    let mounts = parts.compactMap { part -> String? in
      guard case .mount(let mount) = part.kind, mount.what.hasPrefix("/") || mount.what.contains("="), !mount.isReadOnly else {
        return nil
      }
      return InWords.oneLine(mount.what)
    }
    guard !mounts.isEmpty else { return [] }
    return [
      "the guard stops its processes at the deadline, and unmounts nothing: on a node that is cut off the kernel may write to \(InWords.list(mounts, most: 3)) "
        + "while another node mounts it. Where nodes share that storage, it must itself refuse the node that was cut off (Docs/parts.md)"
    ]
  }
}

extension Adoption {
  /// Sentences: what the domain's network makes otherwise than was asked for.
  public var networkWarnings: [String] {
    let isContainer = domain.id.connection.hasPrefix("lxc")
    return warnings(domain.frozenNetwork ?? (isContainer ? Interfaces.frozenNetwork(in: xml) : nil), options.isolation)
  }
}
