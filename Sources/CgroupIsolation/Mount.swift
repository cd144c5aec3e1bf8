import LinuxBasics

/// One mount that a process has: a line of its /proc/PID/mountinfo.
struct Mount: Hashable {
  var path: String
  /// The part of the file system that is seen there, as a path in it.
  var shown: String
  var type: String
  /// Of the file system, as the kernel names it: a device, `server:/export`, any word.
  var source: String
  /// The file system's own; of a v1 hierarchy its controllers.
  var options: Set<String>

  /// - Parameter process: a process ID, or "self".
  static func text(seenBy process: String) throws(IsolationError) -> String {
    do { return try KernelFile.read("/proc/\(process)/mountinfo") } catch {
      throw IsolationError(thing: "cgroups", reason: "\(error)", remedy: "Mount /proc.")
    }
  }

  static func parse(_ mountinfo: String) -> [Mount] {
    mountinfo.split(separator: "\n").compactMap { line in
      // 36 35 98:0 /shown /path rw,noatime shared:1 - type source options: a blank in a name is escaped.
      let halves = line.split(separator: " - ", maxSplits: 1).map { $0.split(separator: " ") }
      guard halves.count == 2, halves[0].count >= 5, let type = halves[1].first, let options = halves[1].last else {
        return nil
      }
      // A source of no letters leaves no field.
      let source = halves[1].count > 2 ? unescaped(halves[1][1]) : ""
      return Mount(
        path: unescaped(halves[0][4]), shown: unescaped(halves[0][3]), type: String(type),
        source: source, options: Set(options.split(separator: ",").map(String.init)))
    }
  }

  /// Of the hierarchy that it shows, where that is one that can freeze.
  var version: CgroupHierarchy.Version? {
    switch type {
    case "cgroup2": .v2
    case "cgroup": options.contains("freezer") ? .v1 : nil
    default: nil
    }
  }

  /// The kernel writes blanks and backslashes as three octal digits.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
