import HTTPTypes
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Hummingbird

/// What operators may change.
struct CommandRoutes: Sendable {
  let access: any ClusterAccess
  let readings: Readings
  let log: AuditLog

  func add(to group: RouterGroup<APIContext>) {
    let commands = group.add(middleware: OperatorsOnly(log: log))
    commands.post("workloads") { request, context in
      let body = try await request.decoded(as: ApplyRequest.self)
      context.audit.note("workloads", names: body.workloads.map(\.name))
      return try Self.answer(try await self.runner(request, context).apply(body.workloads, showsDiff: request.flag("diff")))
    }
    commands.post("policies") { request, context in
      let body = try await request.decoded(as: PoliciesRequest.self)
      context.audit.note("policies", names: body.files.map(\.file))
      let command = PolicyCommand(access: self.access, isDryRun: request.isDryRun, requester: context.requester)
      return try jsonResponse(try await command.run(body))
    }
    commands.post("adopt") { request, context in
      let body = try await request.decoded(as: AdoptRequest.self)
      context.audit.note("domains", names: body.domains.map(\.description))
      return try Self.answer(await self.runner(request, context).adopt(body))
    }
    ClusterCommandRoutes(access: access).add(to: commands)
    commands.post("workloads/:name/release") { request, context in
      try await request.expectNoBody()
      let runner = self.runner(request, context), result = try await runner.release(try Self.workload(context))
      return try Self.answer(CommandResults(isDryRun: runner.isDryRun, results: [result]))
    }
    commands.post("workloads/:name/restore") { request, context in
      try await request.expectNoBody()
      let runner = self.runner(request, context), result = try await runner.restore(try Self.workload(context))
      return try Self.answer(CommandResults(isDryRun: runner.isDryRun, results: [result]))
    }
    commands.post("workloads/:name/start") { try await self.run($0, $1) { .start($0) } }
    commands.post("workloads/:name/stop") { request, context in
      try await self.run(request, context) { .stop($0, atOnce: request.flag("now")) }
    }
    for errand in IntentRecord.Errand.allCases {
      commands.post("workloads/:name/\(errand.rawValue)") { try await self.run($0, $1) { .errand(errand, $0) } }
    }
    commands.post("workloads/:name/leftovers/remove") { try await self.run($0, $1) { .removeLeftovers($0, true) } }
    commands.post("workloads/:name/leftovers/keep") { try await self.run($0, $1) { .removeLeftovers($0, false) } }
    commands.post("workloads/:name/accept-running") { request, context in
      try await request.expectNoBody()
      let runner = self.runner(request, context), result = try await runner.acceptRunning(try Self.workload(context))
      return try Self.answer(CommandResults(isDryRun: runner.isDryRun, results: [result]))
    }
    commands.post("workloads/:name/accept-stored") { try await self.run($0, $1) { .acceptStored($0) } }
    commands.post("workloads/:name/move") { request, context in
      let to = NodeName(try await request.decoded(as: MoveRequest.self).to)
      context.audit.note("to", to.text)
      let runner = self.runner(request, context), result = try await runner.move(try Self.workload(context), to: to)
      return try Self.answer(CommandResults(isDryRun: runner.isDryRun, results: [result]))
    }
  }

  private func runner(_ request: Request, _ context: APIContext) -> CommandRunner {
    CommandRunner(access: access, readings: readings, isDryRun: request.isDryRun, requester: context.requester)
  }

  /// A command that its path says in full.
  private func run(
    _ request: Request, _ context: APIContext, _ command: (WorkloadName) -> OperatorCommand
  ) async throws -> Response {
    try await request.expectNoBody()
    let runner = runner(request, context), result = try await runner.run(command(try Self.workload(context)))
    return try Self.answer(CommandResults(isDryRun: runner.isDryRun, results: [result]))
  }

  private static func workload(_ context: APIContext) throws -> WorkloadName {
    WorkloadName(try context.parameters.require("name"))
  }

  private static func answer(_ results: CommandResults) throws -> Response {
    try jsonResponse(
      results,
      status: results.results.contains { $0.error != nil } ? HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status") : .ok)
  }
}

/// Turns viewers away, and keeps in the log who gave which command: also what was refused.
private struct OperatorsOnly: RouterMiddleware {
  let log: AuditLog

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    do {
      guard context.role == .operator else {
        let who = context.peer.map { "user \($0.uid)" } ?? "somebody unknown"
        throw OperatorError(
          .forbidden, thing: "\(request.method) \(request.uri.path)", reason: "\(who) may look, not change",
          remedy: "Run the command as root, or as a member of the operators' group (`api.group` in the daemon's configuration)."
        )
      }
      try QueryMiddleware.check(request)
      let response = try await next(request, context)
      audit(request, context, "\(response.status.code)")
      return response
    } catch let error as OperatorError {
      audit(request, context, "\(error.kind.status.code)", reason: error.reason)
      throw error
    } catch {
      audit(request, context, "failed", reason: "\(error)")
      throw error
    }
  }

  private func audit(_ request: Request, _ context: APIContext, _ status: String, reason: String? = nil) {
    if !request.isDryRun { log.tell(.command, request, context, status, reason: reason) }
  }
}
