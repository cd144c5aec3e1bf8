import Glibc
import HoldfastYAML

/// Values that only the configuration of a node has.
extension YAMLValue {
  /// An absolute path without `..`.
  func absolutePath() -> String? {
    value(
      expected: "an absolute path",
      remedy: { $0.hasPrefix("/") ? "Write it without '..' and '//'." : "Start it with '/'." },
      { text in
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard text.hasPrefix("/"), text.count > 1, !parts.contains(where: { $0.isEmpty || $0 == ".." || $0 == "." }) else {
          return nil
        }
        return text
      })
  }

  /// The path of a Unix socket.
  func socketPath() -> String? {
    guard let path = absolutePath() else { return nil }
    // sockaddr_un has room for 107 bytes and the NUL.
    guard path.utf8.count <= 107 else {
      wrong(
        expected: "a path of at most 107 bytes for a socket", found: "\(path.utf8.count) bytes",
        remedy: "Choose a shorter path.")
      return nil
    }
    return path
  }

  /// libvirt's name of a cgroup partition.
  func partition() -> String? {
    value(
      expected: "a cgroup partition such as /holdfast",
      remedy: { _ in "Write '/' and letters, digits, '-' or '_'; at most 4 levels." },
      { text in
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let isSound =
          text.hasPrefix("/") && (1...4).contains(parts.count) && text.utf8.count <= 64
          && parts.allSatisfy { part in
            !part.isEmpty && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
          }
        return isSound ? text : nil
      })
  }

  /// A URI by which another host's libvirt reaches a connection of this one.
  func migrationURI(of connection: String) -> String? {
    let driver = String(connection.prefix { $0 != ":" })
    let example = "\(driver)+tls://h1/system"
    let uri: String? = value(
      expected: "a URI with this host's name for the others, such as \(example)",
      remedy: {
        $0.contains(":///")
          ? "Name this host, as the others know it: \(example)." : "Write DRIVER+TRANSPORT://HOST[:PORT]/system."
      }, { Self.isRemote($0, driver) ? $0 : nil })
    guard let uri else { return nil }
    let host = uri.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
    if host.hasPrefix("localhost") || host.hasPrefix("127.") || host.hasPrefix("[::1]") {
      wrong(
        expected: "a name by which the others reach this host", remedy: "Name this host, as the others know it: \(example).")
    }
    if uri.hasPrefix("\(driver)+tcp:") {
      wrong(
        .warning, expected: "a transport that encrypts and knows who speaks",
        remedy: "Use \(example): else the memory of every guest that moves is readable on the network.")
    }
    return uri
  }

  private static func isRemote(_ text: String, _ driver: String) -> Bool {
    let transports = ["", "+tls", "+tcp", "+ssh", "+libssh", "+libssh2"]
    guard let scheme = transports.first(where: { text.hasPrefix("\(driver)\($0)://") }), text.utf8.count <= 255,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return false }
    let rest = text.dropFirst(driver.count + scheme.count + 3)
    let host = rest.prefix { $0 != "/" }, path = rest.dropFirst(host.count).prefix { $0 != "?" }
    return !host.isEmpty && path == "/system"
  }

  /// A Unix group of this host.
  func group() -> String? {
    value(
      expected: "a Unix group of this host",
      remedy: { "Create it (groupadd --system \($0)), or leave 'group' out: root only." },
      { Self.groupExists($0) ? $0 : nil })
  }

  private static func groupExists(_ name: String) -> Bool {
    guard !name.isEmpty, name.utf8.count <= 64, !name.utf8.contains(0) else { return false }
    var entry = Glibc.group(), found: UnsafeMutablePointer<Glibc.group>?
    // A group's entry lists its members: large at some sites.
    var buffer = [CChar](repeating: 0, count: 1 << 20)
    return getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0 && found != nil
  }
}
