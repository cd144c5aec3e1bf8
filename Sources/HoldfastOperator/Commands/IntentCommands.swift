import HoldfastModel
import HoldfastPlanning

extension OperatorCommand {
  func prepareRelease(_ name: WorkloadName, at time: Int64?, in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    let current = try Current(name, in: view)
    if current.intent.desired == .unprotected {
      return PreparedCommand(name, .unchanged, "is leaving protection already")
    }
    if let migration = view.claims[name]?.value.migration, let source = view.holder(of: name) {
      throw .isMigrating(name, from: source, to: migration.target.node)
    }
    if current.spec.isOfHost, let holder = view.holder(of: name) {
      throw OperatorError(
        .conflict, thing: "workload \(name)",
        reason: "it runs on \(holder), and nobody but Holdfast would know how to stop its parts",
        remedy: "Stop it first: `holdfast stop \(name) --wait`, then release it.")
    }
    let kept = current.kept(at: time, view.claims[name]?.value)
    let remedy = kept == nil ? "" : "; `holdfast release --undo \(name)` brings it back for \(ReleasedRecord.days) days"
    let text =
      if let holder = view.holder(of: name) {
        switch view.claims[name]?.value.activity {
        case .running: "leaves protection: it keeps running on \(holder), where its definition becomes persistent"
        case .stopping: "leaves protection: \(holder) is stopping it, and its definition is deleted when it has stopped"
        case .starting, nil:
          "leaves protection: \(holder) is starting it; if it has started by then it keeps running there, where its definition becomes persistent, "
            + "else its definition is deleted"
        case .unclear:
          "leaves protection: \(holder) cannot tell how it is; if it runs there it keeps running, and its definition becomes persistent there, else "
            + "its definition is deleted"
        }
      } else {
        "is not running: its definition is deleted"
      }
    var prepared = current.request(text + remedy) {
      $0.desired = .unprotected
      $0.errand = nil
    }
    prepared.news =
      view.holder(of: name).map { holder in
        switch view.claims[name]?.value.activity {
        case .running, .unclear: "is released while it runs on \(holder)"
        case .stopping: "is released while \(holder) stops it"
        case .starting, nil: "is released while \(holder) starts it"
        }
      } ?? "is released while it runs nowhere: its definition is deleted"
    // No migration may begin meanwhile: nobody would let go on what arrives of a workload that has left protection.
    prepared.transaction?.conditions.append(view.asSeen(.claim(name), view.claims[name]))
    if let kept { prepared.transaction?.writes.append(.put(.released(name), .released(kept))) }
    return prepared
  }

  func prepareStart(_ name: WorkloadName, in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    let current = try Current(name, in: view)
    try current.refuseUnprotected()
    var clearing = ClusterTransaction(if: [], write: [])
    let hadFailed = clearFailures(of: name, in: view, with: &clearing)
    if current.intent.desired == .running, !hadFailed, view.intents[name] != nil {
      let isRunning = view.holder(of: name) != nil && view.claims[name]?.value.activity == .running
      return PreparedCommand(name, .unchanged, isRunning ? "runs already" : "was started already, and does not run yet")
    }
    let refusal = lag(of: name, in: view).map { "; that is refused as long as \($0)" } ?? ""
    var prepared = current.request("is started\(hadFailed ? "; its failed starts are cleared" : "")\(refusal)") {
      // That it was to be stopped at once is over.
      if $0.desired == .stopped { $0.errand = nil }
      $0.desired = .running
    }
    prepared.news = "is to run"
    prepared.transaction?.conditions += clearing.conditions
    prepared.transaction?.writes += clearing.writes
    return prepared
  }

  /// Has the nodes where the workload failed to start tried again, when nobody holds it.
  ///
  /// - Returns: whether there were any.
  func clearFailures(of name: WorkloadName, in view: ClusterView, with transaction: inout ClusterTransaction) -> Bool {
    guard let failed = view.claims[name], !view.isHeld(failed.value), !failed.value.failures.isEmpty else { return false }
    var claim = failed.value
    claim.failures = [:]
    // No node holds the claim, and only the failures change: the right to run it stays as it was.
    transaction.conditions.append(.unchanged(.claim(name), modified: failed.modified))
    transaction.writes.append(.put(.claim(name), .claim(claim)))
    return true
  }

