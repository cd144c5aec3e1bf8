import LinuxBasics

/// Why isolation cannot be set up, or must not be done as asked: the thing, the reason and the remedy.
public struct IsolationError: Error, Hashable, Sendable, CustomStringConvertible {
  public var thing: String
  public var reason: String
  public var remedy: String

  package init(thing: String, reason: String, remedy: String) {
    self.thing = thing
    self.reason = reason
    self.remedy = remedy
  }

  public var description: String { "\(thing): \(reason). \(remedy)" }
}

/// The cgroup hierarchy that can freeze what libvirt runs.
public struct CgroupHierarchy: Hashable, Sendable {
  public enum Version: String, Hashable, Sendable, CaseIterable {
    /// The `freezer` controller: `freezer.state`.
    case v1
    /// The unified hierarchy: `cgroup.freeze`, and `cgroup.kill` since Linux 5.14.
    case v2
  }
  public var version: Version
  /// Where it is mounted.
  public var root: String

  public init(version: Version, root: String) {
    self.version = version
    self.root = root
  }

  /// Finds it among this host's mounts.
  ///
  /// Where both are mounted it is the v1 freezer: libvirt, too, takes a controller from v1 where v1 has it.
  /// - Parameter wanted: nil for whichever libvirt uses.
  public static func find(_ wanted: Version? = nil) throws(IsolationError) -> CgroupHierarchy {
    let mounts: String
    do { mounts = try KernelFile.read("/proc/mounts") } catch {
      throw IsolationError(thing: "cgroups", reason: "\(error)", remedy: "Mount /proc.")
    }
    return try find(wanted, mounts: mounts)
  }

  /// The same, from the text of /proc/mounts.
  public static func find(_ wanted: Version?, mounts: String) throws(IsolationError) -> CgroupHierarchy {
    var found: [Version: String] = [:]
    // A later line of the same kind is mounted over the earlier, or beside it: the last in the usual place, else the last.
    let all = Mount.parse(mounts)
    let usual = all.filter { ($0.path + "/").hasPrefix("/sys/fs/cgroup/") }
    for mount in all.filter({ !usual.contains($0) }) + usual {
      if mount.type == "cgroup2" { found[.v2] = mount.path }
      if mount.type == "cgroup" && mount.options.contains("freezer") { found[.v1] = mount.path }
    }
    for version in wanted.map({ [$0] }) ?? [.v1, .v2] {
      if let root = found[version] { return CgroupHierarchy(version: version, root: root) }
    }
    throw IsolationError(
      thing: "cgroups", reason: "no \(wanted.map { "\($0) " } ?? "")hierarchy that can freeze is mounted",
      remedy: "Mount cgroup2 (or the v1 freezer) under /sys/fs/cgroup.")
  }

  /// This process's own cgroup in it.
  public func own() throws(KernelFileError) -> String {
    for line in try KernelFile.read("/proc/self/cgroup").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let mine = version == .v2 ? parts[0] == "0" : parts[1].split(separator: ",").contains("freezer")
      if mine { return parts[2] == "/" ? root : root + parts[2] }
    }
    return root
  }

  /// The hierarchy is there to be asked. Without it nothing can be told of any cgroup.
  public var isMounted: Bool { KernelFile.exists(root + "/cgroup.procs") }

  /// Checks a path that came from outside: it will be frozen, and perhaps killed.
  ///
  /// It must lie inside the hierarchy and be no ancestor of what must never be frozen or killed as one: `protected`.
  public func check(_ path: String, protecting protected: [String]) throws(IsolationError) {
    func refuse(_ reason: String) -> IsolationError {
      IsolationError(
        thing: "cgroup \(path)", reason: reason, remedy: "Give the running domain's own directory under \(root).")
    }
    guard path.hasPrefix(root + "/") else { throw refuse("it is not inside \(root), the hierarchy that freezes here") }
    let components = path.dropFirst(root.count + 1).split(separator: "/", omittingEmptySubsequences: false)
    guard !components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
      throw refuse("it has an empty, a \".\" or a \"..\" component")
    }
    for other in protected where other == path || other.hasPrefix(path + "/") {
      throw refuse("it holds \(other)")
    }
  }
}

/// One line of /proc/mounts.
struct Mount: Hashable {
  var path: String
  var type: String
  var options: Set<String>

  static func parse(_ text: String) -> [Mount] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count >= 4 else { return nil }
      return Mount(
        path: unescaped(words[1]), type: String(words[2]), options: Set(words[3].split(separator: ",").map(String.init)))
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
