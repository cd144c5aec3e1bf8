import Glibc
import GuardCore
import LinuxBasics

/// The cgroup of a workload of the host itself: a directory below one of the guard's partitions, as libvirt's are for its domains, with one for each part
/// in it. So the guard finds, freezes, counts and kills it in just the same way.
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

  /// Where a workload's cgroup is, below the directory of its partition.
  ///
  /// - Parameter partition: as libvirt would be told it, such as `/holdfast/freeze`, or `/machine` for what no guard stops.
  package static func directory(
    of workload: String, in hierarchy: CgroupHierarchy, below partition: String
  ) throws(IsolationError) -> String {
    "\(hierarchy.root)/\(try path(of: partition))/\(prefix)\(workload)"
  }

  private static func path(of partition: String) throws(IsolationError) -> String {
    let names = partition.split(separator: "/")
    if let last = names.last, names.count > 1, let isolation = Isolation(rawValue: String(last)) {
      return try Partition("/" + names.dropLast().joined(separator: "/")).path(for: isolation)
    }
    // The host's own, which libvirt keeps as it is.
    guard names.count == 1, let name = names.first else {
      throw IsolationError(
        thing: "partition \(partition)", reason: "it is none of the guard's", remedy: "Use a name such as /holdfast/freeze.")
    }
    return try Partition("/x").layout == .slices ? "\(name).slice" : String(name)
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
  /// - Throws: that it cannot be told.
  package func processes(ofPart index: Int? = nil) throws(KernelFileError) -> Set<pid_t> {
    try CgroupProcesses(hierarchy: hierarchy).list(index.map(directory(ofPart:)) ?? directory)
  }

  /// Whether somebody has frozen it, or what is around it.
  package var isFrozen: Bool {
    switch try? CgroupFreezer(hierarchy).stillness(directory) {
    case .frozen, .freezing: true
    case .thawed, .gone, nil: false
    }
  }

  /// A signal to every process of the workload, or of one of its parts. SIGKILL is sent until a look shows no new process.
  package func signal(_ signal: Int32, part index: Int? = nil) {
    var told: Set<pid_t> = []
    for _ in 0..<20 {
      let new = ((try? processes(ofPart: index)) ?? []).subtracting(told)
      if new.isEmpty { return }
      for pid in new { kill(pid, signal) }
      told.formUnion(new)
      if signal != SIGKILL { return }
    }
  }

  /// The names of workloads that have a cgroup with processes in it below this partition, whoever started them.
  package static func occupied(in hierarchy: CgroupHierarchy, below partition: String) throws -> [String] {
    let place = "\(hierarchy.root)/\(try path(of: partition))"
    var names: [String] = []
    for name in try KernelFile.directories(in: place) ?? [] where name.hasPrefix(prefix) {
      if try CgroupProcesses(hierarchy: hierarchy).occupied("\(place)/\(name)") {
        names.append(String(name.dropFirst(prefix.count)))
      }
    }
    return names
  }
}
