import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPolicies
import HoldfastPorts
import HoldfastYAML

/// Puts policies in force: all of them, in place of the ones before.
struct PolicyCommand: Sendable {
  let access: any ClusterAccess
  let isDryRun: Bool
  /// Who asks, for the history.
  var requester: Requester?

  /// The store takes no request over 1.5 MiB, and this travels as JSON.
  private static let greatest = 1 << 20

  /// - Throws: what is wrong with them; that others are in force than the ones that were looked at.
  func run(_ request: PoliciesRequest) async throws(OperatorError) -> PoliciesInForce {
    try check(request.files)
    let view = await access.picture().view
    let present = view.policies
    guard (present?.modified.value ?? 0) == request.revision else { throw Self.changed }
    let record = PoliciesRecord(files: request.files)
    if isDryRun || present?.value == record { return PoliciesInForce(view, unreadable: nil) }
    var conditions = [view.asSeen(.policies, present)]
    // A record that cannot be read is nobody's policies: new ones take its place.
    if view.unreadable[.policies] != nil { conditions = [] }
    let transaction = ClusterTransaction(if: conditions, write: [.put(.policies, .policies(record))])
    let verdict = try await access.commit(
      transaction, for: "the policies", look: "holdfast policy show", telling: Note(.policies, news(of: request)))
    guard case .committed(let revision) = verdict else { throw Self.changed }
    return PoliciesInForce(files: request.files, revision: revision.value)
  }

  private static let namesInSentence = 8

  private func news(of request: PoliciesRequest) -> String {
    let names = request.files.map(\.file)
    let list = names.isEmpty ? "none" : InWords.list(names, most: Self.namesInSentence)
    return "policies were applied: \(list) (\(requester?.description ?? "somebody unknown"))"
  }

  private func check(_ files: [PolicyText]) throws(OperatorError) {
    let size = files.reduce(0) { $0 + $1.text.utf8.count }
    guard size <= Self.greatest else {
      throw OperatorError(
        .invalid, thing: "the policies", reason: "together they have \(size) bytes, more than \(Self.greatest)",
        remedy: "Select by labels instead of naming every workload.")
    }
    do throws(FileErrors) {
      _ = try PolicyFile.parse(files)
    } catch {
      throw OperatorError(
        .invalid, thing: "the policies", reason: "they cannot be used:\n\(error)",
        remedy:
          "Correct the files, or bring this node's holdfastd to the build of the others. `holdfast policy check` tells the same."
      )
    }
  }

  private static let changed = OperatorError(
    .conflict, thing: "the policies", reason: "somebody changed them meanwhile",
    remedy: "Look again with `holdfast policy diff`, then repeat.")
}
