import CLibvirt
import Foundation
import Glibc

/// What a libvirt URI says of the driver behind it.
struct Driver: Sendable {
  enum Kind: Sendable { case lxc, qemu, other }

  let kind: Kind
  /// Where libvirtd keeps its sockets and the PID files of its domains.
  let runtimeDirectory: String

  init(uri: String) {
    let scheme = uri.prefix { $0 != ":" }.prefix { $0 != "+" }
    kind =
      switch scheme {
      case "lxc": .lxc
      case "qemu": .qemu
      default: .other
      }
    let socket = URLComponents(string: uri)?.queryItems?.first { $0.name == "socket" }?.value
    runtimeDirectory = socket.map { ($0 as NSString).deletingLastPathComponent } ?? "/run/libvirt"
    sockets = socket.map { [$0] } ?? ["libvirt-sock", "virt\(scheme)d-sock"].map { "/run/libvirt/\($0)" }
  }

  private let sockets: [String]

  /// Whether libvirtd counts processes as we do. Where it lives in another PID namespace its PIDs mean nothing here, and a
  /// missing process would be taken for a dead one.
  func sharesProcesses() -> Bool {
    guard kind != .other, let own = Self.namespace(of: "self") else { return false }
    for socket in sockets {
      if let pid = Self.owner(of: socket) { return Self.namespace(of: "\(pid)") == own }
    }
    return false
  }

  private static func namespace(of process: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/pid")
  }

  /// The process that listens on a Unix socket, in our PID namespace; nil when it cannot be reached, or is in none that we see.
  private static func owner(of socket: String) -> Int32? {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(socket.utf8)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else { return nil }
    var peer = (pid: pid_t(0), uid: uid_t(0), gid: gid_t(0))
    var size = socklen_t(MemoryLayout.size(ofValue: peer))
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, peer.pid > 0 else { return nil }
    return peer.pid
  }
}
