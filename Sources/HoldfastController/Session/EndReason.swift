/// Why a node ends its session by itself.
enum EndReason: Hashable, Sendable {
  case departure
  /// Everything on it stays frozen, and others may be able to run it.
  case frozen
}
