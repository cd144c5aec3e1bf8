import CgroupIsolation
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

  /// The path of an executable. One that is not there, or that others could change, is a warning: no node is to be without its controller for want of it.
  ///
  /// - Parameter meanwhile: what holds until it is there, to follow the remedy.
  func executable(meanwhile: String = "") -> String? {
    guard let path = absolutePath() else { return nil }
    let expected = "an executable", quoted = Self.quote(path)
    var status = stat()
    if stat(path, &status) != 0 {
      wrong(
        .warning, expected: expected, found: "no such file: \(quoted)",
        remedy: "Put it there: no restart is needed.\(meanwhile)"
      )
    } else if status.st_mode & S_IFMT != S_IFREG || access(path, X_OK) != 0 {
      wrong(
        .warning, expected: expected, found: "what cannot be executed: \(quoted)", remedy: "chmod +x \(path)")
    } else if status.st_mode & 0o022 != 0 {
      wrong(
        .warning, expected: "an executable that only its owner can change, as root runs it",
        found: "mode \(String(status.st_mode & 0o777, radix: 8)) on \(quoted)", remedy: "chmod go-w \(path)")
    }
    return path
  }

  /// The path of a Unix socket.
  ///
  /// - Parameter most: bytes that it may have; an address has room for 107 and the NUL.
  func socketPath(most: Int = 107) -> String? {
    guard let path = absolutePath() else { return nil }
    guard path.utf8.count <= most else {
      wrong(
        expected: "a path of at most \(most) bytes for a socket", found: "\(path.utf8.count) bytes",
        remedy: "Choose a shorter path.")
      return nil
    }
    return path
  }

  /// libvirt's name of a cgroup partition.
  func partition() -> String? {
    value(
      expected: "a cgroup partition such as /holdfast",
      remedy: { text in
        do throws(IsolationError) {
          _ = try Partition(text)
          return "Use at most 4 levels and 64 bytes."
        } catch {
          return "Use a name such as /holdfast: \(error.reason)."
        }
      },
      { text in
        guard (try? Partition(text)) != nil, text.utf8.count <= 64, text.count(where: { $0 == "/" }) <= 4 else { return nil }
        return text
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
      { groupNumber(of: $0) != nil ? $0 : nil })
  }
}
