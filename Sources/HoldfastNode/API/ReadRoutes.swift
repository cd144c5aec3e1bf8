import FoundationEssentials
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPorts
import Hummingbird

/// What anybody who can open the socket may see.
struct ReadRoutes: Sendable {
  let access: any ClusterAccess

  func add(to group: RouterGroup<APIContext>) {
    group.get("status") { _, _ in try await self.status() }
    group.get("nodes") { _, _ in try await self.nodes() }
    group.get("nodes/:name/maintenance") { _, context in try await self.maintenance(context) }
    group.get("workloads") { _, _ in try jsonResponse(WorkloadList(await self.access.view())) }
    group.get("workloads/:name") { request, context in try await self.workload(request, context) }
    group.get("snapshot") { _, _ in try await self.snapshot() }
    group.get("policies") { _, _ in try await self.policies() }
    group.get("domains") { _, _ in
      try jsonResponse(
        DomainList(
          await self.access.domains(), in: await self.access.view(), cluster: self.access.cluster, node: self.access.node))
    }
  }

  /// Lines of history that one look at the status goes through.
  private static let statusHistory = 200
  private static let detailHistory = 20

  private func status() async throws -> Response {
    let view = await access.view(), silence = await access.storeSilence(), planning = await access.planning()
    let history = await access.history(limit: Self.statusHistory, workload: nil)
    return try jsonResponse(
      ClusterStatus(
        view, cluster: access.cluster, node: access.node, storeSilence: silence, history: history,
        planner: planning.planner, policyFlaw: planning.flaw, warnings: planning.planner.outcome(planning.snapshot).warnings,
        planning: planning.snapshot, now: wallTime()))
  }

  private func nodes() async throws -> Response {
    let view = await access.view(), planning = await access.planning()
    let restrictions = ClusterRestrictions(
      view, planning: planning.snapshot, policies: planning.planner.policies, now: wallTime())
    return try jsonResponse(NodeList(view, restrictions: restrictions))
  }

  private func maintenance(_ context: APIContext) async throws -> Response {
    let name = NodeName(try context.parameters.require("name")), planning = await access.planning()
    return try jsonResponse(
      NodeMaintenance(
        name, in: await access.view(), planning: planning.snapshot, policies: planning.planner.policies, now: wallTime()))
  }

  private func snapshot() async throws -> Response {
    let planning = await access.planning()
    return try jsonResponse(
      ClusterSnapshot(
        cluster: access.cluster, time: wallTime(), planning: planning.snapshot,
        policies: await access.view().policies?.value.files ?? []))
  }

  private func policies() async throws -> Response {
    try jsonResponse(PoliciesInForce(await access.view(), unreadable: await access.planning().flaw))
  }

  private func workload(_ request: Request, _ context: APIContext) async throws -> Response {
    let name = WorkloadName(try context.parameters.require("name"))
    let limit = try request.number("limit", default: Self.detailHistory, in: 0...mostHistory)
    let view = await access.view()
    let info = try WorkloadInfo.known(name, in: view)
    let history = await access.history(limit: limit, workload: name)
    // A domain's XML can hold passwords of its consoles.
    let xml = context.role == .operator ? view.specs[name]?.value.xml : nil
    return try jsonResponse(WorkloadDetail(info, xml: xml, history: history))
  }
}
