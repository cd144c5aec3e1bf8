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

  /// Directories of runs of a container that libvirt lost, in the partition that its XML names, whether libvirt made them or systemd did for it.
  /// Different domains can have the same: see `isAnothers`.
  ///
  /// - Parameter root: where libvirtd's cgroups begin in the hierarchy.
  package func directories(ofContainer name: String, partition: String, root: String) -> [String] {
    guard let base = hierarchy.directory(of: root) else { return [] }
    return Self.directories(ofPartition: partition).flatMap { place in
      let parent = base + place
      let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
      return names.filter { Self.isRun(of: name, $0) }.sorted().map { "\(parent)/\($0)" }
    }
  }

  private static func isRun(of name: String, _ directory: String) -> Bool {
    guard let machine = MachineName.named(byCgroup: directory, driver: "lxc"), machine.hasPrefix("lxc-"),
      let number = Int(machine.dropFirst(4).prefix { $0.isNumber })
    else { return false }
    return MachineName.forms(driver: "lxc", number: number, name: name).contains(machine)
  }

  /// As libvirt spells it, and as systemd does.
  private static func directories(ofPartition partition: String) -> [String] {
    let parts = partition.split(separator: "/").map(String.init)
    var own = "", slices = "", slice = ""
    for (depth, part) in parts.enumerated() {
      let isPlain = part.contains(".") || depth == 0 && ["machine", "system", "user"].contains(part)
      own += isPlain ? "/\(part)" : "/\(part).partition"
      // A dash in a slice's name is a level.
      slice += (slice.isEmpty ? "" : "-") + part.replacing("-", with: "\\x2d")
      slices += "/\(slice).slice"
    }
    return [own, slices]
  }

  /// Whether what runs in a cgroup directory belongs to another container than that of the UUID. libvirt tells each container's init whose it is,
  /// and most of what an init starts inherits that; where nothing tells, it counts as this one's.
  func isAnothers(_ directory: String, than uuid: String) -> Bool {
    var tellsAnother = false
    for process in processes(in: directory) ?? [] {
      let data = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      for variable in data.split(separator: 0).map({ String(decoding: $0, as: UTF8.self) })
      where variable.hasPrefix("LIBVIRT_LXC_UUID=") {
        if variable.dropFirst("LIBVIRT_LXC_UUID=".count).lowercased() == uuid { return false }
        tellsAnother = true
      }
    }
    return tellsAnother
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
