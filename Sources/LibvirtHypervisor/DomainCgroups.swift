import Foundation
import Glibc

/// Where this host's cgroups are mounted, and what is in them.
package struct Cgroups: Sendable {
  /// Absolute path of the hierarchy that can freeze: the v1 freezer's mount, else the unified one.
  package let mount: String
  /// What the mount shows of the hierarchy: "/" unless a part of it is mounted.
  let shown: String
  /// "freezer" for v1, "" for the unified hierarchy: the name in /proc/PID/cgroup.
  private let controller: String

  /// nil when this host has no hierarchy that can freeze.
  ///
  /// A hierarchy may be mounted in several places, some of them inherited from another cgroup namespace, whose paths cannot be told
  /// here. The last in the usual place counts, else the last: the guard takes the same, and refuses directories elsewhere.
  package init?(mountinfo: String) {
    var places: [(controller: String, mount: String, shown: String)] = []
    for line in mountinfo.split(separator: "\n") {
      // 36 35 98:0 /root /mount/point options… - type source super-options
      let halves = line.split(separator: " - ", maxSplits: 1)
      let left = halves[0].split(separator: " ")
      guard halves.count == 2, left.count >= 5 else { continue }
      let right = halves[1].split(separator: " ")
      let isFreezer = right.first == "cgroup" && right.last?.split(separator: ",").contains("freezer") == true
      guard isFreezer || right.first == "cgroup2" else { continue }
      places.append((isFreezer ? "freezer" : "", String(left[4]), String(left[3])))
    }
    let freezers = places.filter { $0.controller == "freezer" }
    let candidates = freezers.isEmpty ? places : freezers
    let usual = candidates.last { "\($0.mount)/".hasPrefix("/sys/fs/cgroup/") }
    guard let place = usual ?? candidates.last else { return nil }
    (controller, mount, shown) = place
  }

  /// The mounts that a process has, their roots as we see them.
  init?(seenBy process: String) {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/mountinfo", encoding: .utf8) else { return nil }
    self.init(mountinfo: text)
  }

  /// The domain's cgroup directory, from the content of its process's /proc/PID/cgroup; nil when the process is not in a cgroup
  /// that libvirt made for a domain: whoever freezes or kills it would hit others.
  package func directory(procfs: String) -> String? {
    for line in procfs.split(separator: "\n") {
      // 6:freezer:/machine/lxc-1-web.libvirt-lxc
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",")
      guard controller.isEmpty ? (fields[0] == "0" && controllers.isEmpty) : controllers.contains(Substring(controller)) else {
        continue
      }
      return directory(of: String(fields[2]))
    }
    return nil
  }

  private func directory(of path: String) -> String? {
    var parts = path.split(separator: "/").map(String.init)
    // Inside a domain's cgroup libvirt keeps others, for threads ("emulator", "vcpu0") and, under systemd, for itself.
    while let last = parts.last, Self.isInner(last) { parts.removeLast() }
    guard let last = parts.last, ["lxc-", "qemu-", "machine-"].contains(where: { last.hasPrefix($0) }) else { return nil }
    return place(of: parts)
  }

  /// The directory of a path in the hierarchy; nil when our mount does not show it.
  private func place(of parts: [String]) -> String? {
    let above = shown.split(separator: "/").map(String.init)
    guard parts.starts(with: above), !parts.contains("..") else { return nil }
    return ([mount] + parts.dropFirst(above.count)).joined(separator: "/")
  }

  private static func isInner(_ part: String) -> Bool {
    if part == "libvirt" || part == "emulator" { return true }
    return ["vcpu", "iothread"].contains { part.hasPrefix($0) && Int(part.dropFirst($0.count)) != nil }
  }

  /// Directories of runs of a container that libvirt lost, in the partition that its XML names. Without systemd only: with it
  /// the directory's name is the machine's, and systemd keeps account.
  ///
  /// - Parameter root: where libvirtd's cgroups begin in the hierarchy.
  package func directories(ofContainer name: String, partition: String, root: String) -> [String] {
    let parts = partition.split(separator: "/").map { $0.contains(".") || $0 == "machine" ? String($0) : "\($0).partition" }
    guard let base = place(of: root.split(separator: "/").map(String.init)) else { return [] }
    let parent = ([base] + parts).joined(separator: "/")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    return names.filter { entry in
      guard entry.hasPrefix("lxc-"), entry.hasSuffix("-\(name).libvirt-lxc") else { return false }
      return Int(entry.dropFirst(4).dropLast("-\(name).libvirt-lxc".count)) != nil
    }.map { "\(parent)/\($0)" }
  }

  /// The processes in a cgroup directory and below it: none when it does not exist, nil when that cannot be told.
  package static func processes(in directory: String) -> [Int32]? {
    let below = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
    guard var found = members("\(directory)/cgroup.procs") else { return nil }
    // A threaded cgroup below has no list of its own: its processes stand in the one above.
    for file in below where file.hasSuffix("/cgroup.procs") { found += members("\(directory)/\(file)") ?? [] }
    return found
  }

  /// Kills every process in a cgroup directory and below it; a frozen one dies when it is thawed.
  package static func kill(in directory: String) {
    for pid in processes(in: directory) ?? [] { Glibc.kill(pid, SIGKILL) }
  }

  private static func members(_ file: String) -> [Int32]? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      return FileManager.default.fileExists(atPath: file) ? nil : []
    }
    return text.split(separator: "\n").compactMap { Int32($0) }
  }
}
