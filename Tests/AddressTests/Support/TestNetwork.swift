import AddressPresence
import Foundation
import Glibc
import Testing

/// Whether this process may make network namespaces, and has the program for it.
let mayMakeNetworks = getuid() == 0 && (access("/usr/sbin/ip", X_OK) == 0 || access("/sbin/ip", X_OK) == 0)

/// A network namespace, as a host on a link; gone with the value.
final class TestNetwork: Sendable {
  let name: String

  /// - Parameter commands: of ip's, to begin with.
  init(_ commands: String...) throws {
    name = "hfa-\(UUID().uuidString.prefix(8).lowercased())"
    try Self.run(["netns", "add", name])
    for command in ["link set lo up"] + commands { try ip(command) }
  }

  deinit { _ = try? Self.run(["netns", "del", name]) }

  /// As its host: what it asks and tells.
  var presence: AddressPresence { AddressPresence(network: "/run/netns/\(name)") }

  /// - Returns: what ip says.
  @discardableResult
  func ip(_ command: String) throws -> String {
    try Self.run(["-n", name] + command.split(separator: " ").map(String.init))
  }

  /// A link `eth0` of this host, whose other end is a link of the other's. Returns when the kernel has noticed that they are connected, which it does
  /// a while later.
  ///
  /// - Parameter mac: of the link here; nil: any.
  func connect(to other: TestNetwork, its link: String = "eth0", mac: String? = nil) async throws {
    let hardware = mac.map { ["address", $0] } ?? []
    try Self.run(
      ["-n", name, "link", "add", "eth0"] + hardware + ["type", "veth", "peer", "name", link, "netns", other.name])
    try ip("link set eth0 up")
    try other.ip("link set \(link) up")
    try #require(
      await eventually { try ip("link show eth0").contains("state UP") && other.ip("link show \(link)").contains("state UP") })
  }

  /// IPv6's own search for duplicates would take a second.
  func add(_ address: String, to link: String = "eth0") throws {
    try ip("addr add \(address)/\(address.contains(":") ? "64 nodad" : "24") dev \(link)")
  }

  /// - Parameter setting: a file under /proc/sys.
  func set(_ setting: String, to value: String) throws {
    try Self.run(["netns", "exec", name, "sh", "-c", "echo \(value) >/proc/sys/\(setting)"])
  }

  /// The neighbour that this host knows by an address: `lladdr 52:54:00:00:00:01 REACHABLE`.
  func neighbour(_ address: String) throws -> String { try ip("neigh show \(address)") }

  @discardableResult
  static func run(_ words: [String]) throws -> String {
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec ip \"$@\"", "ip"] + words
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "ip \(words.joined(separator: " ")): \(said)")
    return said
  }
}

/// Looks again and again.
func eventually(within limit: Duration = .seconds(10), _ condition: () throws -> Bool) async rethrows -> Bool {
  let end = ContinuousClock.now + limit
  while try !condition() {
    if ContinuousClock.now > end { return false }
    try? await Task.sleep(for: .milliseconds(20))
  }
  return true
}
