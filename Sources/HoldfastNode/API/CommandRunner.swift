import DomainXML
import HTTPTypes
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPorts
import HostParts

/// Carries an operator's commands out: prepares each on the cluster as it is known, commits it, and looks again when somebody was faster.
struct CommandRunner: Sendable {
  let access: any ClusterAccess
  let readings: Readings
  let isDryRun: Bool
  /// Who asks, for the history.
  var requester: Requester?

  /// Others may change the same records at the same time; a loser looks again this often.
  private static let attempts = 5
  /// Of many that come in one after the other each may be the faster.
  private static let attemptsAmongDefinitions = 40
  /// So often, and so long in between, it is waited for what another one defined.
  private static let looks = 40
  /// Between two such looks.
  private static let pause: Duration = .milliseconds(25)

  /// The cluster, and who has which disks, directories and addresses in it.
  private struct Known {
    var view: ClusterView
    var index: BelongingsIndex
  }

  func run(_ command: OperatorCommand) async throws(OperatorError) -> CommandResult {
    var view = await access.picture().view
    return try await run(command, in: &view)
  }

  /// Moves a workload, unless its rules forbid it, or have it stay: the planner would refuse it, or nothing would come of it, when nobody looks any more.
  func move(_ name: WorkloadName, to node: NodeName) async throws(OperatorError) -> CommandResult {
    let picture = await access.picture(), command = OperatorCommand.move(name, to: node)
    if try command.prepare(in: picture.view).transaction != nil,
      let refusal = OperatorError.forbiddenMove(of: name, to: node, in: picture.planning(), picture.planner)
        ?? .stayingMove(of: name, to: node, in: picture.view, picture.planner.policies)
    {
      throw refusal
    }
    var view = picture.view
    return try await run(command, in: &view)
  }

  /// Takes a workload out of protection; what it was is kept for a time.
  func release(_ name: WorkloadName) async throws(OperatorError) -> CommandResult {
    let picture = await access.picture()
    var view = picture.view
    return try await run(.release(name, at: picture.time), in: &view)
  }

  /// Brings a released workload back: adopted where it runs on this node, else defined as it was.
  func restore(_ name: WorkloadName) async throws(OperatorError) -> CommandResult {
    let picture = await access.picture()
    let kept = try picture.view.released(name)
    var known = await known(picture.view)
    let domain = picture.observations[DomainID(connection: kept.spec.connection, name: name.text)]
    guard let domain, domain.uuid == kept.spec.uuid else {
      var result = try await run(.restore(name, nil), kept.spec, DomainBelongings(of: kept.spec), in: &known)
      let leftovers = await leftovers(of: [ProtectedDomain(name, connection: kept.spec.connection, uuid: kept.spec.uuid)])
      result.warn(kept.warnings(name, on: access.node, now: leftovers, in: picture.view))
      return result
    }
    let options = Adoption.Options(
      demand: kept.spec.demand, labels: kept.spec.labels, priority: kept.spec.priority, isolation: kept.spec.isolation,
      stopTimeout: kept.spec.stopTimeout, shared: kept.spec.shared ?? [], checks: kept.spec.checks ?? [],
      addresses: kept.spec.addresses ?? [])
    let adoption = try await adoption(of: domain.id, in: picture, options)
    return try await run(.restore(name, adoption), adoption.spec, DomainBelongings(of: adoption.xml), in: &known)
  }

  /// - Parameter view: what is known; afterwards also what the command changed.
  private func run(_ command: OperatorCommand, in view: inout ClusterView) async throws(OperatorError) -> CommandResult {
    for _ in 0..<Self.attempts {
      let prepared = try command.prepare(in: view)
      if try await isDone(prepared, in: &view) { return CommandResult(prepared) }
    }
    throw Self.lost(command.workload, Self.attempts)
  }

  /// The same for a command that lets a definition in. It is refused what another workload has, whoever of two is the faster.
  ///
  /// - Parameters:
  ///   - spec: the workload as it would be.
  ///   - belongings: what its XML names.
  ///   - known: what is known; afterwards also what the command changed, or would change.
  private func run(
    _ command: OperatorCommand, _ spec: SpecRecord, _ belongings: DomainBelongings, in known: inout Known
  ) async throws(OperatorError) -> CommandResult {
    for _ in 0..<Self.attemptsAmongDefinitions {
      var prepared = try command.prepare(in: known.view)
      if prepared.changesBelongings {
        try known.index.refuse(command.workload, spec, belongings)
        prepared.excludeOtherDefinitions(in: known.view)
      }
      let before = known.view.definitions?.modified
      if try await isDone(prepared, in: &known.view) {
        known.index.put(command.workload, spec, belongings.with(known.view.disksInUse(by: command.workload)))
        return CommandResult(prepared)
      }
      if known.view.definitions?.modified != before { try await lookAgain(&known) }
    }
    throw Self.lost(command.workload, Self.attemptsAmongDefinitions)
  }

