import HoldfastModel
import HostParts

extension OperatorCommand {
  func prepareDefinition(
    _ name: WorkloadName, _ spec: SpecRecord, in view: ClusterView
  ) throws(OperatorError) -> PreparedCommand {
    try spec.check(for: name)
    try checkConnection(spec.connection, of: name, in: view)
    try refuseTwin(of: name, spec, in: view)
    guard let present = view.specs[name] else {
      var conditions: [Condition<RecordKey>] = [.absent(.spec(name)), view.asSeen(.intent(name), view.intents[name])]
      if let holder = view.holder(of: name) {
        throw OperatorError(
          .conflict, thing: "workload \(name)", reason: "\(holder) still holds it from before it left protection",
          remedy: "Repeat it when \(holder) has let go of it: `holdfast events --workload \(name)` shows that.")
      }
      if let node = view.unmanagedDomains[spec.uuid] {
        throw OperatorError(
          .conflict, thing: "workload \(name)",
          reason: "a domain with its UUID \(spec.uuid) runs on \(node) outside protection",
          remedy: "On \(node), `virsh -c \(spec.connection) domname \(spec.uuid)` tells its name. Adopt it there "
            + "(`holdfast adopt \(spec.connection)/NAME`), or shut it down.")
      }
      // A claim that appears in between would be another's start under this name.
      conditions.append(view.asSeen(.claim(name), view.claims[name]))
      return PreparedCommand(
        name, .created, "is created; the planner places it and a node starts it",
        transaction: ClusterTransaction(
          if: conditions,
          write: [.put(.spec(name), .spec(spec)), .put(.intent(name), .intent(IntentRecord(desired: .running)))]),
        news: "is defined")
    }

    if let intent = view.intents[name]?.value, intent.desired == .adopting { throw .isBeingAdopted(name, on: intent.adopter) }
    if view.intents[name]?.value.desired == .unprotected { throw .leavesProtection(name) }
    let fields = spec.differences(from: present.value)
    if fields.isEmpty { return PreparedCommand(name, .unchanged, "is as defined already") }
    // Whoever held it last, gone or not, may still have it.
    if let holder = view.claims[name]?.value.holder?.node, fields.contains("uuid") || fields.contains("connection") {
      let fixed = fields.filter { $0 == "uuid" || $0 == "connection" }.joined(separator: " and ")
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "its \(fixed) cannot change while \(holder) holds it",
        remedy: view.holder(of: name) == nil
          ? "\(holder) is down and may still run it. Repeat it when \(holder) is back, or when `holdfast workload \(name)` says that another "
            + "node has taken it over and stopped it."
          : "Stop it first: `holdfast stop \(name) --wait`, apply, then `holdfast start \(name)`.")
    }
    let what = spec.isOfHost ? "its new parts hold" : "the new XML holds"
    let restart = fields.contains("xml") && view.holder(of: name) != nil ? "; \(what) from its next start" : ""
    var transaction = ClusterTransaction(
      if: [.unchanged(.spec(name), modified: present.modified)],
      write: [.put(.spec(name), .spec(spec.following(name, in: view)))])
    // What is corrected is tried at once, also where it failed to start before.
    let isTriedAgain = clearFailures(of: name, in: view, with: &transaction)
    // The claim too, where something depends on nobody holding it.
    if !isTriedAgain, fields.contains("uuid") || fields.contains("connection") {
      transaction.conditions.append(view.asSeen(.claim(name), view.claims[name]))
    }
    let changes = fields.map { $0 == "xml" && spec.isOfHost ? "parts" : $0 }.joined(separator: ", ")
    return PreparedCommand(
      name, .changed(fields), "changes \(changes)\(restart)\(isTriedAgain ? "; its failed starts are cleared" : "")",
      transaction: transaction, news: "has a changed definition: \(changes)")
  }

  private func checkConnection(_ connection: String, of name: WorkloadName, in view: ClusterView) throws(OperatorError) {
    let served = Set(view.nodes.values.flatMap(\.value.connections))
    // Nothing is known before the first node has reported.
    guard !served.isEmpty, !served.contains(connection) else { return }
    let meant = nearestSpelling(to: connection, among: served).map { "Did you mean \($0)? " } ?? ""
    throw OperatorError(
      .invalid, thing: "workload \(name)", reason: "no node serves the connection \(connection)",
      remedy: "\(meant)Connections that are served: \(served.sorted().joined(separator: ", ")).")
  }
}

/// Two workloads that would be one domain for libvirt are refused, whoever else holds the UUID or name.
func refuseTwin(of name: WorkloadName, _ spec: SpecRecord, in view: ClusterView) throws(OperatorError) {
  let twin = view.specs.filter { $0.key != name && $0.value.value.isTwin(of: spec) }.keys.min()
  guard let twin else { return }
  throw OperatorError(
    .conflict, thing: "workload \(name)", reason: "the workload \(twin) has the same UUID \(spec.uuid) on \(spec.connection)",
    remedy: "Give one of them another <uuid>; libvirt cannot run both on one node.")
}

/// Checks definitions that come together against each other, before any of them is applied.
///
/// - Throws: the first name that stands there twice, or UUID that two of them share on one connection.
public func checkTogether(_ definitions: [(name: WorkloadName, spec: SpecRecord)]) throws(OperatorError) {
  var names: Set<WorkloadName> = []
  var domains: [DomainID: WorkloadName] = [:]
  for (name, spec) in definitions {
    guard names.insert(name).inserted else {
      throw OperatorError(
        .invalid, thing: "workload \(name)", reason: "it is defined twice", remedy: "Remove one of the two definitions.")
    }
    // The UUID in the place of the name: both tell domains of one connection apart.
    let identity = DomainID(connection: spec.connection, name: spec.uuid)
    if let other = domains.updateValue(name, forKey: identity) {
      throw OperatorError(
        .invalid, thing: "workload \(name)",
        reason: "the workload \(other) has the same UUID \(spec.uuid) on \(spec.connection)",
        remedy: "Give one of them another <uuid>; libvirt cannot run both on one node.")
    }
  }
}

