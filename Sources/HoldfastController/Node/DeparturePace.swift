/// How a node leaves.
enum DeparturePace: Hashable, Sendable {
  case normal
  /// The host goes down soon: nothing is moved while it runs.
  case fast
}
