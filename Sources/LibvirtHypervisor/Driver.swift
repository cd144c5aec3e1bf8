import CLinux
import Foundation
import Glibc
import LinuxBasics

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

  /// The process that listens on libvirt's socket, when it counts processes as we do. Where libvirtd lives in another PID
  /// namespace its PIDs mean nothing here, and a missing process would be taken for a dead one.
  func daemon() -> Int32? {
    guard kind != .other, let own = Self.namespace(of: "self") else { return nil }
    for socket in sockets {
      if let pid = Self.owner(of: socket) { return Self.namespace(of: "\(pid)") == own ? pid : nil }
    }
    return nil
  }

  /// The process that listens on a Unix socket; nil when it cannot be reached, or is in no PID namespace that we see.
  private static func owner(of socket: String) -> pid_t? {
    guard let connection = try? Descriptor.owned(holdfast_connect_stream(socket, 1), "connect to", socket) else { return nil }
    var user = uid_t()
    var process = pid_t()
    guard holdfast_peer(connection.number, &user, &process) == 0, process > 0 else { return nil }
    return process
  }

  private static func namespace(of process: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/pid")
  }
}
