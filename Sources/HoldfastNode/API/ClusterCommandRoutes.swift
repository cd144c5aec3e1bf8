import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Hummingbird

/// Commands on nodes and on the whole cluster.
struct ClusterCommandRoutes: Sendable {
  let access: any ClusterAccess

  func add(to commands: RouterGroup<APIContext>) {
    commands.post("nodes/:name/maintenance") { request, context in
      let body = try await request.decoded(as: MaintenanceRequest.self)
      context.audit.note("why", body.reason)
      return try jsonResponse(try await self.runner(request, context).enter(try Self.node(context), body))
    }
    commands.post("nodes/:name/maintenance/exit") { request, context in
      let failback = try await request.decoded(as: MaintenanceExit.self).decoded(), node = try Self.node(context)
      context.audit.note("failback", failback.rawValue)
      return try jsonResponse(try await self.runner(request, context).run(.exit(node, failback), node: node))
    }
    commands.post("nodes/:name/clear-failures") { request, context in
      try await request.expectNoBody()
      let node = try Self.node(context)
      return try jsonResponse(try await self.runner(request, context).run(.clearFailures(node), node: node))
    }
    commands.post("nodes/:name/remove") { request, context in
      try await request.expectNoBody()
      return try jsonResponse(try await self.runner(request, context).remove(try Self.node(context)))
    }
    commands.post("nodes/:name/rename") { request, context in
      let to = NodeName(try await request.decoded(as: RenameRequest.self).to)
      context.audit.note("to", to.text)
      return try jsonResponse(try await self.runner(request, context).rename(try Self.node(context), to: to))
    }
    commands.post("disarm") { request, context in
      let body = try await request.decoded(as: DisarmRequest.self)
      context.audit.note("seconds", body.seconds.map { "\($0)" })
      context.audit.note("why", body.reason)
      return try jsonResponse(try await self.runner(request, context).disarm(body))
    }
    commands.post("moves/off") { request, context in
      let body = try await request.decoded(as: MovesOffRequest.self)
      context.audit.note("why", body.reason)
      let record = try body.record(now: await self.access.picture().time)
      return try jsonResponse(try await self.runner(request, context).run(.movesOff(record)))
    }
    commands.post("moves/on") { request, context in
      try await request.expectNoBody()
      return try jsonResponse(try await self.runner(request, context).run(.movesOn))
    }
    commands.post("arm") { request, context in
      try await request.expectNoBody()
      return try jsonResponse(try await self.runner(request, context).run(.arm))
    }
  }

  private func runner(_ request: Request, _ context: APIContext) -> ClusterCommandRunner {
    ClusterCommandRunner(access: access, isDryRun: request.isDryRun, requester: context.requester)
  }

  private static func node(_ context: APIContext) throws -> NodeName { NodeName(try context.parameters.require("name")) }
}
