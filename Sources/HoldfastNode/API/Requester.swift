import Glibc
import HTTPTypes
import Hummingbird
import LinuxBasics

/// Who asks, for the daemon's log and the cluster's history.
struct Requester: Hashable, Sendable, CustomStringConvertible {
  /// The process at the other end; nil: the kernel did not tell.
  var peer: Peer?
  /// As whom its session was logged in: `sudo` and `su` change the user, not this. nil: nobody logged in, or the kernel does not tell.
  var login: UInt32?
  /// The files from which the client says that it read what it sends.
  var files: String?

  /// Bytes of `files` that are kept.
  private static let mostFiles = 400

  init(_ peer: Peer?, _ request: Request) {
    self.peer = peer
    login = peer.flatMap { Self.login(of: $0.pid) }
    files = HTTPField.Name.holdfastFiles.flatMap { request.headers[$0] }.flatMap(Self.oneLine)
  }

  /// Such as `user 0, logged in as user 1000`.
  var description: String {
    guard let peer else { return "somebody unknown" }
    return "user \(peer.uid)" + (login.map { $0 == peer.uid ? "" : ", logged in as user \($0)" } ?? "")
  }

  /// The audit subsystem's word for a process; its greatest number means that there was no login.
  private static func login(of pid: Int32) -> UInt32? {
    guard let text = try? KernelFile.read("/proc/\(pid)/loginuid") else { return nil }
    return UInt32(text.filter(\.isNumber)).flatMap { $0 == .max ? nil : $0 }
  }

  /// It comes from the client, and goes into logs: printable, in one line, and not long.
  private static func oneLine(_ text: String) -> String? {
    let printable = text.unicodeScalars.filter { $0.properties.generalCategory != .control }
    var line = String(String.UnicodeScalarView(printable))
    if line.utf8.count > mostFiles { line = String(line.prefix(mostFiles / 4)) + "…" }
    return line.isEmpty ? nil : line
  }
}

extension HTTPField.Name {
  /// Which files a client read what it sends from: for people who look at logs.
  static let holdfastFiles = HTTPField.Name("Holdfast-Files")
}
