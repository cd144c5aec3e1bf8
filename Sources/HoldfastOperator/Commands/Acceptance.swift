import HoldfastModel

/// What is needed to take the XML of a protected domain, as it runs, over as its stored definition.
public struct Acceptance: Hashable, Sendable {
  public var workload: WorkloadName
  /// The node that is asked.
  public var node: NodeName
  /// What runs there.
  public var domain: DomainObservation
  /// From which it can be started elsewhere.
  public var xml: String
  /// What lies under its disks, as in `DomainHardware.underneath`.
  public var underneath: [String: [String]]
  /// The two compared; nil: not known.
  public var stored: DomainHardware?
  public var running: DomainHardware?

  public init(
    workload: WorkloadName, node: NodeName, domain: DomainObservation, xml: String,
    underneath: [String: [String]] = [:], stored: DomainHardware?, running: DomainHardware?
  ) {
    self.workload = workload
    self.node = node
    self.domain = domain
    self.xml = xml
    self.underneath = underneath
    self.stored = stored
    self.running = running
  }

  /// The definition as it would be: what its operator says of it besides the XML stays.
  public func spec(from present: SpecRecord) -> SpecRecord {
    var spec = present
    spec.xml = xml
    spec.takenFrom = domain.mark?.definition
    spec.runsWith = nil
    spec.setUnderneath(underneath)
    guard let stored, let running else { return spec }
    // A demand that is what the domain had is to be what it has.
    if present.demand.memory == stored.memory, running.memory > 0 { spec.demand.memory = running.memory }
    if let before = Double(stored.processors), let now = Double(running.processors), present.demand.cpus == before {
      spec.demand.cpus = now
    }
    return spec
  }

  func prepare(in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    guard let present = view.specs[workload] else { throw .unknownWorkload(workload, in: view) }
    try check(present.value, in: view)
    let spec = spec(from: present.value)
    try spec.check(for: workload)
    guard spec.xml != present.value.xml || spec.underneath != present.value.underneath else {
      return PreparedCommand(workload, .unchanged, "is defined as it runs already")
    }
    let differences = stored.flatMap { stored in running.map { DomainHardware.differences(stored: stored, running: $0) } } ?? []
    let same =
      spec.xml == present.value.xml
      ? "only what lies under its disks was known otherwise" : "its disks, network cards and sizes stay as they are defined"
    let what = differences.isEmpty ? same : InWords.list(differences.map(\.text), most: 4)
    return PreparedCommand(
      workload, .changed(spec.differences(from: present.value)),
      "is defined as it runs on \(node): \(what). It runs on, and starts like that from now on",
      transaction: ClusterTransaction(
        if: [
          .unchanged(.spec(workload), modified: present.modified), view.asSeen(.intent(workload), view.intents[workload]),
          view.asSeen(.claim(workload), view.claims[workload])
        ],
        write: [.put(.spec(workload), .spec(spec))]),
      news: "has what runs on \(node) as its definition now: \(what)")
  }

  private func check(_ spec: SpecRecord, in view: ClusterView) throws(OperatorError) {
    let thing = "workload \(workload)"
    if let intent = view.intents[workload]?.value {
      if intent.desired == .adopting { throw .isBeingAdopted(workload, on: intent.adopter) }
      if intent.desired == .unprotected { throw .leavesProtection(workload) }
    }
    guard let holder = view.holder(of: workload) else { throw .runsNowhere(workload) }
    guard holder == node else { throw .runsElsewhere(workload, on: holder) }
    guard domain.uuid == spec.uuid, domain.mark?.workload == workload.text else {
      throw OperatorError(
        .conflict, thing: thing, reason: "the domain \(domain.id) here is not the one that the claim is for",
        remedy: "`holdfast workload \(workload)` shows what runs where.")
    }
    guard domain.state == .running || domain.state == .paused else {
      throw OperatorError(
        .conflict, thing: thing, reason: "its domain is \(domain.state.rawValue)",
        remedy: "Repeat it when `holdfast workload \(workload)` says that it runs.")
    }
    // libvirt would describe that one, and not what runs.
    guard !domain.persistent else {
      throw OperatorError(
        .conflict, thing: thing, reason: "libvirt has another definition of it on \(node) besides, which is being removed",
        remedy: "Repeat it in a moment.")
    }
    if let migration = view.claims[workload]?.value.migration {
      throw .isMigrating(workload, from: node, to: migration.target.node)
    }
  }
}

extension OperatorError {
  public static func runsElsewhere(_ name: WorkloadName, on holder: NodeName) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)", reason: "it runs on \(holder), and only that node can read what runs",
      remedy: "On \(holder): `holdfast accept \(name) --running`.")
  }

  public static func runsNowhere(_ name: WorkloadName) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)", reason: "no node holds it, so there is nothing that runs",
      remedy:
        "Name the right disks in its definition (`holdfast workload \(name) --xml`, `holdfast apply`), or let it start as it is "
        + "defined: `holdfast accept \(name) --stored`.")
  }
}

extension OperatorCommand {
  /// It may be started from its definition, although it last ran on newer disks than that names.
  func prepareAcceptStored(_ name: WorkloadName, in view: ClusterView) throws(OperatorError) -> PreparedCommand {
    guard view.specs[name] != nil else { throw .unknownWorkload(name, in: view) }
    guard let claim = view.claims[name], let newer = claim.value.newerDisks, !newer.isEmpty else {
      return PreparedCommand(name, .unchanged, "is not known to have run on other disks than its definition names")
    }
    if view.isHeld(claim.value), let holder = claim.value.holder?.node {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "\(holder) holds it, and may run it on the newer disks",
        remedy:
          "Keep those with `holdfast accept \(name) --running` on \(holder), or stop it first: `holdfast stop \(name) --wait`.")
    }
    var record = claim.value
    record.newerDisks = nil
    record.failures = [:]
    let disks = newer.sorted { $0.key < $1.key }.map { "disk \($0.key) from \($0.value.stored), not \($0.value.running)" }
    let what = "is started as it is defined: \(InWords.list(disks, most: 3))"
    return PreparedCommand(
      name, .requested, "\(what). What was written to the newer disks since is not there",
      // No node holds the claim, and the right to run it stays as it was.
      transaction: ClusterTransaction(
        if: [.unchanged(.claim(name), modified: claim.modified)], write: [.put(.claim(name), .claim(record))]), news: what)
  }
}
