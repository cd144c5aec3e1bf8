/// State that libvirt keeps of a running domain beside its definition: it goes, or is in the way, when the persistent definition is removed.
public struct KeptState: Hashable, Sendable {
  /// The names of its snapshots and checkpoints: libvirt forgets them when a transient domain ends.
  public var snapshots: [String]
  public var checkpoints: [String]
  /// The emulated TPM's state is removed when it ends as a transient domain.
  public var losesTPM: Bool
  /// There is a state that `virsh managedsave` wrote: libvirt removes no definition that has one.
  public var hasSavedState: Bool

  public init(snapshots: [String] = [], checkpoints: [String] = [], losesTPM: Bool = false, hasSavedState: Bool = false) {
    self.snapshots = snapshots
    self.checkpoints = checkpoints
    self.losesTPM = losesTPM
    self.hasSavedState = hasSavedState
  }

  public static let none = KeptState()
}
