import HoldfastModel

/// A command on a node or on the whole cluster. Each becomes one transaction.
public enum ClusterCommand: Hashable, Sendable {
  /// Drains the node and keeps it empty, or changes how that is done. The node may be down.
  case enter(NodeName, MaintenanceRecord)
  /// Puts the node back into use, and moves its workloads back. While the node is still being drained, this stops the drain.
  case exit(NodeName, MaintenanceRecord.Failback)
  /// Forgets the node's recent losses, and ends its quarantine.
  case clearFailures(NodeName)
  /// Forgets a node that is down for good. What still names it in the policies is left to people.
  case remove(NodeName)
  /// Suspends automatic recovery. What a record leaves out stays as it is while the cluster is disarmed.
  case disarm(DisarmRecord)
  /// Resumes automatic recovery.
  case arm
  /// Stops what moves by itself: as the policies say, and back after a maintenance. What is on its way continues.
  case movesOff(MovesOffRecord)
  /// Lets workloads move by themselves again.
  case movesOn

  /// The transaction that carries the command out on the cluster as `view` shows it, guarded on everything that the answer depends on.
  ///
  /// - Throws: why the command is refused.
  public func prepare(in view: ClusterView) throws(OperatorError) -> PreparedClusterCommand {
    try view.requireLoaded()
    return switch self {
    case .enter(let node, let record): try enter(node, record, view)
    case .exit(let node, let failback): try exit(node, failback, view)
    case .clearFailures(let node): try clearFailures(node, view)
    case .remove(let node): try NodeRemoval(node, in: view).prepared
    case .disarm(let record): try disarm(record, view)
    case .arm: arm(view)
    case .movesOff(let record): movesOff(record, view)
    case .movesOn: movesOn(view)
    }
  }

  /// The line of history about it: who asked, which the nodes that carry it out do not know.
  ///
  /// - Parameter who: such as `user 0`.
  /// - Returns: nil: who removes a node writes one of its own.
  public func note(_ prepared: PreparedClusterCommand, askedBy who: String) -> Note? {
    func note(_ kind: Note.Kind, _ node: NodeName? = nil, because reason: String? = nil) -> Note {
      let asked = reason.map { "\(who): \($0)" } ?? who
      return Note(kind, "\(node?.text ?? "the cluster") \(prepared.text) (\(asked))", subject: node)
    }
    return switch self {
    case .enter(let node, let record): note(.maintenance, node, because: record.reason)
    case .exit(let node, _): note(.maintenance, node)
    case .clearFailures(let node): note(.quarantine, node)
    case .remove: nil
    case .disarm(let record): note(.disarmed, because: record.reason)
    case .arm: note(.armed)
    case .movesOff(let record): note(.policies, because: record.reason)
    case .movesOn: note(.policies)
    }
  }

