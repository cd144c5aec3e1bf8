import HoldfastModel

/// Why a command of the operator was not carried out: the thing, the reason, the remedy.
public struct OperatorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What a program may want to tell apart.
  public enum Kind: String, Sendable, Codable {
    /// What was asked for contradicts itself or the rules for names and values.
    case invalid
    /// The caller may look, not change.
    case forbidden
    /// There is no such thing.
    case unknown
    /// It exists, and its present state does not allow the command.
    case conflict
    /// The cluster cannot carry it out now: the store, a session or libvirt does not answer.
    case unavailable
    /// Nobody can say yet whether it was carried out: the store did not answer.
    case unknownOutcome = "unknown-outcome"
  }
  public var kind: Kind
  /// What it is about, such as `workload web1`.
  public var thing: String
  /// A clause without a full stop.
  public var reason: String
  /// A sentence: what to do or to type.
  public var remedy: String

  public init(_ kind: Kind, thing: String, reason: String, remedy: String) {
    self.kind = kind
    self.thing = thing
    self.reason = reason
    self.remedy = remedy
  }
  public var description: String { "\(thing): \(reason). \(remedy)" }
}

extension OperatorError {
  /// The remedy where a record cannot be read.
  static let wayOutOfUnreadable =
    "`holdfast store check` says what is wrong with it and what to do. If a newer build wrote it, run the command where that build is."

  /// - Parameter list: the command that shows what there is.
  static func unknown(_ kind: String, _ name: String, among names: some Sequence<String>, list: String) -> OperatorError {
    let remedy =
      nearestSpelling(to: name, among: names).map { "Did you mean \($0)? `\(list)` lists them all." }
      ?? "`\(list)` lists them all."
    return OperatorError(.unknown, thing: "\(kind) \(name)", reason: "there is no \(kind) of this name", remedy: remedy)
  }

  public static func unknownWorkload(_ name: WorkloadName, in view: ClusterView) -> OperatorError {
    guard view.isLoaded else { return .unread("workload \(name)", "it") }
    return .unknown("workload", name.text, among: view.specs.keys.map(\.text), list: "holdfast workloads")
  }

  public static func unknownNode(_ name: NodeName, in view: ClusterView) -> OperatorError {
    guard view.isLoaded else { return .unread("node \(name)", "it") }
    return .unknown("node", name.text, among: view.knownNodes.map(\.text), list: "holdfast nodes")
  }

  /// As long as the store was not read, nobody can say what there is.
  ///
  /// - Parameters:
  ///   - thing: what was asked for, such as `the released workloads`.
  ///   - pronoun: `it` or `they`.
  public static func unread(_ thing: String, _ pronoun: String) -> OperatorError {
    OperatorError(
      .unavailable, thing: thing,
      reason:
        "\(pronoun) \(pronoun == "they" ? "are" : "is") not known: the store has not been read since holdfastd started here",
      remedy: "`holdfast status` shows whether the store answers, and what this node has itself. Ask another node meanwhile.")
  }

  static func isBeingAdopted(_ name: WorkloadName, on node: NodeName?) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)", reason: "\(node?.text ?? "its node") is still adopting it",
      remedy:
        "Wait until `holdfast workload \(name)` says that it runs; or undo the adoption with `holdfast release \(name)`.")
  }

  static func isMigrating(_ name: WorkloadName, from source: NodeName, to target: NodeName) -> OperatorError {
    let move =
      source == target
      ? "it has just moved to \(target), and does not run there yet" : "it is moving from \(source) to \(target) while it runs"
    return OperatorError(
      .conflict, thing: "workload \(name)", reason: move,
      remedy:
        "Release it when `holdfast workload \(name)` says that it runs, or end the move before: `holdfast move \(name) --to \(source)`."
    )
  }

  static func leavesProtection(_ name: WorkloadName) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)", reason: "it is leaving protection",
      remedy: "Wait until it has left, then protect it again with `holdfast adopt` or `holdfast apply`.")
  }
}

extension ClusterView {
  /// - Parameter things: what is asked for, such as `the released workloads`.
  /// - Throws: that nothing is known of them, for the store has not been read yet.
  public func requireRead(_ things: String) throws(OperatorError) {
    guard isLoaded else { throw .unread(things, "they") }
  }

  /// - Throws: that nothing is known of the cluster yet, so that no command can be decided on.
  func requireLoaded() throws(OperatorError) {
    guard isLoaded else {
      throw OperatorError(
        .unavailable, thing: "this node", reason: "it has not read the cluster's records yet",
        remedy: "Repeat the command in a moment; `holdfast status` shows whether the store answers.")
    }
  }
}