  func prepareStop(_ name: WorkloadName, atOnce: Bool, in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    let current = try Current(name, in: view), holder = view.holder(of: name)
    try current.refuseUnprotected()
    let isStopping = current.intent.desired == .stopped
    if isStopping, !atOnce || holder == nil || current.intent.errand == .reset {
      let how = atOnce ? " at once" : ""
      return PreparedCommand(name, .unchanged, holder.map { "is being stopped on \($0)\(how) already" } ?? "is stopped already")
    }
    let way = atOnce ? "without a shutdown" : "(destroyed after \(InWords.number(current.spec.stopTimeout)) s)"
    let text =
      holder.map { "is \(atOnce ? "destroyed" : "shut down") on \($0) \(way) and stays down" }
      ?? "is not running and will not be started"
    let start = lag(of: name, in: view).map { "; it is not started again as long as \($0)" } ?? ""
    var prepared = current.request(text + start) {
      $0.desired = .stopped
      // Its node ends it at once, as for a reset, and nothing starts it again.
      $0.errand = atOnce && holder != nil ? .reset : nil
    }
    prepared.news = atOnce ? "is to be stopped at once" : "is to be stopped"
    return prepared
  }

  /// A clause: how its definition lags behind its disks, as far as is known; nil: it does not.
  func lag(of name: WorkloadName, in view: ClusterView) -> String? { Self.lag(behind: view.claims[name]?.value.newerDisks) }

  static func lag(behind newer: [String: OtherDisk]?) -> String? {
    guard let newer, !newer.isEmpty else { return nil }
    let disks = newer.sorted { $0.key < $1.key }.map {
      "\($0.value.stored) for disk \($0.key), which last ran on \($0.value.running)"
    }
    return "its definition names \(InWords.list(disks, most: 2))"
  }

  func prepareMove(_ name: WorkloadName, to node: NodeName, in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    let current = try Current(name, in: view)
    try current.refuseUnprotected()
    guard current.intent.desired == .running else {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "it is stopped, so there is nothing to move",
        remedy: "The planner chooses its node when it is started: `holdfast start \(name)`.")
    }
    try checkTarget(node, for: current, in: view)

    let placement = view.placements[name]?.value
    if let pending = current.intent.move, pending.serial > placement?.servedMove ?? 0, pending.to == node {
      return PreparedCommand(name, .unchanged, "was asked to move to \(node) already", moveSerial: pending.serial)
    }
    let isPending = current.intent.move.map { $0.serial > placement?.servedMove ?? 0 } ?? false
    let holder = view.holder(of: name)
    // Where nobody asked for it to be there, something may still bring it back to another node: the move says that it stays.
    if placement?.node == node, placement?.cause == .operatorsMove, holder == nil || holder == node, !isPending {
      return PreparedCommand(name, .unchanged, "is on \(node) already", moveSerial: placement?.servedMove)
    }
    let serial = max(current.intent.move?.serial ?? 0, placement?.servedMove ?? 0) + 1
    let how = holder.map { moveWords(name, current.spec, from: $0, to: node, in: view) } ?? "is started on \(node)"
    var prepared = current.request(how) { $0.move = IntentRecord.Move(to: node, serial: serial) }
    prepared.moveSerial = serial
    prepared.news = holder == node ? "is to stay on \(node)" : "is to move to \(node)"
    return prepared
  }

  private func moveWords(
    _ name: WorkloadName, _ spec: SpecRecord, from holder: NodeName, to node: NodeName, in view: ClusterView
  ) -> String {
    if holder == node { return "stays on \(node), and does not leave it by itself" }
    guard view.migrationURI(of: node, for: spec.connection) != nil else {
      return "is stopped on \(holder) and started on \(node)"
    }
    // What its policy says is not looked at.
    guard let obstacle = view.liveObstacle(of: name, spec, to: node, Evacuation()), let why = MoveMethod(.restart, obstacle).why
    else {
      return
        "is moved live from \(holder) to \(node), or stopped and started there if its policy or libvirt does not allow a live migration"
    }
    let exception = if case .ownDisk = obstacle { "'copy-storage: yes', or that it stays" } else { "that it stays" }
    return "is probably stopped on \(holder) and started on \(node), unless its policy says \(exception): \(why)"
  }

  func prepareLeftovers(_ name: WorkloadName, remove isWanted: Bool, in view: ClusterView) throws(OperatorError)
    -> PreparedCommand
  {
    let current = try Current(name, in: view)
    if current.intent.desired == .unprotected { throw .leavesProtection(name) }
    let removable = (view.leftovers(of: name)[name] ?? []).filter(\.isRemovable), nodes = removable.map(\.node)
    let isAgreed = current.intent.removesLeftovers == true
    guard isWanted else {
      guard isAgreed else { return PreparedCommand(name, .unchanged, "keeps what is defined beside it on nodes already") }
      var prepared = current.request("keeps what is defined beside it on nodes from now on") { $0.removesLeftovers = nil }
      prepared.news = "keeps definitions that are left on nodes"
      return prepared
    }
    let found =
      nodes.isEmpty
      ? "no shut-off definition of it is known; one that a node finds is removed"
      : "its shut-off definition on \(InWords.list(nodes, most: 4)) is removed, and so is one that a node finds later"
        + (removable.first { $0.otherDisks != nil }.map { "; on \($0.node) \($0.text)" } ?? "")
    if isAgreed { return PreparedCommand(name, .unchanged, "\(found), as was asked for already") }
    var prepared = current.request(found) { $0.removesLeftovers = true }
    prepared.news = "is to have definitions removed that are left on nodes"
    return prepared
  }

  private func checkTarget(_ node: NodeName, for current: Current, in view: ClusterView) throws(OperatorError) {
    guard view.knownNodes.contains(node) else {
      throw .unknownNode(node, in: view)
    }
    guard let session = view.session(of: node)?.record.value else {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "it is down: it has no session",
        remedy: "Start its holdfastd, or choose another node: `holdfast nodes`.")
    }
    if session.phase == .leaving {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "it is handing over what it runs",
        remedy: "Choose another node: `holdfast nodes`.")
    }
    if view.maintenance[node]?.value.phase == .empty {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "it is in maintenance, so nothing is placed there",
        remedy: "Choose another node: `holdfast nodes`; or end the maintenance first: `holdfast maintenance exit \(node)`.")
    }
    if let record = view.nodes[node]?.value, !record.connections.contains(current.spec.connection) {
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "it does not serve \(current.spec.connection), which \(current.name) needs",
        remedy: "Choose a node that does: `holdfast nodes`.")
    }
  }
}