  private func known(_ view: ClusterView) async -> Known { Known(view: view, index: await readings.belongings(in: view)) }

  /// Another definition came first: what it has is in the mirror as soon as the record about it is.
  private func lookAgain(_ known: inout Known) async throws(OperatorError) {
    let newest = known.view.definitions?.modified ?? .zero
    for _ in 0..<Self.looks {
      let view = await access.picture().view
      if view.definitions?.modified ?? .zero >= newest {
        known = await self.known(view)
        return
      }
      try? await Task.sleep(for: Self.pause)
    }
    throw OperatorError(
      .unavailable, thing: "node \(access.node)", reason: "another definition came first, and it has not read that yet",
      remedy: "Repeat the command in a moment; `holdfast status` shows whether the store answers.")
  }

  /// - Returns: false when somebody was faster with a record: `view` has it then.
  private func isDone(_ prepared: PreparedCommand, in view: inout ClusterView) async throws(OperatorError) -> Bool {
    guard let transaction = prepared.transaction, !isDryRun else { return true }
    let name = prepared.workload
    let note = prepared.note(askedBy: requester?.description ?? "somebody unknown", files: requester?.files)
    switch try await access.commit(
      transaction, for: "workload \(name)", look: "holdfast workload \(name)", telling: note)
    {
    case .committed(let revision):
      view.apply(transaction.writes, committed: revision)
      return true
    case .refused(let revision, let current):
      view.apply(current: current, asked: transaction.conditions.map(\.key), at: revision)
      return false
    }
  }

