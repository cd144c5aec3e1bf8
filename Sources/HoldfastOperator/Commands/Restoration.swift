import HoldfastModel

extension ClusterView {
  /// What is kept of a released workload, for somebody who wants it back.
  ///
  /// - Throws: that there is nothing to bring back, with the nearest spelling.
  public func released(_ name: WorkloadName) throws(OperatorError) -> ReleasedRecord {
    func conflict(_ reason: String, _ remedy: String) -> OperatorError {
      OperatorError(.conflict, thing: "workload \(name)", reason: reason, remedy: remedy)
    }
    if intents[name]?.value.desired == .unprotected {
      throw conflict("it is still leaving protection", "Repeat the command when it has: `holdfast events --workload \(name)`.")
    }
    if specs[name] != nil || intents[name] != nil || unreadable[.spec(name)] != nil {
      throw conflict("it is under protection", "`holdfast workload \(name)` shows it.")
    }
    if let flaw = unreadable[.released(name)] {
      throw conflict("what is kept of it cannot be read (\(flaw))", "Run the command on a node with the newest build.")
    }
    guard let kept = self.released[name]?.value else {
      let meant = nearestSpelling(to: name.text, among: self.released.keys.map(\.text)).map { "Did you mean \($0)? " } ?? ""
      throw OperatorError(
        .unknown, thing: "workload \(name)",
        reason: "no workload of this name was released in the last \(ReleasedRecord.days) days",
        remedy: "\(meant)`holdfast release --list` shows what can be brought back.")
    }
    return kept
  }
}

extension OperatorCommand {
  /// - Parameter adoption: of its domain, where it still runs on the node that was asked; nil: it does not run there.
  func prepareRestoration(
    _ name: WorkloadName, _ adoption: Adoption?, in view: ClusterView
  ) throws(OperatorError) -> PreparedCommand {
    let kept = try view.released(name)
    var prepared = if let adoption { try adoption.prepare(in: view) } else { try anew(name, kept, in: view) }
    prepared.transaction?.conditions.append(view.asSeen(.released(name), view.released[name]))
    prepared.transaction?.writes.append(.delete(.released(name)))
    prepared.news = prepared.news.map { "is brought back: it \($0)" }
    return prepared
  }

  /// It runs nowhere that anybody knows of: it is defined as it was.
  private func anew(_ name: WorkloadName, _ kept: ReleasedRecord, in view: ClusterView) throws(OperatorError) -> PreparedCommand
  {
    let spec = kept.spec
    if let node = view.unmanagedDomains[spec.uuid] {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "it still runs on \(node), outside protection",
        remedy: "Run `holdfast release --undo \(name)` on \(node): it is adopted there while it runs.")
    }
    let left = view.claims[name]?.value.releasedTo
    if let node = left?.node, left?.uuid == spec.uuid, view.session(of: node) == nil {
      throw OperatorError(
        .conflict, thing: "workload \(name)",
        reason: "it ran outside protection on \(node), which is down and may still run it",
        remedy:
          "Repeat the command when \(node) is back. If it runs nowhere for certain, apply its definition: `holdfast apply -f FILE`."
      )
    }
    if let node = left?.node, left?.uuid == spec.uuid, let silence = view.reports[node]?.value.unreachable[spec.connection] {
      throw OperatorError(
        .conflict, thing: "workload \(name)",
        reason:
          "it ran outside protection on \(node), which does not reach \(spec.connection) (\(silence)) and may still run it",
        remedy:
          "Repeat the command when \(node) reaches it. If it runs nowhere for certain, apply its definition: `holdfast apply -f FILE`."
      )
    }
    var prepared = try prepareDefinition(name, spec, in: view)
    if kept.desired == .stopped {
      prepared.text = "is defined again, and stays stopped until `holdfast start \(name)`"
      prepared.transaction?.writes.removeAll { $0.key == .intent(name) }
      prepared.transaction?.writes.append(.put(.intent(name), .intent(IntentRecord(desired: .stopped))))
    }
    if let lag = Self.lag(behind: kept.newerDisks) {
      prepared.text += "; that is refused as long as \(lag)"
      // The transaction depends on the claim as it was seen: no node holds it, and the right to run it stays as it was.
      prepared.transaction?.writes.append(.put(.claim(name), .claim(kept.claim(after: view.claims[name]?.value))))
    }
    return prepared
  }
}

extension ReleasedRecord {
  /// The claim with which it comes back: no node starts it from an older disk than it last ran on.
  ///
  /// - Parameter present: what its release has left of its claim; nil: nothing, as where somebody deleted it.
  fileprivate func claim(after present: ClaimRecord?) -> ClaimRecord {
    let left = ClaimRecord.ReleasedTo(node: nil, connection: spec.connection, uuid: spec.uuid)
    var claim = present ?? ClaimRecord(epoch: .none, holder: nil, releasedTo: left)
    claim.newerDisks = newerDisks
    return claim
  }

  /// Sentences for whoever brings it back: what is left of it where it ran outside protection.
  ///
  /// - Parameters:
  ///   - node: the one that is asked.
  ///   - now: what that node sees now of definitions that are left; nil: it was not asked.
  public func warnings(
    _ name: WorkloadName, on node: NodeName, now: [LeftoverDefinition]?, in view: ClusterView
  ) -> [String] {
    guard let left = view.claims[name]?.value.releasedTo, let last = left.node, left.uuid == spec.uuid else { return [] }
    let virsh = "virsh -c \(spec.connection)", removal = LeftoverDefinition.undefinition(of: name.text, spec.connection)
    guard last == node, let now else {
      return [
        "it ran outside protection on \(last), where a persistent definition of it may be left, and then it does not start there. That "
          + "definition names the disks on which it last ran: compare them (`\(virsh) dumpxml --inactive \(name)`) with those of "
          + "`holdfast workload \(name) --xml`, and only where they are the same remove it there with `\(removal)`"
      ]
    }
    guard let leftover = now.first(where: { $0.workload == name && $0.isSame }) else { return [] }
    let others = leftover.otherDisks(than: spec.xml)
    if others.isEmpty {
      return [
        "it ran outside protection on \(last), where a persistent definition of it is left, so it does not start there: `\(removal)`"
      ]
    }
    return [
      "it ran outside protection on \(last), where a persistent definition of it is left that names other disks than the one that is "
        + "brought back: \(LeftoverDefinition.words(others)). Keep it until you know which hold. To run on those, name them in the "
        + "workload's definition (`holdfast workload \(name) --xml`, `holdfast apply`), then remove it there: `\(removal)`"
    ]
  }
}
