import HoldfastModel
import HoldfastPlanning

/// A node that gets another name in its configuration is the same host: what the records say of the old name goes over to the new one, so that no
/// node stays down for ever, and what was said of it (its maintenance, who comes home to it, what left protection on it) is said of it still.
///
/// The old name must be down and hold nothing, so no record that anybody's right to run hangs on is touched. As with a removal, a session that is
/// opened meanwhile and the rename exclude each other: both depend on the node's record as it was.
public struct NodeRename: Sendable {
  private let old: NodeName
  private let new: NodeName
  private let view: ClusterView
  private let guards: [Condition<RecordKey>]

  /// Records in one transaction: etcd takes 128 operations and 1.5 MiB, and a placement says something of every node.
  private static let mostRecords = 30
  private static let namesInSentence = 5

  /// A record that says the old name, as it is to be.
  private struct Change {
    var condition: Condition<RecordKey>
    var write: Write<RecordKey, Record>
  }

  /// - Parameter policies: those that `view` has, as they were read.
  /// - Throws: why it may not have that name.
  public init(_ old: NodeName, to new: NodeName, in view: ClusterView, policies: PolicySet) throws(OperatorError) {
    try view.requireLoaded()
    (self.old, self.new, self.view) = (old, new, view)
    guards = [view.asSeen(.node(old), view.nodes[old]), view.asSeen(.policies, view.policies)]
    try checkNames()
    try refuseUnreadable()
    try checkOld()
    try checkNew()
    try checkPolicies(policies)
  }

  // MARK: what is done

  /// A clause after the name of the node.
  public var text: String {
    let records = workloadChanges.count
    var parts = ["its record"]
    if view.maintenance[old] != nil, view.maintenance[new] == nil { parts.append("its maintenance") }
    if view.losses[old] != nil, view.losses[new] == nil { parts.append("its losses") }
    if records > 0 { parts.append("\(records == 1 ? "1 record" : "\(records) records") of workloads") }
    let goes = parts.count == 1 ? "goes" : "go"
    let start =
      view.session(of: new) == nil
      ? "; it comes back when `node: \(new)` is in its holdfastd.yaml and holdfastd is started" : ""
    return "is \(new) from now on: \(InWords.list(parts, most: parts.count)) \(goes) over, and its history is deleted\(start)"
  }

  /// In the order in which they are committed: what fails in the middle can be repeated, as the record that makes the old name known goes last.
  ///
  /// - Parameter slots: the length of a node's ring of lines.
  public func transactions(slots: Int) -> [ClusterTransaction] {
    let changes = workloadChanges, last = nodeChanges
    var parts = stride(from: 0, to: changes.count, by: Self.mostRecords).map { first in
      Array(changes[first..<min(changes.count, first + Self.mostRecords)])
    }
    // The node's own records go together, as all depends on one of them; and with the rest where that is little.
    if let small = parts.last, small.count + last.count <= Self.mostRecords {
      parts[parts.count - 1] += last
    } else {
      parts.append(last)
    }
    let renaming = parts.map { part in
      let conditions = guards + part.map(\.condition).filter { !guards.contains($0) }
      return ClusterTransaction(if: conditions, write: part.map(\.write))
    }
    return NodeRemoval.historyTransactions(of: old, slots: slots, if: guards) + renaming
  }

  /// The places go last: what is placed on the new name may be claimed there at once.
  private var workloadChanges: [Change] {
    let places = view.placements.filter {
      $0.value.value.node == old || $0.value.value.home == old || $0.value.value.handedOver?.from == old
    }
    .sorted { $0.key < $1.key }
    return intentChanges + claimChanges
      + places.map { name, stored in
        var placement = stored.value
        if placement.node == old { placement.node = new }
        if placement.home == old { placement.home = new }
        if placement.handedOver?.from == old { placement.handedOver?.from = new }
        return change(.placement(name), stored, .placement(placement))
      }
  }

  private var intentChanges: [Change] {
    view.intents.filter { $0.value.value.move?.to == old || $0.value.value.adopter == old }.sorted { $0.key < $1.key }
      .map { name, stored in
        var intent = stored.value
        if intent.move?.to == old { intent.move?.to = new }
        if intent.adopter == old { intent.adopter = new }
        return change(.intent(name), stored, .intent(intent))
      }
  }

  /// Of claims that nobody holds: where starts failed, and where a workload went on outside protection. The right to run stays as it was. What is
  /// held is its holder's alone to write; it forgets the failures when the workload runs.
  private var claimChanges: [Change] {
    view.claims.filter { _, stored in
      !view.isHeld(stored.value) && (stored.value.failures[old] != nil || stored.value.releasedTo?.node == old)
    }.sorted { $0.key < $1.key }.map { name, stored in
      var claim = stored.value
      if let failure = claim.failures.removeValue(forKey: old) { claim.note(failure, on: new) }
      if claim.releasedTo?.node == old { claim.releasedTo?.node = new }
      return change(.claim(name), stored, .claim(claim))
    }
  }

