import HoldfastModel

/// The records of nodes, and those that the cluster has one of.
extension RecordCheck {
  /// - Returns: nil for what is told otherwise.
  func unreadable(_ key: RecordKey) -> RecordFinding? {
    guard let (effect, remedy) = unreadableWorkloadRecord(key) ?? unreadableNodeRecord(key) ?? unreadableClusterRecord(key)
    else {
      return nil
    }
    return RecordFinding(.unreadable, key: codec.key(key), reason(key), effect: effect, remedy)
  }

  private func unreadableClusterRecord(_ key: RecordKey) -> (effect: String, remedy: RecordFinding.Remedy)? {
    switch key {
    case .format: ("No node joins, and those that are up start, move and decide nothing", formatRemedy)
    case .planner:
      (
        "No node takes the planner's role: nothing is placed, and no workload of a lost node starts elsewhere",
        .repair(
          RecordRepair(
            "the record is deleted, and a node takes the role. Claims keep two nodes apart, whoever is the planner",
            deletion(of: [.planner])))
      )
    case .policies:
      (
        "Nothing is placed: no planner plans by rules that it cannot read",
        .byHand(["`holdfast policy apply FILE...` puts the policies in force again, from your files."])
      )
    case .disarm: ("The cluster counts as disarmed: no node is declared lost", .byHand(["`holdfast arm` ends that."]))
    case .movesOff: ("Moves count as off: nothing moves by itself", .byHand(["`holdfast moves on` ends that."]))
    case .definitions:
      (
        "Nothing: the next definition that comes in writes it anew",
        .repair(RecordRepair("the record is deleted", deletion(of: [.definitions])))
      )
    default: nil
    }
  }

  private func unreadableNodeRecord(_ key: RecordKey) -> (effect: String, remedy: RecordFinding.Remedy)? {
    func delete(_ text: String) -> RecordFinding.Remedy { .repair(RecordRepair(text, deletion(of: [key]))) }
    switch key {
    case .node(let node):
      return (
        "Nothing is placed on \(node)", delete("the record is deleted; \(node) writes it anew while holdfastd runs there")
      )
    case .report(let node):
      return (
        "What \(node) says of itself is not known: foreign domains, its guard, its connections",
        delete("the record is deleted; \(node) writes it anew with its next change, or when holdfastd is restarted there")
      )
    case .losses(let node):
      return (
        "\(node) is in no quarantine, however often it was lost", delete("the record is deleted: losses are counted anew")
      )
    case .history(let node, _):
      return ("A line of history of \(node) is missing", delete("the line is deleted"))
    case .maintenance(let node) where !isKnown(node):
      return ("Nothing: there is no node \(node)", delete("the record is deleted"))
    case .maintenance(let node):
      let record = MaintenanceRecord(reason: "the record was damaged", since: now)
      return (
        "\(node) counts as in maintenance: what runs there stays, and nothing is placed there",
        .repair(
          RecordRepair(
            "\(node) is in maintenance from now on, and emptied; `holdfast maintenance exit \(node)` ends it",
            replacement(of: key, by: .maintenance(record))))
      )
    case .session(let incarnation): return unreadableSession(incarnation)
    default: return nil
    }
  }

  /// Its claims stand as long as the record does. Who deletes it says that nothing of them executes.
  private func unreadableSession(_ incarnation: Incarnation) -> (effect: String, remedy: RecordFinding.Remedy) {
    // The incarnation begins with the node's name.
    let node = incarnation.text.lastIndex(of: "-").map { String(incarnation.text[..<$0]) } ?? ""
    let whose = node.isEmpty ? "its node" : node
    let held = view.claims.filter { $0.value.value.holder?.incarnation == incarnation }.keys.sorted()
    let what = held.isEmpty ? "" : ", and \(InWords.list(held.map(\.text), most: 5)) cannot be taken over"
    return (
      "No node opens a session, and \(whose) is never declared lost\(what)",
      .byHand([
        "Make sure that \(whose) executes nothing under protection: switch it off; or stop holdfastd there, and see with `virsh list` that what is under protection is gone, and shut down the rest. While it executes anything, do not continue: that would run twice.",
        Self.preparation,
        "`etcdctl del \(Self.quoted(codec.key(.session(incarnation))))` ends the session, and other nodes take over."
      ])
    )
  }

  func isKnown(_ node: NodeName) -> Bool { isThere(.node(node)) || view.session(of: node) != nil }

  // MARK: nodes

  var nodeFindings: [RecordFinding] { sessionsWithoutNode + claimsOfUnknownNodes + leftovers }

  private var sessionsWithoutNode: [RecordFinding] {
    view.standingNodes.filter { !isThere(.node($0)) }.map { node in
      RecordFinding(
        .noNode, key: codec.key(.node(node)), "\(node) has a session and no record", effect: "Nothing is placed on \(node)",
        .byHand([
          "\(node) writes it within a moment while it reaches the store. If it does not: `journalctl -u holdfastd` there; `systemctl restart holdfastd` interrupts no workload."
        ]))
    }
  }

  private var claimsOfUnknownNodes: [RecordFinding] {
    view.claims.compactMap { name, claim in
      guard let node = claim.value.holder?.node, !isKnown(node), isThere(.spec(name)) else { return nil }
      if case .held = hold(of: name) {
        return RecordFinding(
          .unknownNode, key: codec.key(.claim(name)), "\(node) holds \(name), and there is no record of \(node)",
          effect: "\(name) stays there until that session is over", .byHand([]))
      }
      return RecordFinding(
        .unknownNode, .notice, key: codec.key(.claim(name)), "\(node) held \(name) last, and there is no record of \(node)",
        effect: "Nothing: that session is over, and another node takes the claim when \(name) is to run", .byHand([]))
    }
  }

  private var leftovers: [RecordFinding] {
    let spoken = Set(view.reports.keys).union(view.losses.keys).union(view.maintenance.keys)
    return spoken.filter { !isKnown($0) }.map { node in
      let keys: [RecordKey] = [.report(node), .losses(node), .maintenance(node)]
      return RecordFinding(
        .leftover, .notice, key: codec.key(keys.first(where: isThere) ?? .report(node)),
        "there is no record of \(node), and this is left",
        effect: "Nothing, but \(node) may be shown", .byHand(["`holdfast node remove \(node)` forgets the rest."]))
    }
  }
}
