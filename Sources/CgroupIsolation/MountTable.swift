/// Which file system a path of this process is on. It is read from the kernel's table: no path is looked at, so one on a server that does not answer
/// keeps nobody waiting.
package struct MountTable: Sendable {
  /// By mount point, without a slash at its end; the root's is empty. Of those in one place the last covers the others.
  private let types: [String: String]
  /// By mount point: the sources of what is mounted there, that on top last.
  private let sources: [String: [String]]

  package init(mountinfo: String) {
    let mounts = Mount.parse(mountinfo)
    types = Dictionary(mounts.map { ($0.path == "/" ? "" : $0.path, $0.type) }, uniquingKeysWith: { _, last in last })
    sources = Dictionary(grouping: mounts, by: \.path).mapValues { $0.map(\.source) }
  }

  /// - Throws: why /proc cannot be read.
  package static func own() throws(IsolationError) -> MountTable { try seen(by: "self") }

  /// - Parameter process: a process ID, or "self".
  /// - Throws: why /proc cannot be read.
  package static func seen(by process: String) throws(IsolationError) -> MountTable {
    MountTable(mountinfo: try Mount.text(seenBy: process))
  }

  /// What is mounted at this very place, by its source; the one on top last. Empty: nothing is. Links are not followed.
  package func mounted(at place: String) -> [String] { sources[place] ?? [] }

  /// The type of the file system, such as `ext4`; nil: not known. Links are not followed.
  package func type(of path: String) -> String? {
    var path = path[...]
    while path.last == "/" { path.removeLast() }
    while true {
      if let type = types[String(path)] { return type }
      guard let slash = path.lastIndex(of: "/") else { return nil }
      path = path[..<slash]
    }
  }
}
