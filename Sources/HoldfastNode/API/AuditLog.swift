import Hummingbird
import Logging

/// Who gave which command, and who looked at passwords: in the daemon's log, for whoever asks afterwards.
struct AuditLog: Sendable {
  let logger: Logger

  enum Deed: String {
    case command = "an operator's command"
    case secrets = "a look at secrets"
  }

  /// What, about whom, from which files; by whom, logged in as whom; and what became of it.
  ///
  /// - Parameters:
  ///   - status: HTTP's number, or that it failed.
  ///   - reason: of a refusal.
  func tell(_ deed: Deed, _ request: Request, _ context: APIContext, _ status: String, reason: String? = nil) {
    let requester = context.requester
    var metadata: Logger.Metadata = [
      "path": "\(request.uri.path)", "status": "\(status)", "uid": "\(context.peer.map { "\($0.uid)" } ?? "unknown")",
      "pid": "\(context.peer.map { "\($0.pid)" } ?? "unknown")",
      "login": "\(requester?.login.map { "\($0)" } ?? "none")"
    ]
    for (key, value) in context.audit.entries { metadata[key] = "\(value)" }
    if let files = requester?.files { metadata["files"] = "\(files)" }
    if let reason { metadata["reason"] = "\(reason)" }
    logger.notice("\(deed.rawValue)", metadata: metadata)
  }
}