extension ClusterView {
  /// Its node is stopping it, so that it starts elsewhere or anew, or stays down.
  func isShuttingDown(_ name: WorkloadName) -> Bool {
    claims[name].map { $0.value.activity == .stopping && $0.value.migration == nil } ?? false
  }
}

/// A workload's present records, for commands that change its intent.
struct Current {
  let name: WorkloadName
  let spec: SpecRecord
  let intent: IntentRecord
  private let guards: [Condition<RecordKey>]

  init(_ name: WorkloadName, in view: ClusterView) throws(OperatorError) {
    guard let spec = view.specs[name] else {
      throw .unknownWorkload(name, in: view)
    }
    self.name = name
    self.spec = spec.value
    intent = view.intents[name]?.value ?? IntentRecord(desired: .running)
    guards = [
      .stands(.spec(name), created: spec.created), view.asSeen(.intent(name), view.intents[name])
    ]
  }

  func refuseUnprotected() throws(OperatorError) {
    if intent.desired == .adopting { throw .isBeingAdopted(name, on: intent.adopter) }
    guard intent.desired == .unprotected else { return }
    throw .leavesProtection(name)
  }

  /// What is kept of it when it is released; nil where it was only about to come under protection: nothing was made of it yet.
  ///
  /// - Parameter claim: tells which newer disks than its definition names it last ran on.
  func kept(at time: Int64?, _ claim: ClaimRecord?) -> ReleasedRecord? {
    guard let time, intent.desired == .running || intent.desired == .stopped else { return nil }
    return ReleasedRecord(spec: spec, desired: intent.desired, time: time, newerDisks: claim?.newerDisks)
  }

  /// The node that runs it and is to go on running it, for a command about what runs.
  ///
  /// - Parameter what: what is to be done with it, such as `restart`.
  /// - Throws: that it does not run, or is about to go elsewhere.
  func running(to what: String, in view: ClusterView) throws(OperatorError) -> NodeName {
    try refuseUnprotected()
    guard intent.desired == .running else {
      guard let holder = view.holder(of: name) else {
        throw OperatorError(
          .conflict, thing: "workload \(name)", reason: "it is stopped, so there is nothing to \(what)",
          remedy: "`holdfast start \(name)` starts it.")
      }
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "it is being stopped on \(holder), as was asked, and stays down",
        remedy: "`holdfast stop \(name) --now` ends it at once; `holdfast start \(name)` starts it again.")
    }
    guard let holder = view.holder(of: name) else {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "no node runs it, so there is nothing to \(what)",
        remedy:
          "`holdfast workload \(name)` says why; `holdfast start \(name)` has the nodes tried again where it failed to start.")
    }
    // What is to leave and is paused goes on first, as paused it cannot be moved; and a shutdown on its way out can be cut short.
    let isFreeToGo =
      what == IntentRecord.Errand.resume.rawValue
      || what == IntentRecord.Errand.reset.rawValue && view.isShuttingDown(name)
    guard view.placements[name]?.value.node == holder || isFreeToGo else {
      let goal = view.placements[name]?.value.node.map { " for \($0)" } ?? ""
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "it is to leave \(holder)\(goal)",
        remedy: "Repeat the command when it has: `holdfast workload \(name)` shows its progress.")
    }
    return holder
  }

  func request(_ text: String, _ change: (inout IntentRecord) -> Void) -> PreparedCommand {
    var wanted = intent
    change(&wanted)
    return PreparedCommand(
      name, .requested, text,
      transaction: ClusterTransaction(if: guards, write: [.put(.intent(name), .intent(wanted))]))
  }
}
