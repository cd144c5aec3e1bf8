import GRPCCore
import HoldfastModel
import HoldfastPorts

/// How a call to one member failed, and so what is certain about the request.
enum CallFailure: Error, Equatable {
  /// The request never left.
  case notSent(reason: String)
  /// The member answered with an error of its own.
  case answered(message: String)
  /// The request may have left, and no answer of the member came.
  case lost(reason: String)

  /// From an error that came after the request was let through.
  init(_ error: any Error) {
    guard let rpc = error as? RPCError, ServerError.isServers(rpc.message) else {
      self = .lost(reason: brief(error))
      return
    }
    self = .answered(message: rpc.message)
  }

  var reason: String {
    switch self {
    case .notSent(let reason), .lost(let reason): reason
    case .answered(let message): message
    }
  }
}

/// etcd's errors, and what each makes certain about a transaction.
///
/// Everything that is not named here leaves the outcome unknown, notably: `request timed out` (all kinds), `leader changed`,
/// `no leader`, `server stopped`, `unhealthy cluster`, and `database space exceeded`, which etcd also answers for the transaction that it
/// has just applied beyond the quota.
enum ServerError: Equatable {
  /// Refused before it was proposed to the cluster, or as a whole when it was applied: it did not happen.
  case refused(StoreError)
  /// As above, and a fresh token may help.
  case tokenInvalid
  /// As above, and another member may take it.
  case memberCannot(reason: String)
  /// The revision that a read asked for is compacted.
  case compacted
  /// It may have happened. `memberAtFault`: another member may do better.
  case unclear(reason: String, memberAtFault: Bool)

  /// Whether the text is one of etcd's; the transport makes errors with the same codes.
  static func isServers(_ message: String) -> Bool {
    message.hasPrefix("etcdserver: ") || message.hasPrefix("auth: ") || message.hasPrefix("raft: ")
  }

  static func denied(_ reason: String) -> StoreError {
    .rejected(
      reason: "etcd: \(reason)",
      remedy: "Grant the user's role read and write on Holdfast's prefix (etcdctl role grant-permission).")
  }

  init(_ message: String) {
    let text = message.hasPrefix("etcdserver: ") ? String(message.dropFirst("etcdserver: ".count)) : message
    switch text {
    case "too many operations in txn request":
      self = .refused(.notApplied(reason: "etcd: \(text) (its limit is --max-txn-ops)"))
    case "request is too large":
      self = .refused(.notApplied(reason: "etcd: \(text) (its limit is --max-request-bytes)"))
    case "duplicate key given in txn request", "key is not provided":
      self = .refused(.notApplied(reason: "etcd: \(text)"))
    case "too many requests": self = .refused(.notApplied(reason: "etcd: \(text): it applies more slowly than it takes in"))
    case "invalid auth token", "revision of auth store is old", "auth: revision in header is old", "auth: invalid auth token":
      self = .tokenInvalid
    case "permission denied": self = .refused(Self.denied(text))
    case "user name is empty", "auth: user name is empty":
      self = .refused(
        .rejected(
          reason: "etcd wants a user, and none is configured",
          remedy: "Configure a user and password, or a client certificate whose common name is an etcd user."))
    case "authentication failed, invalid user ID or password", "authentication is not enabled":
      self = .refused(
        .rejected(reason: "etcd: \(text)", remedy: "Check the configured user and password, and `etcdctl auth status`."))
    case "rpc not supported for learner": self = .memberCannot(reason: "it is a learner")
    case "mvcc: required revision has been compacted": self = .compacted
    case "mvcc: required revision is a future revision": self = .refused(.notApplied(reason: "etcd: \(text)"))
    case "mvcc: database space exceeded":
      self = .unclear(
        reason: "etcd: \(text): compact and defragment it, then `etcdctl alarm disarm`", memberAtFault: false)
    case "leader changed": self = .unclear(reason: "etcd: \(text)", memberAtFault: false)
    default: self = .unclear(reason: "etcd: \(text)", memberAtFault: true)
    }
  }
}

/// An error in one line: the outermost and the innermost of its causes.
func brief(_ error: any Error) -> String {
  guard let rpc = error as? RPCError else { return InWords.plain("\(error)") }
  var innermost: any Error = rpc
  while let next = (innermost as? RPCError)?.cause { innermost = next }
  let text = innermost is RPCError ? (innermost as? RPCError)?.message ?? "" : "\(innermost)"
  return text.isEmpty ? "\(rpc.code)" : InWords.plain(text)
}
