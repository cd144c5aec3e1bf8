import HoldfastModel
import Housekeeping

/// The port by which a store tells of itself, and is asked to do something about itself, where it can. Nothing depends on it but that the store lasts.
///
/// It never disturbs what else the store is asked: a call that fails changes nothing about where the next renewal goes.
public protocol StoreHousekeeping: Sendable {
  /// One look at every member. A member that says nothing within `timeout` is silent; the look itself does not fail.
  func health(timeout: Duration) async -> StoreHealth

  /// Forgets the history up to `revision`: entries stay, and a watch from before it ends with `StoreError.compacted`.
  ///
  /// Up to where it is forgotten already it changes nothing, and is no error.
  func compact(upTo revision: Revision, timeout: Duration) async throws(StoreError)
}
