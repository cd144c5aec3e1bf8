import HoldfastModel
import HoldfastOperator
import HoldfastPorts

extension ClusterAccess {
  /// Commits what an operator asked for.
  ///
  /// - Parameters:
  ///   - thing: what it is about, such as `workload web1`.
  ///   - look: the command that shows what became of it.
  ///   - note: the line of history about it; nil: there is none.
  /// - Throws: why nobody can say that it was done.
  func commit(
    _ transaction: ClusterTransaction, for thing: String, look: String, telling note: Note? = nil
  ) async throws(OperatorError) -> ClusterVerdict {
    do {
      return try await commit(transaction, telling: note)
    } catch {
      switch error {
      case .notApplied(let reason):
        throw OperatorError(
          .unavailable, thing: thing, reason: "the store did not take the request: \(reason)",
          remedy: "Nothing was changed. Repeat it when `holdfast status` says that the store answers.")
      case .unknownOutcome(let reason):
        throw OperatorError(
          .unknownOutcome, thing: thing,
          reason: "the store did not answer (\(reason)), so the request may or may not have been applied",
          remedy:
            "When `holdfast status` says that the store answers, `\(look)` shows what is so. Repeating the command does no harm."
        )
      case .rejected(let reason, let remedy):
        throw OperatorError(
          .unavailable, thing: thing, reason: "the store refuses the request: \(reason)",
          remedy: "\(remedy) Then repeat the command.")
      case .compacted:
        throw OperatorError(
          .unavailable, thing: thing, reason: "\(error)", remedy: "Nothing was changed. Repeat the command.")
      }
    }
  }
}
