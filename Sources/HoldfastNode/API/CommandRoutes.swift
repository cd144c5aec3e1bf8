import HTTPTypes
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Hummingbird
import Logging

/// What operators may change.
struct CommandRoutes: Sendable {
  let access: any ClusterAccess
  let logger: Logger

  func add(to group: RouterGroup<APIContext>) {
    let commands = group.add(middleware: OperatorsOnly(logger: logger))
    commands.post("workloads") { request, _ in
      let body = try await request.decoded(as: ApplyRequest.self)
      return try Self.answer(try await self.runner(request).apply(body.workloads))
    }
    commands.post("policies") { request, _ in
      let body = try await request.decoded(as: PoliciesRequest.self)
      return try jsonResponse(try await PolicyCommand(access: self.access, isDryRun: request.isDryRun).run(body))
    }
    commands.post("adopt") { request, _ in
      let body = try await request.decoded(as: AdoptRequest.self)
      return try Self.answer(await self.runner(request).adopt(body))
    }
    ClusterCommandRoutes(access: access).add(to: commands)
    commands.post("workloads/:name/release") { try await self.run($0, $1) { .release($0) } }
    commands.post("workloads/:name/start") { try await self.run($0, $1) { .start($0) } }
    commands.post("workloads/:name/stop") { try await self.run($0, $1) { .stop($0) } }
    commands.post("workloads/:name/move") { request, context in
      let to = NodeName(try await request.decoded(as: MoveRequest.self).to)
      return try await self.run(request, context) { .move($0, to: to) }
    }
  }

  private func runner(_ request: Request) -> CommandRunner { CommandRunner(access: access, isDryRun: request.isDryRun) }

  private func run(
    _ request: Request, _ context: APIContext, _ command: (WorkloadName) -> OperatorCommand
  ) async throws -> Response {
    let name = WorkloadName(try context.parameters.require("name"))
    let runner = runner(request)
    return try Self.answer(CommandResults(isDryRun: runner.isDryRun, results: [try await runner.run(command(name))]))
  }

  private static func answer(_ results: CommandResults) throws -> Response {
    try jsonResponse(
      results,
      status: results.results.contains { $0.error != nil } ? HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status") : .ok)
  }
}

/// Turns viewers away, and keeps in the log who gave which command.
private struct OperatorsOnly: RouterMiddleware {
  let logger: Logger

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    let who = context.peer.map { "user \($0.uid)" } ?? "somebody unknown"
    guard context.role == .operator else {
      throw OperatorError(
        .forbidden, thing: "\(request.method) \(request.uri.path)", reason: "\(who) may look, not change",
        remedy: "Run the command as root, or as a member of the operators' group (`api.group` in the daemon's configuration)."
      )
    }
    let response = try await next(request, context)
    if !request.isDryRun {
      logger.notice(
        "an operator's command",
        metadata: [
          "path": "\(request.uri.path)", "uid": "\(context.peer?.uid ?? 0)", "pid": "\(context.peer?.pid ?? 0)",
          "status": "\(response.status.code)"
        ])
    }
    return response
  }
}