  private static func lost(_ name: WorkloadName, _ attempts: Int) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)", reason: "\(attempts) attempts lost against other changes of the same record",
      remedy: "`holdfast workload \(name)` shows its present state; then repeat.")
  }

  // MARK: many at once

  /// - Parameter showsDiff: each result has the diff to what was stored.
  func apply(_ definitions: [WorkloadDefinition], showsDiff: Bool = false) async throws(OperatorError) -> CommandResults {
    let picture = await access.picture(), domains = picture.domains
    var specs: [(name: WorkloadName, spec: SpecRecord)] = []
    for definition in definitions {
      let name = WorkloadName(definition.name)
      specs.append((name, try definition.spec(cluster: access.cluster, present: picture.view.specs[name]?.value)))
    }
    try checkTogether(specs)
    let leftovers = await leftovers(of: specs.map { ProtectedDomain($0, connection: $1.connection, uuid: $1.uuid) })
    var compatibility = await compatibility(of: specs, in: picture.view)
    var known = await known(picture.view)
    var results: [CommandResult] = []
    for (name, spec) in specs {
      do throws(OperatorError) {
        try refuseRunning(name, spec, among: domains, in: known.view)
        let belongings = DomainBelongings(of: spec), before = known.view.specs[name]?.value
        var result = try await run(.define(name, spec), spec, belongings, in: &known)
        if showsDiff, let before { result.diff = DefinitionDiff(from: before, to: spec).lines }
        if result.effect == .created || result.fields.contains("xml") || result.fields.contains("isolation") {
          result.warn(spec.partsWarnings + spec.networkWarnings + access.networkWarnings(links: [], bridges: spec.bridges))
          result.warn(Bridges.warnings(bridges: spec.bridges, elsewhere: known.view, than: access.node))
        }
        if result.effect == .created || result.fields.contains("xml") { result.warn(fileWarnings(belongings)) }
        result.warn(known.view.leftoverWarnings(of: name, spec, on: access.node, now: leftovers))
        result.warn(compatibility?.warnings(of: name, spec) ?? [])
        results.append(result)
      } catch {
        results.append(CommandResult(name.text, failed: ErrorBody(error)))
      }
    }
    return CommandResults(isDryRun: isDryRun, results: results)
  }

  /// What is defined on this node beside these workloads; nil: it was not found out.
  private func leftovers(of domains: [ProtectedDomain]) async -> [LeftoverDefinition]? {
    domains.count <= Self.mostLooked ? await access.leftovers(of: domains) : nil
  }

  /// Which nodes cannot run these workloads; nil: it was not found out.
  private func compatibility(
    of specs: [(name: WorkloadName, spec: SpecRecord)], in view: ClusterView
  ) async -> CompatibilityWarnings? {
    guard specs.count <= Self.mostLooked else { return nil }
    let definitions = specs.map { StoredDefinition($0.name, connection: $0.spec.connection, xml: $0.spec.xml) }
    return CompatibilityWarnings(view, on: access.node, now: await access.incompatibilities(of: definitions))
  }

  /// A command for more workloads than this does not wait for a look at each.
  private static let mostLooked = 200

  func adopt(_ request: AdoptRequest) async -> CommandResults {
    let picture = await access.picture()
    // It runs here.
    var compatibility = CompatibilityWarnings(picture.view, on: access.node, now: [:])
    var known = await known(picture.view)
    var results: [CommandResult] = []
    for id in request.domains {
      do throws(OperatorError) {
        let adoption = try await adoption(of: id, in: picture, request.options)
        let name = adoption.workload, belongings = DomainBelongings(of: adoption.xml)
        var result = try await run(.adopt(adoption), adoption.spec, belongings, in: &known)
        result.warn(adoption.networkWarnings + access.networkWarnings(links: adoption.domain.links, bridges: []))
        result.warn(adoption.lossWarnings + fileWarnings(belongings))
        if let spec = known.view.specs[name]?.value {
          result.warn(known.view.leftoverWarnings(of: name, spec, on: access.node, now: nil))
        }
        result.warn(compatibility.warnings(of: name, adoption.spec))
        results.append(result)
      } catch {
        results.append(CommandResult(id.name, failed: ErrorBody(error)))
      }
    }
    return CommandResults(isDryRun: isDryRun, results: results)
  }

  /// Takes over what runs on this node as the workload's definition, and tells what that changes.
  func acceptRunning(_ name: WorkloadName) async throws(OperatorError) -> CommandResult {
    let picture = await access.picture(), view = picture.view
    guard let present = view.specs[name]?.value else { throw .unknownWorkload(name, in: view) }
    guard let holder = view.holder(of: name) else { throw .runsNowhere(name) }
    guard holder == access.node else { throw .runsElsewhere(name, on: holder) }
    let id = DomainID(connection: present.connection, name: name.text)
    guard let domain = picture.observations[id] else {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "nothing of it is seen on \(access.node) now",
        remedy: "Repeat it when `holdfast workload \(name)` says that it runs.")
    }
    let description = try await description(of: id), reader = DomainHardwareReader(), xml = description.xml
    let acceptance = Acceptance(
      workload: name, node: access.node, domain: domain, xml: xml, underneath: description.underneath,
      stored: reader.read(present.xml), running: reader.read(xml))
    let spec = acceptance.spec(from: present)
    var known = await known(view)
    var result = try await run(.acceptRunning(acceptance), spec, DomainBelongings(of: xml), in: &known)
    result.diff = DefinitionDiff(from: present, to: spec).lines
    return result
  }

  private func adoption(
    of id: DomainID, in picture: ClusterPicture, _ options: Adoption.Options
  ) async throws(OperatorError) -> Adoption {
    guard let domain = picture.observations[id] else {
      let spellings = picture.observations.keys.map(\.description)
      let meant = nearestSpelling(to: id.description, among: spellings).map { "Did you mean \($0)? " } ?? ""
      throw OperatorError(
        .unknown, thing: "domain \(id)", reason: "no active domain of this name is on \(access.node)",
        remedy: "\(meant)Adopt it on the node where it runs; `virsh -c \(id.connection) list` shows what runs.")
    }
    let description = try await description(of: id), kept: KeptState
    do {
      kept = try await access.keptState(of: id)
    } catch {
      throw OperatorError(.unavailable, thing: "domain \(error.domain)", reason: error.reason, remedy: error.remedy)
    }
    return Adoption(
      cluster: access.cluster, node: access.node, session: picture.session, domain: domain, xml: description.xml,
      underneath: description.underneath, kept: kept, options: options)
  }

  private func description(of id: DomainID) async throws(OperatorError) -> DomainDescription {
    do {
      return try await access.describe(id)
    } catch {
      throw OperatorError(.unavailable, thing: "domain \(error.domain)", reason: error.reason, remedy: error.remedy)
    }
  }

  private func fileWarnings(_ belongings: DomainBelongings) -> [String] {
    NodeFiles(on: access.node, local: access.ownFiles, of: belongings).warnings(belongings)
  }
}
