import Glibc
import GuardCore
import LinuxBasics

/// The cgroup of a workload of the host itself: a directory below one of the guard's partitions, as libvirt's are for its domains, with one for each part
/// in it. So the guard finds, freezes, counts and kills it in just the same way.
///
/// Where the partition is a slice of systemd's, the workload's cgroup is named as a slice as well: systemd runs units in it, beside what Holdfast starts.
package struct PartsCgroup: Hashable, Sendable {
  package let directory: String
  private let hierarchy: CgroupHierarchy

  /// - Parameter directory: as `directory(of:in:below:)` gave it once.
  package init(_ directory: String, in hierarchy: CgroupHierarchy) {
    self.directory = directory
    self.hierarchy = hierarchy
  }

  /// No name of libvirt's or the kernel's begins so.
  private static let prefix = "host-"
  private static let slice = ".slice"

  /// Where a workload's cgroup is, below the directory of its partition.
  ///
  /// - Parameters:
  ///   - partition: as libvirt would be told it, such as `/holdfast/freeze`, or `/machine` for what no guard stops.
  ///   - layout: nil: as libvirt does it on this host.
  package static func directory(
    of workload: String, in hierarchy: CgroupHierarchy, below partition: String, layout: Partition.Layout? = nil
  ) throws(IsolationError) -> String {
    let place = try path(of: partition, layout)
    let name = slicePrefix(of: place).map { $0 + workload.replacing("-", with: #"\x2d"#) + slice } ?? prefix + workload
    return "\(hierarchy.root)/\(place)/\(name)"
  }

  /// What the name of a workload's slice begins with; nil: the partition is none.
  private static func slicePrefix(of place: String) -> String? {
    guard place.hasSuffix(slice), let last = place.split(separator: "/").last else { return nil }
    return last.dropLast(slice.count) + #"-host\x2d"#
  }

  /// The slice of systemd's that it is; nil: it is none, and systemd runs nothing in it.
  package var sliceName: String? {
    guard hierarchy.version == .v2, directory.hasSuffix(Self.slice) else { return nil }
    return directory.split(separator: "/").last.map(String.init)
  }

  /// Whether it is in a hierarchy that is none of systemd's own: where a process is in it, says nothing of where systemd has it.
  package var freezesAlone: Bool { hierarchy.version == .v1 }

  private static func path(of partition: String, _ layout: Partition.Layout?) throws(IsolationError) -> String {
    let names = partition.split(separator: "/")
    if let last = names.last, names.count > 1, let isolation = Isolation(rawValue: String(last)) {
      return try Partition("/" + names.dropLast().joined(separator: "/"), layout: layout).path(for: isolation)
    }
    // The host's own, which libvirt keeps as it is.
    guard names.count == 1, let name = names.first else {
      throw IsolationError(
        thing: "partition \(partition)", reason: "it is none of the guard's", remedy: "Use a name such as /holdfast/freeze.")
    }
    return try Partition("/x", layout: layout).layout == .slices ? "\(name).slice" : String(name)
  }

  package func directory(ofPart index: Int) -> String { "\(directory)/part-\(index)" }

  /// Makes what is missing of it.
  package func create(parts: Int) throws(KernelFileError) {
    let partition = directory.split(separator: "/").dropLast().joined(separator: "/")
    try KernelFile.makeDirectory("/" + partition)
    try KernelFile.makeDirectory(directory)
    for index in 0..<parts { try KernelFile.makeDirectory(directory(ofPart: index)) }
  }

  /// Removes it, where it is empty.
  package func remove() {
    for name in (try? KernelFile.directories(in: directory)) ?? [] { rmdir("\(directory)/\(name)") }
    rmdir(directory)
  }

  /// The processes of the workload, or of one of its parts.
  ///
  /// - Parameter unit: the systemd unit that the part is: systemd's own cgroup for it is the part's besides.
  /// - Throws: that it cannot be told.
  package func processes(ofPart index: Int? = nil, unit: String? = nil) throws(KernelFileError) -> Set<pid_t> {
    let processes = CgroupProcesses(hierarchy: hierarchy)
    var found = try processes.list(index.map(directory(ofPart:)) ?? directory)
    guard let unit else { return found }
    // systemd puts the sign before names that the kernel could take for its own.
    for name in [unit, "_" + unit] { found.formUnion(try processes.list("\(directory)/\(name)")) }
    return found
  }

  /// Moves every process of another cgroup, of whichever hierarchy, to a part's: systemd's for a unit, where that is not the hierarchy that freezes.
  ///
  /// - Returns: whether a look found none outside.
  package func adopt(from other: String, part index: Int) throws(KernelFileError) -> Bool {
    let target = directory(ofPart: index)
    for _ in 0..<Self.mostLooks {
      let strangers = try CgroupProcesses(hierarchy: hierarchy).list(other).subtracting(try processes(ofPart: index))
      if strangers.isEmpty { return true }
      for pid in strangers {
        do { try KernelFile.write("\(pid)", to: target + "/cgroup.procs") } catch {
          if error.code != ESRCH { throw error }
        }
      }
    }
    return false
  }

  /// Looks for processes that appeared meanwhile.
  private static let mostLooks = 20

  /// Whether somebody has frozen it, or what is around it.
  package var isFrozen: Bool {
    switch try? CgroupFreezer(hierarchy).stillness(directory) {
    case .frozen, .freezing: true
    case .thawed, .gone, nil: false
    }
  }

  /// A signal to every process of the workload, or of one of its parts. SIGKILL is sent until a look shows no new process.
  package func signal(_ signal: Int32, part index: Int? = nil, unit: String? = nil) {
    var told: Set<pid_t> = []
    for _ in 0..<Self.mostLooks {
      let new = ((try? processes(ofPart: index, unit: unit)) ?? []).subtracting(told)
      if new.isEmpty { return }
      for pid in new { kill(pid, signal) }
      told.formUnion(new)
      if signal != SIGKILL { return }
    }
  }

  /// The names of workloads that have a cgroup with processes in it below this partition, whoever started them.
  package static func occupied(
    in hierarchy: CgroupHierarchy, below partition: String, layout: Partition.Layout? = nil
  ) throws -> [String] {
    let path = try path(of: partition, layout), place = "\(hierarchy.root)/\(path)", slices = slicePrefix(of: path)
    var names: [String] = []
    for name in try KernelFile.directories(in: place) ?? [] {
      guard let workload = workload(name, slices) else { continue }
      if try CgroupProcesses(hierarchy: hierarchy).occupied("\(place)/\(name)") { names.append(workload) }
    }
    return names
  }

  /// Whose cgroup has this name; nil: no workload's.
  private static func workload(_ name: String, _ slices: String?) -> String? {
    // Earlier builds named it so in slices too.
    if name.hasPrefix(prefix) { return String(name.dropFirst(prefix.count)) }
    guard let slices, name.hasPrefix(slices), name.hasSuffix(slice) else { return nil }
    return String(name.dropFirst(slices.count).dropLast(slice.count)).replacing(#"\x2d"#, with: "-")
  }

  /// The directory of a process's cgroup in systemd's own v1 hierarchy, which freezes nothing; nil: it is in none that is mounted here.
  ///
  /// - Parameter process: its ID, or "self".
  package static func systemdDirectory(of process: String) throws -> String? {
    let mounts = Mount.parse(try Mount.text(seenBy: "self"))
    guard let mount = mounts.last(where: { $0.type == "cgroup" && $0.options.contains("name=systemd") }) else { return nil }
    let lines = try KernelFile.read("/proc/\(process)/cgroup").split(separator: "\n")
    guard let line = lines.first(where: { $0.contains(":name=systemd:") }),
      let path = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last
    else { return nil }
    return CgroupHierarchy(version: .v1, root: mount.path, shown: mount.shown).directory(of: String(path))
  }
}