extension SpecRecord {
  func isTwin(of other: SpecRecord) -> Bool { connection == other.connection && uuid == other.uuid }

  /// The fields that differ, by the names that files and the API use.
  func differences(from old: SpecRecord) -> [String] {
    var fields: [String] = []
    if connection != old.connection { fields.append("connection") }
    if uuid != old.uuid { fields.append("uuid") }
    if xml != old.xml { fields.append("xml") }
    // With another XML it is a part of that change.
    if xml == old.xml, underneath != old.underneath { fields.append("underneath") }
    if demand.memory != old.demand.memory { fields.append("demand.memory") }
    if demand.cpus != old.demand.cpus { fields.append("demand.cpus") }
    if labels != old.labels { fields.append("labels") }
    if priority != old.priority { fields.append("priority") }
    if isolation != old.isolation { fields.append("isolation") }
    if stopTimeout != old.stopTimeout { fields.append("stopTimeout") }
    if shared != old.shared { fields.append("shared") }
    if checks != old.checks { fields.append("checks") }
    if addresses != old.addresses { fields.append("addresses") }
    return fields
  }

  /// Checks everything but what the XML says: that was read where the definition came in, or is libvirt's own.
  ///
  /// - Throws: the first value that no workload can have.
  public func check(for name: WorkloadName) throws(OperatorError) {
    func invalid(_ reason: String, _ remedy: String) -> OperatorError {
      OperatorError(.invalid, thing: "workload \(name)", reason: reason, remedy: remedy)
    }
    guard WorkloadName.isValid(name.text) else {
      throw invalid(
        "this cannot be a workload's name", "Use at most 63 letters, digits, '.', '_' and '-', starting with a letter or digit."
      )
    }
    guard connection.contains("://") else {
      throw invalid(
        "the connection '\(connection)' is not a libvirt URI", "Use lxc:///system, qemu:///system or host:///system.")
    }
    guard NameUUID.normalized(uuid) == uuid else {
      throw invalid("'\(uuid)' is not a UUID", "Leave it out, or write it as 8-4-4-4-12 hexadecimal digits.")
    }
    guard xml.utf8.count <= Self.greatestXML else {
      throw invalid(
        "its XML has \(xml.utf8.count) bytes", "Domain XML of more than \(Self.greatestXML) bytes does not fit the store.")
    }
    if isOfHost {
      let definition: HostDefinition
      do { definition = try HostDefinition(xml) } catch { throw invalid(error.reason, error.remedy) }
      guard !definition.isMasked else {
        throw invalid(
          "a password in its parts is the mask \(DomainSecrets.mask)",
          "Take them from `holdfast export`, or write the password.")
      }
    }
    guard !DomainSecrets.areMasked(in: xml) else {
      throw invalid(
        "a password in its XML is the mask \(DomainSecrets.mask)",
        "Take the XML from `holdfast workload \(name) --xml --secrets`, or write the password.")
    }
    guard demand.memory > 0 else {
      throw invalid("its memory is \(demand.memory) MiB", "Say in MiB what it needs: without it the planner cannot place it.")
    }
    guard demand.cpus.isFinite, demand.cpus >= 0 else {
      throw invalid("its processors are \(demand.cpus)", "Use a number such as 0.5 or 2.")
    }
    guard stopTimeout.isFinite, Self.stopTimeouts.contains(stopTimeout) else {
      throw invalid(
        "its stop timeout is \(stopTimeout) s", "Use seconds between 0 and \(InWords.number(Self.stopTimeouts.upperBound)).")
    }
    let names = shared ?? []
    guard names.count <= Self.mostShared, names.allSatisfy({ (1...Self.greatestSharedName).contains($0.utf8.count) }) else {
      throw invalid(
        "it shares too much, or something whose name is too long",
        "Name at most \(Self.mostShared) disks, directories and addresses, each as the refusal names it.")
    }
    if let flaw = HealthCheck.flaw(of: checks ?? []) { throw invalid(flaw, "Correct it: Docs/checks.md has the bounds.") }
    for check in checks ?? [] {
      guard let misfit = check.probe.misfit(on: connection) else { continue }
      throw invalid("its check \(check.name) \(misfit.reason)", misfit.remedy)
    }
    if let flaw = WorkloadAddress.flaw(of: addresses ?? []) { throw invalid(flaw.clause, flaw.remedy) }
  }
}

/// Refuses to define a new workload whose domain runs on this node outside protection: to the cluster it would be a copy that nobody
/// may run, and it would be stopped.
///
/// - Parameter domains: this node's active domains.
public func refuseRunning(
  _ name: WorkloadName, _ spec: SpecRecord, among domains: [DomainObservation], in view: ClusterView
) throws(OperatorError) {
  guard view.specs[name] == nil else { return }
  // What another workload is, is not outside protection: that the two have one UUID is told elsewhere.
  let running = domains.first { domain in
    domain.id.connection == spec.connection && (domain.uuid == spec.uuid || domain.id.name == name.text)
      && !view.specs.values.contains { $0.value.connection == domain.id.connection && $0.value.uuid == domain.uuid }
  }
  guard let running else { return }
  throw OperatorError(
    .conflict, thing: "workload \(name)", reason: "the domain \(running.id) runs on this node outside protection",
    remedy: "Protect it while it runs with `holdfast adopt \(running.id)`, or shut it down first.")
}
