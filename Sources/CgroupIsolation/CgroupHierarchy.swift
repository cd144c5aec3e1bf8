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
  /// What the mount shows of the hierarchy, as a path in it: "/" unless only a part of it is mounted.
  public var shown: String

  public init(version: Version, root: String, shown: String = "/") {
    self.version = version
    self.root = root
    self.shown = shown
  }

  /// Finds it among the mounts of a process. The only place where that is decided: the guard freezes directories of this hierarchy, and
  /// refuses those that the libvirt adapter names in another.
  ///
  /// Where both versions are mounted it is the v1 freezer: libvirt, too, takes a controller from v1 where v1 has it.
  /// - Parameters:
  ///   - wanted: nil for whichever libvirt uses.
  ///   - process: a process ID, or "self".
  public static func find(_ wanted: Version? = nil, seenBy process: String = "self") throws(IsolationError) -> CgroupHierarchy {
    try find(wanted, mountinfo: Mount.text(seenBy: process))
  }

  /// The same, from the text of /proc/PID/mountinfo.
  public static func find(_ wanted: Version?, mountinfo: String) throws(IsolationError) -> CgroupHierarchy {
    var found: [Version: CgroupHierarchy] = [:]
    // A later line of the same kind is mounted over the earlier, or beside it, perhaps inherited from another cgroup namespace, whose paths
    // cannot be told here: the last in the usual place counts, else the last.
    let all = Mount.parse(mountinfo)
    let usual = all.filter { ($0.path + "/").hasPrefix("/sys/fs/cgroup/") }
    for mount in all.filter({ !usual.contains($0) }) + usual {
      guard let version = mount.version else { continue }
      found[version] = CgroupHierarchy(version: version, root: mount.path, shown: mount.shown)
    }
    for version in wanted.map({ [$0] }) ?? [.v1, .v2] {
      if let hierarchy = found[version] { return hierarchy }
    }
    throw IsolationError(
      thing: "cgroups", reason: "no \(wanted.map { "\($0) " } ?? "")hierarchy that can freeze is mounted",
      remedy: "Mount cgroup2 (or the v1 freezer) under /sys/fs/cgroup.")
  }

  /// This process's own cgroup in it.
  func own() throws(KernelFileError) -> String {
    path(in: try KernelFile.read("/proc/self/cgroup")).flatMap(directory(of:)) ?? root
  }

  /// A process's cgroup as a path in this hierarchy, from the text of its /proc/PID/cgroup; nil when it is in none.
  package func path(in procfs: String) -> String? {
    for line in procfs.split(separator: "\n") {
      // 6:freezer:/machine/lxc-1-web.libvirt-lxc
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isOurs = version == .v2 ? fields[0] == "0" : fields[1].split(separator: ",").contains("freezer")
      if isOurs { return String(fields[2]) }
    }
    return nil
  }

  /// The directory of a path in this hierarchy; nil when the mount does not show it.
  package func directory(of path: String) -> String? {
    let parts = path.split(separator: "/"), above = shown.split(separator: "/")
    guard parts.starts(with: above), !parts.contains("..") else { return nil }
    return ([root[...]] + parts.dropFirst(above.count)).joined(separator: "/")
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
