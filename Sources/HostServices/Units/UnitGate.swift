import CLinux
import CgroupIsolation
import Dispatch
import Glibc
import HoldfastModel
import LinuxBasics
import Logging

/// Lets the commands of a unit's start begin where the guard freezes them, on hosts with cgroup v1: there systemd's cgroups are in a hierarchy of its own
/// that freezes nothing.
///
/// systemd asks this socket for a credential, in the new process, before it executes the command. All processes of the unit are then moved to the
/// part's cgroup, and only when none is outside it is given: the command begins there, and so does whatever it forks. Where nobody listens systemd does
/// not execute the command. (When this very process dies between taking a connection and moving the process, less than a millisecond, systemd takes the
/// end of the connection for an empty credential. The next life finds the process by the unit's cgroup.)
final class UnitGate {
  private let path: String
  private let source: any DispatchSourceRead
  private static let queue = DispatchQueue(label: "gates of units")

  /// - Parameter adopt: moves what is in systemd's cgroup to the part's; false: not all of it could be.
  init(_ path: String, logger: Logger, adopt: @escaping @Sendable (_ directory: String) throws -> Bool) throws(KernelFileError)
  {
    self.path = path
    unlink(path)
    let socket = try Self.listen(path).giveAway()
    source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: Self.queue)
    source.setEventHandler {
      while true {
        let accepted = holdfast_accept(socket)
        guard accepted >= 0 else { return }
        Self.serve(Descriptor(owning: accepted), logger, adopt)
      }
    }
    source.setCancelHandler { _ = Descriptor(owning: socket) }
    source.resume()
  }

  deinit { source.cancel() }

  /// Nobody begins through it any more.
  func close() {
    unlink(path)
    source.cancel()
  }

  private static func listen(_ path: String) throws(KernelFileError) -> Descriptor {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw KernelFileError(operation: "listen on", path: path, code: ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let socket = try Descriptor.owned(Glibc.socket(AF_UNIX, type, 0), "open a socket for", path)
    let bound = withUnsafePointer(to: &address) { raw in
      raw.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    // The directory around it is root's alone.
    guard bound == 0, chmod(path, 0o600) == 0, Glibc.listen(socket.number, 16) == 0 else {
      throw KernelFileError(operation: "listen on", path: path, code: errno)
    }
    return socket
  }

  private static func serve(_ connection: consuming Descriptor, _ logger: Logger, _ adopt: (String) throws -> Bool) {
    var user: uid_t = 0, process: pid_t = 0
    guard holdfast_peer(connection.number, &user, &process) == 0, user == 0 else { return }
    var reason = "its cgroup is in no hierarchy of systemd's"
    do {
      if let directory = try PartsCgroup.systemdDirectory(of: "\(process)") {
        if try adopt(directory) {
          _ = holdfast_send(connection.number, "1", 1)
          return
        }
        reason = "processes appear in it faster than they can be moved"
      }
    } catch { reason = "\(error)" }
    // The connection's end alone would be an empty credential. With it ends who asked: the command's process, or a child of it without which that gives up.
    kill(process, SIGKILL)
    logger.error("a command of a unit was not begun, as the guard would not cover it", metadata: ["reason": "\(reason)"])
  }
}
