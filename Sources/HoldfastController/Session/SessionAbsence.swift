import HoldfastModel

/// Why a node has no session.
public enum SessionAbsence: Hashable, Sendable {
  /// The store's records have not been read yet.
  case unread
  /// Without a guard none is opened.
  ///
  /// - Parameter hasWithdrawn: the node gave one up, as everything on it stayed frozen.
  case noGuard(hasWithdrawn: Bool)
  /// The node is leaving.
  case leaving
  /// The store's format is not this build's: a clause.
  case format(String)
  /// The guard has not confirmed yet that nothing under protection executes.
  case notFrozen
  /// An earlier session under the node's name may still stand.
  ///
  /// - Parameter isForeign: another host renews it.
  case earlier(isForeign: Bool)
  /// The node gave one up, and these libvirt connections still do not answer. Sorted.
  case noHypervisor([String])
  /// It is being opened.
  case opening
}
