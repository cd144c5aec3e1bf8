import HoldfastModel

/// A domain that is adopted becomes transient. What libvirt keeps of it beside its definition is kept, or the adoption is refused, unless the operator
/// gives it up.
extension Adoption {
  /// The word by which it is given up.
  static let acceptLoss = "--accept-loss"

  /// - Throws: the first thing that would be lost, or that is in the way.
  func refuseLosses() throws(OperatorError) {
    // It is transient already: nothing changes for it.
    guard domain.persistent else { return }
    if kept.hasSavedState {
      throw refusal(
        .conflict, "libvirt has a saved state of it, which is older than what runs, and removes no definition that has one",
        "Remove it: `\(virsh("managedsave-remove \(domain.id.name)"))`; then repeat.")
    }
    if options.acceptsLoss { return }
    if let first = kept.snapshots.first {
      throw refusal(
        .conflict, "adopted, it becomes transient, and libvirt forgets \(snapshots) when it ends",
        "Delete each: `\(virsh("snapshot-delete \(domain.id.name) \(first)"))`, with `--metadata` to leave what it has in the disks; "
          + "then repeat. Or give them up: \(again).")
    }
    if let first = kept.checkpoints.first {
      throw refusal(
        .conflict, "adopted, it becomes transient, and libvirt forgets \(checkpoints) when it ends",
        "Delete each: `\(virsh("checkpoint-delete \(domain.id.name) \(first)"))`; then repeat, and begin the next backup with a full one. "
          + "Or give them up: \(again).")
    }
    if kept.losesTPM {
      throw refusal(
        .conflict, "adopted, it becomes transient, and libvirt removes the state of its emulated TPM when it ends",
        "Shut it down, write persistent_state='yes' into the <backend> of its <tpm> (`\(virsh("edit \(domain.id.name)"))`), start it, "
          + "then repeat. Or give the TPM's state up: \(again).")
    }
  }

  /// Sentences: what goes, as the operator has given it up.
  public var lossWarnings: [String] {
    guard domain.persistent, options.acceptsLoss else { return [] }
    var sentences: [String] = []
    if !kept.snapshots.isEmpty { sentences.append("libvirt forgets \(snapshots) when it ends") }
    if !kept.checkpoints.isEmpty { sentences.append("libvirt forgets \(checkpoints) when it ends") }
    // Of a definition that will do so again, that is told with the definition.
    if kept.losesTPM, DomainBelongings(of: xml).tpm != .forgotten {
      sentences.append("libvirt removes the state of its emulated TPM when it ends")
    }
    return sentences
  }

  private var snapshots: String { Self.counted(kept.snapshots, "snapshot") }
  private var checkpoints: String { Self.counted(kept.checkpoints, "checkpoint") }
  private var again: String { "`holdfast adopt \(domain.id) \(Self.acceptLoss)`" }

  private static func counted(_ names: [String], _ what: String) -> String {
    let list = InWords.list(names.map(InWords.oneLine), most: 3)
    return names.count == 1 ? "its \(what) \(list)" : "its \(names.count) \(what)s (\(list))"
  }
}
