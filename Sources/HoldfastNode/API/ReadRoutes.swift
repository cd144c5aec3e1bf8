import FoundationEssentials
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPorts
import HostParts
import Hummingbird

/// What anybody who can open the socket may see. Each answer is made from one picture of the cluster.
struct ReadRoutes: Sendable {
  let access: any ClusterAccess
  let readings: Readings
  let log: AuditLog

  func add(to group: RouterGroup<APIContext>) {
    group.get("status") { _, _ in try await self.status() }
    group.get("nodes") { _, _ in try await self.nodes() }
    group.get("nodes/:name/maintenance") { _, context in try await self.maintenance(context) }
    group.get("workloads") { _, _ in try jsonResponse(WorkloadList(await self.sight(await self.access.picture()))) }
    group.get("workloads/:name") { request, context in try await self.workload(request, context) }
    group.get("released") { _, _ in try jsonResponse(ReleasedList(try await self.read("the released workloads").view)) }
    group.get("leftovers") { _, _ in
      try jsonResponse(LeftoverList(await self.sight(try await self.read("the definitions left on nodes"))))
    }
    group.get("snapshot") { _, _ in try await self.snapshot() }
    group.get("policies") { _, _ in
      let picture = try await self.read("the policies")
      return try jsonResponse(PoliciesInForce(picture.view, unreadable: picture.policyFlaw))
    }
    group.get("definitions") { request, context in try await self.definitions(request, context) }
    group.get("domains") { _, _ in
      let picture = await self.access.picture()
      return try jsonResponse(
        DomainList(picture.domains, in: picture.view, cluster: self.access.cluster, node: self.access.node))
    }
  }

  /// Lines of history that one look goes through.
  private static let depth = 2000
  private static let detailHistory = 20

  /// What is made of the store's records alone, and would look empty as long as they were not read. What a node knows besides is told all the same: the
  /// status, nodes, workloads.
  ///
  /// - Parameter things: what is asked for.
  /// - Throws: that they are not known yet.
  private func read(_ things: String) async throws -> ClusterPicture {
    let picture = await access.picture()
    try picture.view.requireRead(things)
    return picture
  }

  /// The cluster as this node tells it.
  private func sight(_ picture: ClusterPicture) async -> ClusterSight {
    let outlook = await readings.outlook(of: picture)
    return ClusterSight(
      picture.view, teller: access.node, own: picture.own(), silence: picture.storeSilence, warnings: outlook.warnings,
      waiting: outlook.waiting, history: await access.history(limit: Self.depth, workload: nil), now: picture.time)
  }

  private func status() async throws -> Response {
    let history = await access.history(limit: Self.depth, workload: nil)
    return try jsonResponse(await access.status(await access.picture(), history, readings))
  }

  private func nodes() async throws -> Response {
    let picture = await access.picture()
    let restrictions = ClusterRestrictions(
      picture.view, moves: await readings.moves(of: picture), quarantines: picture.quarantines, now: picture.time)
    return try jsonResponse(NodeList(await sight(picture), planner: picture.planner, restrictions: restrictions))
  }

  private func maintenance(_ context: APIContext) async throws -> Response {
    let name = NodeName(try context.parameters.require("name")), picture = await access.picture()
    let restrictions = ClusterRestrictions(
      picture.view, moves: await readings.moves(of: picture), quarantines: picture.quarantines, now: picture.time)
    return try jsonResponse(
      NodeMaintenance(
        name, in: picture.view, restrictions: restrictions, planning: { picture.planning() },
        policies: picture.planner.policies,
        now: picture.time))
  }

  /// With the passwords that are in them: who reads them leaves a line.
  private func definitions(_ request: Request, _ context: APIContext) async throws -> Response {
    guard context.role == .operator else {
      let refusal = OperatorError(
        .forbidden, thing: "the cluster's definitions", reason: "only operators may see them, as they can contain passwords",
        remedy: "Run the command as root or as a member of the operators' group.")
      log.tell(.secrets, request, context, "\(refusal.kind.status.code)", reason: refusal.reason)
      throw refusal
    }
    let definitions = ClusterDefinitions(try await read("the cluster's definitions").view, cluster: access.cluster)
    context.audit.note("workloads", names: definitions.workloads.map(\.name))
    log.tell(.secrets, request, context, "200")
    return try jsonResponse(definitions)
  }

  private func snapshot() async throws -> Response {
    let picture = try await read("the planner's records")
    return try jsonResponse(
      ClusterSnapshot(
        cluster: access.cluster, time: picture.time, planning: picture.planning(),
        policies: picture.view.policies?.value.files ?? [], areMovesOff: picture.view.areMovesOff ? true : nil))
  }

  private func workload(_ request: Request, _ context: APIContext) async throws -> Response {
    let name = WorkloadName(try context.parameters.require("name"))
    let limit = try request.number("limit", default: Self.detailHistory, in: 0...mostHistory)
    let picture = await access.picture()
    let info = try WorkloadInfo.known(name, in: await sight(picture))
    let history = await access.history(limit: limit, workload: name)
    // A domain's XML can hold passwords of its consoles: not on every screen and in every script's log.
    let xml = context.role == .operator ? picture.view.specs[name]?.value.xml : nil
    let isUnmasked = request.flag("secrets") && xml != nil
    if isUnmasked { log.tell(.secrets, request, context, "200") }
    let isOfHost = picture.view.specs[name]?.value.isOfHost == true
    let shown = isUnmasked ? xml : xml.map(isOfHost ? HostDefinition.masked : DomainSecrets.masked)
    let notLive = picture.view.notLive(name, by: picture.planner.policies)
    let definition = picture.view.specs[name].flatMap { isOfHost ? try? HostDefinition($0.value.xml) : nil }
    let parts = definition.map { info.lines(of: $0.parts) }
    return try jsonResponse(WorkloadDetail(info, xml: shown, parts: parts, history: history, notLive: notLive))
  }
}