  private func known(_ node: NodeName, _ key: RecordKey, _ view: ClusterView) throws(OperatorError) {
    guard view.knownNodes.contains(node) else {
      throw .unknownNode(node, in: view)
    }
    if let reason = view.unreadable[key] {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "a record of it cannot be read by this build (\(reason))",
        remedy: OperatorError.wayOutOfUnreadable)
    }
  }

  private func enter(
    _ node: NodeName, _ record: MaintenanceRecord, _ view: ClusterView
  ) throws(OperatorError) -> PreparedClusterCommand {
    try known(node, .maintenance(node), view)
    if view.disarm != nil {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "the cluster is disarmed, so no workload is moved",
        remedy: "Arm it first: `holdfast arm`.")
    }
    var wanted = record
    let present = view.maintenance[node]
    if let present, present.value.phase == .empty { wanted.since = present.value.since }
    if present?.value == wanted { return PreparedClusterCommand("is in maintenance already") }
    let text =
      present?.value.phase == .empty ? "stays in maintenance, with the new settings" : "is being drained and will be kept empty"
    return PreparedClusterCommand(
      text,
      ClusterTransaction(
        if: [view.asSeen(.maintenance(node), present)], write: [.put(.maintenance(node), .maintenance(wanted))]))
  }

  private func exit(
    _ node: NodeName, _ failback: MaintenanceRecord.Failback, _ view: ClusterView
  ) throws(OperatorError) -> PreparedClusterCommand {
    try known(node, .maintenance(node), view)
    guard let present = view.maintenance[node] else { return PreparedClusterCommand("is not in maintenance") }
    var wanted = present.value
    (wanted.phase, wanted.failback, wanted.deadline) = (.over, failback, nil)
    if wanted == present.value { return PreparedClusterCommand("is out of maintenance already; its workloads are moving back") }
    let away = view.placements.values.count { $0.value.home == node }
    let moves = away == 1 ? "1 workload moves" : "\(away) workloads move"
    let text =
      failback == .nothing || away == 0
      ? "is back in use"
      : "is back in use; \(moves) back\(failback == .byPolicy ? " as policies say" : "")"
        + (view.areMovesOff ? " once moves are on again: `holdfast moves on`" : "")
    return PreparedClusterCommand(
      text,
      ClusterTransaction(
        if: [.unchanged(.maintenance(node), modified: present.modified)],
        write: [.put(.maintenance(node), .maintenance(wanted))]))
  }

  private func clearFailures(_ node: NodeName, _ view: ClusterView) throws(OperatorError) -> PreparedClusterCommand {
    try known(node, .losses(node), view)
    guard let present = view.losses[node] else { return PreparedClusterCommand("has no recent failures") }
    return PreparedClusterCommand(
      "is out of quarantine; \(present.value.count) \(present.value.count == 1 ? "failure" : "failures") cleared",
      ClusterTransaction(
        if: [.unchanged(.losses(node), modified: present.modified)], write: [.delete(.losses(node))]))
  }

  private func disarm(_ record: DisarmRecord, _ view: ClusterView) throws(OperatorError) -> PreparedClusterCommand {
    var wanted = record, text = "is disarmed: nothing is failed over, frozen or moved until it is armed"
    if let present = view.disarm?.value {
      // A repeated command must not make a short time an open end without a word.
      (wanted.reason, wanted.until) = (record.reason ?? present.reason, record.until ?? present.until)
      if record.until == nil || record.until == present.until, wanted.reason == present.reason {
        return PreparedClusterCommand("is disarmed already, \(Self.end(present))")
      }
      wanted.since = present.since
      text =
        wanted.until == present.until
        ? "stays disarmed, \(Self.end(present)), for another reason"
        : "stays disarmed, \(Self.end(wanted)) in place of \(Self.end(present))"
    }
    return PreparedClusterCommand(
      text, ClusterTransaction(if: [view.asSeen(.disarm, view.disarm)], write: [.put(.disarm, .disarm(wanted))]))
  }

  private static func end(_ record: DisarmRecord) -> String {
    record.until.map { "until \(timestamp(milliseconds: $0))" } ?? "until `holdfast arm`"
  }

  private func arm(_ view: ClusterView) -> PreparedClusterCommand {
    guard let present = view.disarm else {
      guard view.unreadable[.disarm] != nil else { return PreparedClusterCommand("is armed already") }
      return PreparedClusterCommand("is armed again", ClusterTransaction(if: [], write: [.delete(.disarm)]))
    }
    return PreparedClusterCommand(
      "is armed again",
      ClusterTransaction(if: [.unchanged(.disarm, modified: present.modified)], write: [.delete(.disarm)]))
  }

  private func movesOff(_ record: MovesOffRecord, _ view: ClusterView) -> PreparedClusterCommand {
    let text =
      "moves nothing by itself until `holdfast moves on`; what is on its way continues, and what fails is recovered"
    if let present = view.movesOff?.value, record.reason == nil || record.reason == present.reason {
      return PreparedClusterCommand("moves nothing by itself already\(present.reason.map { " (\($0))" } ?? "")")
    }
    return PreparedClusterCommand(
      text, ClusterTransaction(if: [view.asSeen(.movesOff, view.movesOff)], write: [.put(.movesOff, .movesOff(record))]))
  }

  private func movesOn(_ view: ClusterView) -> PreparedClusterCommand {
    guard view.areMovesOff else {
      return PreparedClusterCommand("lets workloads move by themselves already")
    }
    let conditions = view.movesOff.map { [Condition<RecordKey>.unchanged(.movesOff, modified: $0.modified)] } ?? []
    return PreparedClusterCommand(
      "lets workloads move by themselves again", ClusterTransaction(if: conditions, write: [.delete(.movesOff)]))
  }
}

/// A command, ready to be shown or committed.
public struct PreparedClusterCommand: Equatable, Sendable {
  /// A clause after the name of the node, or after "the cluster".
  public var text: String
  /// nil when there is nothing to do.
  public var transaction: ClusterTransaction?

  init(_ text: String, _ transaction: ClusterTransaction? = nil) {
    self.text = text
    self.transaction = transaction
  }
}
