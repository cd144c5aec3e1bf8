import Glibc
import HoldfastChecks
import HoldfastModel
import HoldfastTime
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SystemPackage

/// What a probe's errors mean, for people and for the check: whether the service is to blame, or the probe could not be made.
package enum Words {
  /// By what an answer begins that says that this node has no way there.
  private static let noWay = "this node has no way to "

  /// A probe could not be made as this node has no way to whoever was to be asked.
  static func hasNoWay(_ reason: String) -> Bool { reason.hasPrefix(noWay) }

  /// `2 s`, `0.25 s`.
  static func time(_ duration: Duration) -> String { "\(InWords.decimal(duration.inSeconds)) s" }

  /// What an error on the way to `place`, such as `10.0.0.4:80`, tells.
  static func answer(to error: any Error, at place: String) -> Answer {
    switch error {
    case let error as IOError: answer(toNumber: error.errnoCode, at: place)
    case let error as ContainerDoorError: answer(to: error, at: place)
    case let error as NIOConnectionError:
      answer(of: error.connectionErrors.map { answer(to: $0.error, at: place) })
        ?? .cannotTell(reason: "the name \(error.host) leads to no address here")
    case is ChannelError: .bad(reason: "\(place) takes no connection in time")
    case HTTPParserError.invalidEOFState: .bad(reason: "\(place) ends the connection without a whole answer")
    case is HTTPParserError: .bad(reason: "\(place) answers with something that is not HTTP")
    case is NIOSSLError, is BoringSSLError: .bad(reason: "\(place) does not agree on TLS: \(InWords.oneLine("\(error)"))")
    default: .bad(reason: "\(place): \(InWords.oneLine("\(error)"))")
    }
  }

  /// Of a name's addresses: one that says something of the service counts, and not that there is no way to another. nil: there were none.
  package static func answer(of each: [Answer]) -> Answer? {
    each.first { if case .bad = $0 { true } else { false } } ?? each.last
  }

  private static func answer(to error: ContainerDoorError, at place: String) -> Answer {
    switch error {
    case .noWayIn(let code): .cannotTell(reason: "the container's network cannot be entered: \(system(code))")
    case .notConnected(let code): answer(toNumber: code, at: place)
    }
  }

  /// An error number of the system's on the way to `place`. What says something of this host says nothing of the service.
  static func answer(toNumber code: Int32, at place: String) -> Answer {
    switch code {
    case ECONNREFUSED: .bad(reason: "\(place) refuses the connection")
    case ECONNRESET, EPIPE: .bad(reason: "\(place) breaks the connection off")
    case EHOSTUNREACH, EHOSTDOWN: .bad(reason: "\(place) is not to be reached")
    case ETIMEDOUT: .bad(reason: "\(place) takes no connection")
    case ENETUNREACH, ENETDOWN: .cannotTell(reason: "\(noWay)\(place): \(system(code))")
    case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EACCES, EPERM, EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL:
      .cannotTell(reason: "this node cannot ask \(place): \(system(code))")
    default: .bad(reason: "\(place): \(system(code))")
    }
  }

  /// The C library's words.
  static func system(_ code: Int32) -> String { Errno(rawValue: code).description }
}
