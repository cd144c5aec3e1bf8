import HoldfastModel

/// What of a workload is on one node alone, in sentences for whoever defines it.
package struct NodeFiles: Sendable {
  /// The node that tells it.
  private let node: NodeName
  /// Of the paths that were asked about, those on its own file systems.
  private let local: Set<String>

  /// - Parameter local: of these paths, those that are on this node's own file systems.
  package init(on node: NodeName, local: ([String]) -> Set<String>, of belongings: DomainBelongings) {
    self.node = node
    self.local =
      belongings.files.isEmpty && belongings.tpm == nil
      ? [] : local(belongings.files.map(\.path) + [DomainBelongings.tpmFolder])
  }

  package func warnings(_ belongings: DomainBelongings) -> [String] {
    func paths(_ use: NamedFile.Use) -> [String] {
      belongings.files.filter { $0.use == use && local.contains($0.path) }.map { InWords.oneLine($0.path) }
    }
    var sentences: [String] = []
    let needed = paths(.start)
    if !needed.isEmpty {
      sentences.append(
        "it starts only where it finds \(InWords.list(needed, most: 3)), which \(needed.count == 1 ? "is" : "are") \(place)")
    }
    if let file = paths(.firmware).first {
      sentences.append(
        "its firmware variables (\(file)) are \(place): started on another node it has new ones, without its boot entries and keys"
      )
    }
    switch belongings.tpm {
    case .forgotten:
      sentences.append(
        "libvirt removes the state of its emulated TPM whenever it ends: write persistent_state='yes' into the <backend> of its <tpm>"
      )
    case .kept where local.contains(DomainBelongings.tpmFolder):
      sentences.append(
        "the state of its emulated TPM (in \(DomainBelongings.tpmFolder)) is \(place): started on another node it has an empty one"
      )
    case .kept, nil: break
    }
    let logs = paths(.console)
    if !logs.isEmpty {
      sentences.append("what its consoles write to \(InWords.list(logs, most: 3)) stays on the node where it ran")
    }
    return sentences
  }

  private var place: String { "on a file system of \(node)'s own" }
}
