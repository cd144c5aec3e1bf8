import FoundationEssentials
import HTTPTypes
import HoldfastAPI
import HoldfastOperator
import HoldfastPorts
import Hummingbird
import Logging
import NIOCore

/// JSON with its fields in one order, so that equal answers are equal bytes; `apiVersion` is among them.
func jsonResponse(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  var body = ByteBuffer(bytes: try encoder.encode(Versioned(value)))
  body.writeString("\n")
  return Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
}

extension OperatorError.Kind {
  var status: HTTPResponse.Status {
    switch self {
    case .invalid: .badRequest
    case .forbidden: .forbidden
    case .unknown: .notFound
    case .conflict: .conflict
    case .unavailable: .serviceUnavailable
    case .unknownOutcome: .gatewayTimeout
    }
  }
}

extension Request {
  /// The client asks for a look at what would happen.
  var isDryRun: Bool { flag("dryRun") }

  /// A query parameter that is there, and not `false` or `0`: `QueryMiddleware` has seen that it is one of those.
  func flag(_ name: Substring) -> Bool {
    uri.queryParameters.get(String(name)).map { $0 != "false" && $0 != "0" } ?? false
  }

  /// - Throws: `OperatorError` when it is not a number in the range.
  func number(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(OperatorError) -> Int {
    guard let text = uri.queryParameters.get(name) else { return fallback }
    guard let value = Int(text), range.contains(value) else {
      throw OperatorError(
        .invalid, thing: "the parameter \(name)",
        reason: "'\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)",
        remedy: "Leave it out for \(fallback).")
    }
    return value
  }
}

/// Makes every failure an `ErrorBody`.
struct ErrorMiddleware: RouterMiddleware {
  let allowed: AllowedMethods

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as OperatorError {
      return try jsonResponse(ErrorBody(error), status: error.kind.status)
    } catch is NIOTooManyBytesError {
      let error = OperatorError(
        .invalid, thing: "the body of \(request.method) \(request.uri.path)",
        reason: "it is greater than \(greatestRequest >> 20) MiB",
        remedy: Self.remedy(tooLargeFor: request.uri.path))
      return try jsonResponse(ErrorBody(error), status: .contentTooLarge)
    } catch let error as any HTTPResponseError {
      let response = try answer(request, error)
      return request.method == .head ? response.createHeadResponse() : response
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      context.logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "reason": "\(error)"])
      let body = ErrorBody(
        kind: "unavailable", thing: "\(request.method) \(request.uri.path)", reason: "holdfastd failed: \(error)",
        remedy: "Its log tells more: `journalctl -u holdfastd`.")
      return try jsonResponse(body, status: .internalServerError)
    }
  }

  /// What takes a list can be asked for in parts.
  private static func remedy(tooLargeFor path: String) -> String {
    switch path.split(separator: "/").last {
    case "workloads": "Send fewer workloads at once: several requests in place of one."
    case "adopt": "Send fewer domains at once: several requests in place of one."
    case "policies": "Select by labels in place of naming every workload: policies have 1 MiB together."
    default: "Send the few fields that it takes, or none: it has no use for more."
    }
  }

  private func answer(_ request: Request, _ error: any HTTPResponseError) throws -> Response {
    let methods = error.status == .notFound ? allowed.methods(of: request.uri.path) : []
    if !methods.isEmpty, !methods.contains(request.method.rawValue) {
      let list = methods.joined(separator: ", ")
      let body = ErrorBody(
        kind: "invalid", thing: "\(request.method) \(request.uri.path)", reason: "this path does not take this method",
        remedy: "It takes \(list).")
      var response = try jsonResponse(body, status: .methodNotAllowed)
      response.headers[.allow] = list
      return response
    }
    let path = request.uri.path, version = path.split(separator: "/").first.map(String.init) ?? ""
    let served = APIVersion.served.joined(separator: ", ")
    var body = ErrorBody(
      kind: "invalid", thing: "\(request.method) \(path)", reason: "HTTP status \(error.status.code)",
      remedy: "Compare the request with the API.")
    if error.status == .notFound {
      body.kind = "unknown"
      if APIVersion.served.contains(version) {
        body.reason = "the API has no such path and method"
        body.remedy = "Does the client fit the daemon? `holdfast --version` and `holdfast nodes` tell both versions."
      } else {
        body.reason = "this daemon does not serve a version '\(version)' of the API"
        body.remedy = "Versions that it serves: \(served). Use a client of the daemon's version."
      }
    }
    return try jsonResponse(body, status: error.status)
  }
}
