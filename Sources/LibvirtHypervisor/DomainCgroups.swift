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

  /// Directories of runs of a container that libvirt lost, in the partition that its XML names. Without systemd only: with it
  /// the directory's name is the machine's, and systemd keeps account.
  ///
  /// - Parameter root: where libvirtd's cgroups begin in the hierarchy.
  package func directories(ofContainer name: String, partition: String, root: String) -> [String] {
    let parts = partition.split(separator: "/").map { $0.contains(".") || $0 == "machine" ? String($0) : "\($0).partition" }
    guard let base = hierarchy.directory(of: root) else { return [] }
    let parent = ([base] + parts).joined(separator: "/")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    return names.filter { entry in
      guard entry.hasPrefix("lxc-"), entry.hasSuffix("-\(name).libvirt-lxc") else { return false }
      return Int(entry.dropFirst(4).dropLast("-\(name).libvirt-lxc".count)) != nil
    }.map { "\(parent)/\($0)" }
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
