import CgroupIsolation
import Foundation
import Glibc

/// Which of a hierarchy's cgroups are libvirt's domains, and what is in them.
package struct DomainCgroups: Sendable {
  let hierarchy: CgroupHierarchy

  package init(_ hierarchy: CgroupHierarchy) { self.hierarchy = hierarchy }

  /// The domain's cgroup directory, from the content of its process's /proc/PID/cgroup; nil when the process is not in a cgroup
  /// that libvirt made for a domain: whoever freezes or kills it would hit others.
  package func directory(procfs: String) -> String? {
    guard let path = hierarchy.path(in: procfs) else { return nil }
    var parts = path.split(separator: "/")
    // Inside a domain's cgroup libvirt keeps others, for threads ("emulator", "vcpu0") and, under systemd, for itself.
    while let last = parts.last, Self.isInner(last) { parts.removeLast() }
    guard let last = parts.last, ["lxc-", "qemu-", "machine-"].contains(where: { last.hasPrefix($0) }) else { return nil }
    return hierarchy.directory(of: parts.joined(separator: "/"))
  }

  private static func isInner(_ part: Substring) -> Bool {
    if part == "libvirt" || part == "emulator" { return true }
    return ["vcpu", "iothread"].contains { part.hasPrefix($0) && Int(part.dropFirst($0.count)) != nil }
  }

  /// Directories of runs of a container that libvirt lost, whether libvirt made them or systemd did for it: in every partition there is, and in
  /// those of these names. Different domains can have the same: see `isAnothers`.
  ///
  /// - Parameter root: where libvirtd's cgroups begin in the hierarchy.
  package func directories(ofContainer name: String, partitions: [String], root: String) -> [String] {
    guard let base = hierarchy.directory(of: root) else { return [] }
    let named = partitions.flatMap(Self.directories(ofPartition:)).flatMap { place in
      Self.contents(of: base + place).filter { Self.isContainer($0) }.map { "\(base)\(place)/\($0)" }
    }
    let all = Set(named).union(containers(root: root))
    return all.filter { Self.isRun(of: name, $0) }.sorted()
  }

  /// Directories of the runs of all containers, whatever libvirt says of them, in every partition that libvirt or systemd made.
  ///
  /// libvirt keeps a name with a dot as it is: such a partition looks like any other directory, and is not found.
  ///
  /// - Parameter root: where libvirtd's cgroups begin in the hierarchy.
  package func containers(root: String) -> [String] {
    guard let base = hierarchy.directory(of: root) else { return [] }
    var found: [String] = []
    var partitions = Self.contents(of: base).filter { Self.isPlain($0) || Self.isPartition($0) }.map { "\(base)/\($0)" }
    while let partition = partitions.popLast() {
      for name in Self.contents(of: partition) {
        if Self.isPartition(name) {
          partitions.append("\(partition)/\(name)")
        } else if Self.isContainer(name) {
          found.append("\(partition)/\(name)")
        }
      }
    }
    return found.sorted()
  }

  private static func contents(of directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  }

  private static func isPartition(_ directory: String) -> Bool {
    directory.hasSuffix(".partition") || directory.hasSuffix(".slice")
  }

  /// Whether libvirt keeps a partition's first part as it is.
  private static func isPlain(_ part: String) -> Bool { ["machine", "system", "user"].contains(part) }

  private static func isContainer(_ directory: String) -> Bool {
    MachineName.named(byCgroup: directory, driver: "lxc")?.hasPrefix("lxc-") == true
  }

  /// Whether libvirt can have made a container's cgroup directory for a run of the domain of this name.
  static func isRun(of name: String, _ directory: String) -> Bool {
    let last = String(directory[(directory.lastIndex(of: "/").map(directory.index(after:)) ?? directory.startIndex)...])
    guard let machine = MachineName.named(byCgroup: last, driver: "lxc"), machine.hasPrefix("lxc-"),
      let number = Int(machine.dropFirst(4).prefix { $0.isNumber })
    else { return false }
    return MachineName.forms(driver: "lxc", number: number, name: name).contains(machine)
  }

  /// As libvirt spells it, and as systemd does.
  private static func directories(ofPartition partition: String) -> [String] {
    let parts = partition.split(separator: "/").map(String.init)
    var own = "", slices = "", slice = ""
    for (depth, part) in parts.enumerated() {
      let isKept = part.contains(".") || depth == 0 && isPlain(part)
      own += isKept ? "/\(part)" : "/\(part).partition"
      // A dash in a slice's name is a level.
      slice += (slice.isEmpty ? "" : "-") + part.replacing("-", with: "\\x2d")
      slices += "/\(slice).slice"
    }
    return [own, slices]
  }

  /// Whether what runs in a cgroup directory belongs to another container than that of the UUID; where nothing tells, it counts as this one's.
  func isAnothers(_ directory: String, than uuid: String) -> Bool { belongs(directory, to: [uuid]) == false }

  /// Whether what runs in a cgroup directory belongs to one of the containers of these UUIDs; nil: nothing tells. libvirt tells each container's init whose
  /// it is, and most of what an init starts inherits that.
  func belongs(_ directory: String, to uuids: Set<String>) -> Bool? {
    var tellsAnother = false
    // An init is older than what it starts: as a rule it has one of the least numbers.
    for process in (processes(in: directory) ?? []).sorted() {
      let data = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      for variable in data.split(separator: 0).map({ String(decoding: $0, as: UTF8.self) })
      where variable.hasPrefix("LIBVIRT_LXC_UUID=") {
        if uuids.contains(variable.dropFirst("LIBVIRT_LXC_UUID=".count).lowercased()) { return true }
        tellsAnother = true
      }
    }
    return tellsAnother ? false : nil
  }

  /// The processes in a cgroup directory and below it: none when it does not exist, nil when that cannot be told.
  package func processes(in directory: String) -> Set<pid_t>? {
    try? CgroupProcesses(hierarchy: hierarchy).list(directory)
  }

  /// Kills every process in a cgroup directory and below it; a frozen one dies when it is thawed.
  func kill(in directory: String) {
    for pid in processes(in: directory) ?? [] { Glibc.kill(pid, SIGKILL) }
  }
}
