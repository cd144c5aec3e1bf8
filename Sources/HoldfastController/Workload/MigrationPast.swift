import HoldfastModel

/// How the attempts to move a workload live went, since it was to leave.
struct MigrationPast: Hashable, Sendable {
  enum Failure: Hashable, Sendable {
    /// For the workload's own sake.
    case own(MigrationFailure)
    /// Something stood in the way that is nothing of the workload's own, so many times in a row.
    case hindered(Hindrance, MigrationFailure, times: Int)
  }

  /// Attempts that came to nothing for the workload's own sake.
  var failures = 0
  /// How the last one failed; nil: an earlier life of the controller knew.
  var last: Failure?

  var reason: MigrationFailure? {
    switch last {
    case .own(let reason), .hindered(_, let reason, _): reason
    case nil: nil
    }
  }
  var hindrance: Hindrance? { if case .hindered(let hindrance, _, _) = last { hindrance } else { nil } }
  var hindered: Int { if case .hindered(_, _, let times) = last { times } else { 0 } }
}
