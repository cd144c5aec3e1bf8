import HoldfastModel

/// What an operator can ask for about nodes and the whole cluster. Each becomes one transaction.
public enum UpkeepCommand: Hashable, Sendable {
  /// To empty the node and keep it empty, or to go on with that in another way. It may be down.
  case enter(NodeName, MaintenanceRecord)
  /// To use the node again; what left it goes home as the homecoming says. While it is still being emptied this stops that.
  case exit(NodeName, MaintenanceRecord.Homecoming)
  /// To use a node again that was lost too often, as if it never had been.
  case trust(NodeName)
  /// To do nothing about anything until it is armed again.
  case disarm(DisarmRecord)
  case arm

  /// The transaction that carries the command out on the cluster as `view` shows it, guarded on everything that the answer depends on.
  ///
  /// - Throws: what stands against it.
  public func prepare(in view: ClusterView) throws(OperatorError) -> PreparedUpkeep {
    guard view.isLoaded else {
      throw OperatorError(
        .unavailable, thing: "this node", reason: "it has not read the cluster's records yet",
        remedy: "Repeat the command in a moment; `holdfast status` tells whether the store answers.")
    }
    return switch self {
    case .enter(let node, let record): try enter(node, record, view)
    case .exit(let node, let brings): try exit(node, brings, view)
    case .trust(let node): try trust(node, view)
    case .disarm(let record): try disarm(record, view)
    case .arm: arm(view)
    }
  }

  private func known(_ node: NodeName, _ key: RecordKey, _ view: ClusterView) throws(OperatorError) {
    guard view.knownNodes.contains(node) else {
      throw .unknownNode(node, in: view)
    }
    if let reason = view.unreadable[key] {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "a record of it cannot be read by this build (\(reason))",
        remedy: "Run the command on a node with the newest build, or upgrade this one.")
    }
  }

  private func enter(
    _ node: NodeName, _ record: MaintenanceRecord, _ view: ClusterView
  ) throws(OperatorError) -> PreparedUpkeep {
    try known(node, .maintenance(node), view)
    if view.disarm != nil {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "the cluster is disarmed, so nothing is moved",
        remedy: "Arm it first: `holdfast arm`.")
    }
    var wanted = record
    let present = view.maintenance[node]
    if let present, present.value.phase == .empty { wanted.since = present.value.since }
    if present?.value == wanted { return PreparedUpkeep("is in maintenance already") }
    let text =
      present?.value.phase == .empty ? "stays in maintenance, with what is asked for now" : "is emptied, and kept empty"
    return PreparedUpkeep(
      text,
      ClusterTransaction(
        if: [view.asSeen(.maintenance(node), present)], write: [.put(.maintenance(node), .maintenance(wanted))]))
  }

  private func exit(
    _ node: NodeName, _ brings: MaintenanceRecord.Homecoming, _ view: ClusterView
  ) throws(OperatorError) -> PreparedUpkeep {
    try known(node, .maintenance(node), view)
    guard let present = view.maintenance[node] else { return PreparedUpkeep("is not in maintenance") }
    var wanted = present.value
    (wanted.phase, wanted.brings, wanted.deadline) = (.over, brings, nil)
    if wanted == present.value { return PreparedUpkeep("is out of maintenance already; what left it comes home") }
    let away = view.placements.values.count { $0.value.home == node }
    let home = away == 1 ? "1 workload that left it comes" : "\(away) workloads that left it come"
    let text =
      brings == .nothing || away == 0
      ? "is used again" : "is used again; \(home) home\(brings == .byPolicy ? " as their policies say" : "")"
    return PreparedUpkeep(
      text,
      ClusterTransaction(
        if: [.unchanged(.maintenance(node), modified: present.modified)],
        write: [.put(.maintenance(node), .maintenance(wanted))]))
  }

  private func trust(_ node: NodeName, _ view: ClusterView) throws(OperatorError) -> PreparedUpkeep {
    try known(node, .losses(node), view)
    guard let present = view.losses[node] else { return PreparedUpkeep("was not lost lately: it is used like any other") }
    return PreparedUpkeep(
      "is used like any other again; \(present.value.count) \(present.value.count == 1 ? "loss is" : "losses are") forgotten",
      ClusterTransaction(
        if: [.unchanged(.losses(node), modified: present.modified)], write: [.delete(.losses(node))]))
  }

  private func disarm(_ record: DisarmRecord, _ view: ClusterView) throws(OperatorError) -> PreparedUpkeep {
    var wanted = record
    if let present = view.disarm {
      wanted.since = present.value.since
      if wanted == present.value { return PreparedUpkeep("is disarmed already") }
    }
    return PreparedUpkeep(
      "is disarmed: nothing is failed over, stopped or moved until it is armed",
      ClusterTransaction(if: [view.asSeen(.disarm, view.disarm)], write: [.put(.disarm, .disarm(wanted))]))
  }

  private func arm(_ view: ClusterView) -> PreparedUpkeep {
    guard let present = view.disarm else {
      guard view.unreadable[.disarm] != nil else { return PreparedUpkeep("is armed") }
      return PreparedUpkeep("is armed again", ClusterTransaction(if: [], write: [.delete(.disarm)]))
    }
    return PreparedUpkeep(
      "is armed again",
      ClusterTransaction(if: [.unchanged(.disarm, modified: present.modified)], write: [.delete(.disarm)]))
  }
}

/// A command, ready to be shown or committed.
public struct PreparedUpkeep: Equatable, Sendable {
  /// A clause after the name of the node, or after "the cluster".
  public var text: String
  /// nil when there is nothing to do.
  public var transaction: ClusterTransaction?

  init(_ text: String, _ transaction: ClusterTransaction? = nil) {
    self.text = text
    self.transaction = transaction
  }
}
