import HTTPTypes
import HoldfastModel
import HoldfastOperator
import Hummingbird

/// Refuses what the API does not know in a query: a flag that is misspelt must never make a dry run the real thing.
struct QueryMiddleware: RouterMiddleware {
  /// What a request may say after the question mark.
  enum Parameter: String {
    case diff, dryRun, follow, limit, now, secrets, workload

    /// It is there, or not: with a value it has to be one of `values`.
    var isFlag: Bool {
      switch self {
      case .diff, .dryRun, .follow, .now, .secrets: true
      case .limit, .workload: false
      }
    }
    static let values: Set<Substring> = ["", "true", "1", "false", "0"]
  }

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    // A path that there is not is told as such; of a command `OperatorsOnly` looks at it, which keeps in the log what it refuses.
    if context.endpointPath != nil, request.method == .get { try Self.check(request) }
    return try await next(request, context)
  }

  /// The parameters of a path: every command can be tried without doing anything; of what is read, few take any.
  static func known(_ method: HTTPRequest.Method, _ path: String) -> [Parameter] {
    let parts = path.split(separator: "/").dropFirst()
    guard method == .get else {
      if parts == ["workloads"] { return [.diff, .dryRun] }
      return parts.count == 3 && parts.first == "workloads" && parts.last == "stop" ? [.dryRun, .now] : [.dryRun]
    }
    return switch (parts.first, parts.count) {
    case ("history", 1): [.limit, .workload]
    case ("events", 1): [.follow, .limit, .workload]
    case ("workloads", 2): [.limit, .secrets]
    default: []
    }
  }

  static func check(_ request: Request) throws(OperatorError) {
    let known = known(request.method, request.uri.path)
    var seen: Set<Substring> = []
    for (name, value) in request.uri.queryParameters where !name.isEmpty {
      guard let parameter = known.first(where: { $0.rawValue == name }) else { throw unknown(name, request, known) }
      guard seen.insert(name).inserted else {
        throw refusal(name, "\(request.method) \(request.uri.path) has it twice", "Give it once.")
      }
      if parameter.isFlag, !Parameter.values.contains(value) {
        throw refusal(name, "'\(value)' is neither true nor false", "Write ?\(name) or ?\(name)=true, or leave it out.")
      }
    }
  }

  private static func unknown(_ name: Substring, _ request: Request, _ known: [Parameter]) -> OperatorError {
    let names = known.map(\.rawValue)
    let meant = nearestSpelling(to: String(name), among: names).map { "Did you mean \($0)? " } ?? ""
    let list = names.isEmpty ? "It takes none." : "It takes: \(names.joined(separator: ", "))."
    return refusal(
      name, "\(request.method) \(request.uri.path) has no such parameter, so nothing was done", "\(meant)\(list)")
  }

  private static func refusal(_ name: Substring, _ reason: String, _ remedy: String) -> OperatorError {
    OperatorError(.invalid, thing: "the parameter \(name)", reason: reason, remedy: remedy)
  }
}
