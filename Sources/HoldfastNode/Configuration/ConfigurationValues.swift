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
