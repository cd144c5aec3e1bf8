import CLinux
import Foundation
import Glibc
import HoldfastModel
import NIOCore
import NIOPosix
import Testing

/// Processes that stand to each other, and in namespaces of their own, as a container's do: one that runs it, and its one child, the init.
final class FakeContainer: Sendable {
  let controller: pid_t
  let `init`: pid_t
  private let lifeline: FileHandle

  /// - Parameters:
  ///   - without: capabilities that it is not to have, as setpriv names them.
  ///   - hasSix: its network has IPv6.
  ///   - isContained: it has namespaces of its own.
  init(_ name: String = "web1", without capabilities: [String] = [], hasSix: Bool = true, isContained: Bool = true) throws {
    let process = Process(), input = Pipe(), output = Pipe()
    let privileges =
      capabilities.isEmpty ? "" : "setpriv --bounding-set \(capabilities.map { "-\($0)" }.joined(separator: ","))"
    let six = hasSix ? "" : "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6;"
    process.executableURL = URL(filePath: "/bin/sh")
    // It ends with this process: its input does.
    process.arguments = [
      "-c",
      """
      \(privileges) \(isContained ? "unshare --net --mount --uts --ipc" : "") sh -c '\(six) ip link set lo up; echo ready; exec sleep 1000' &
      cat >/dev/null; kill -9 $!
      """, "libvirt_lxc", "--name", name
    ]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    controller = process.processIdentifier
    lifeline = input.fileHandleForWriting
    let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    try #require(said == "ready\n", "unshare says \(said)")
    let children = try String(contentsOfFile: "/proc/\(controller)/task/\(controller)/children", encoding: .utf8)
    `init` = try #require(children.split(separator: " ").first.flatMap { pid_t($0) })
  }

  deinit { try? lifeline.close() }

  var place: CheckSubject.Place {
    .init(domain: DomainID(connection: "lxc:///system", name: "web1"), uuid: "u1", pid: controller)
  }

  /// A socket that is bound to a loopback address within it.
  func socket(_ host: String) async throws -> CInt {
    let thread = MultiThreadedEventLoopGroup(numberOfThreads: 1), network = "/proc/\(self.`init`)/ns/net"
    let socket = try await thread.next().submit { () throws -> CInt in
      try #require(holdfast_enter_network(network) == 0)
      let address = try SocketAddress(ipAddress: host, port: 0)
      let socket = Glibc.socket(host.contains(":") ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      let result = address.withSockAddr { bind(socket, $0, socklen_t($1)) }
      try #require(result == 0)
      return socket
    }.get()
    // A thread in another network goes with its group.
    try await thread.shutdownGracefully()
    return socket
  }
}