  /// What the new name has said of itself already stays: it is the newer.
  private var nodeChanges: [Change] {
    moved(.losses(old), view.losses[old], to: .losses(new), view.losses[new], as: Record.losses)
      + moved(.maintenance(old), view.maintenance[old], to: .maintenance(new), view.maintenance[new], as: Record.maintenance)
      + moved(.report(old), view.reports[old], to: .report(new), view.reports[new], as: Record.report)
      + moved(.node(old), view.nodes[old], to: .node(new), view.nodes[new], as: Record.node)
  }

  private func moved<Value: Sendable>(
    _ from: RecordKey, _ present: Stored<Value>?, to: RecordKey, _ there: Stored<Value>?, as record: (Value) -> Record
  ) -> [Change] {
    guard let present else { return [] }
    let removal = Change(condition: view.asSeen(from, present), write: .delete(from))
    guard there == nil else { return [removal] }
    return [removal, Change(condition: .absent(to), write: .put(to, record(present.value)))]
  }

  private func change<Value: Sendable>(_ key: RecordKey, _ stored: Stored<Value>, _ record: Record) -> Change {
    Change(condition: view.asSeen(key, stored), write: .put(key, record))
  }

  // MARK: what stands against it

  private func refusal(_ reason: String, _ remedy: String) -> OperatorError {
    OperatorError(.conflict, thing: "node \(old)", reason: reason, remedy: remedy)
  }

  private func list(_ names: some Sequence<WorkloadName>) -> String {
    InWords.list(names.sorted().map(\.text), most: Self.namesInSentence)
  }

  private func checkNames() throws(OperatorError) {
    guard NodeName.isValid(new.text) else {
      throw OperatorError(
        .invalid, thing: "the new name '\(new)'", reason: "this cannot be a node's name",
        remedy: "Use at most 63 letters, digits, '.', '_' and '-', starting with a letter or digit.")
    }
    guard old != new else {
      throw OperatorError(
        .invalid, thing: "node \(old)", reason: "the new name is the old one", remedy: "Name the one that it is to have.")
    }
    guard view.speaks(of: old) else { throw .unknownNode(old, in: view) }
  }

  /// What cannot be read may name it.
  private func refuseUnreadable() throws(OperatorError) {
    let own = Set(ClusterView.lastingKeys(of: old) + ClusterView.lastingKeys(of: new))
    let concerned = view.unreadable.filter { key, _ in
      switch key {
      case .claim, .intent, .placement, .policies: true
      default: own.contains(key)
      }
    }
    guard let reason = concerned.values.min() else { return }
    throw refusal("a record that may name it cannot be read by this build (\(reason))", OperatorError.wayOutOfUnreadable)
  }

  private func checkOld() throws(OperatorError) {
    try view.refuseUp(
      old,
      remedy: "`systemctl stop holdfastd` there hands its workloads over; `holdfast evacuate \(old)` first moves them live. "
        + "Then repeat.")
    let coming = view.claims.filter { $0.value.value.migration?.target.node == old }.keys
    guard coming.isEmpty else {
      throw refusal(
        "\(list(coming)) \(coming.count == 1 ? "was" : "were") moving there when it went down",
        "Repeat it when `holdfast workloads` shows where they run.")
    }
    let held = view.claims.filter { $0.value.value.holder?.node == old }.keys
    guard held.isEmpty else {
      throw refusal(
        "it ran \(list(held)) last, and nothing shows that what ran has ended",
        "Start it under its old name, and let it leave: `systemctl start holdfastd`, then `systemctl stop holdfastd` there. "
          + "If the host is gone for good, `holdfast node remove \(old)`.")
    }
  }

  private func checkNew() throws(OperatorError) {
    let held = view.claims.filter { _, claim in
      claim.value.holder?.node == new || claim.value.migration?.target.node == new
    }.keys
    guard held.isEmpty else {
      throw refusal(
        "there is a node \(new), and it holds \(list(held))",
        "If that is another host, choose another name. If it is this one, started under its new name already: "
          + "`holdfast evacuate \(new)`, repeat, then `holdfast maintenance exit \(new)`.")
    }
  }

  private func checkPolicies(_ policies: PolicySet) throws(OperatorError) {
    let rules = policies.rules(telling: old, from: new, labels: view.nodes[old]?.value.labels ?? [:])
    guard rules.isEmpty else {
      throw refusal(
        "policies tell it from \(new): \(InWords.list(rules, most: Self.namesInSentence))",
        "Apply policies first that say the same of both, such as `only-on: \(old) or \(new)`: `holdfast policy apply FILE...`. "
          + "Then repeat; afterwards \(old) can be taken out of them.")
    }
  }
}
