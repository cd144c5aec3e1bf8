/// Why the guard counts as gone.
enum GuardLoss: Hashable, Sendable, CustomStringConvertible {
  /// The guard was not heard of since this life of the controller began.
  case silent
  /// Its door closed, as that says.
  case closed(String)

  var description: String {
    switch self {
    case .silent: "it does not answer"
    case .closed(let reason): reason
    }
  }
}
