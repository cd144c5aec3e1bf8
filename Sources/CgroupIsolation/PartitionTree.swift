import GuardCore
import LinuxBasics

/// Makes the partitions' directories: libvirt refuses to start a domain in a partition that is not there.
public struct PartitionTree: Sendable {
  private let partition: Partition
  private let hierarchy: CgroupHierarchy
  private let mounts: [Mount]

  /// The controllers that libvirt uses, v1.
  private static let v1Controllers: Set<String> = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"]
  /// And v2.
  private static let v2Controllers = ["cpuset", "cpu", "io", "memory", "pids"]

  public init(_ partition: Partition, in hierarchy: CgroupHierarchy) throws(IsolationError) {
    self.partition = partition
    self.hierarchy = hierarchy
    mounts = Mount.parse(try Mount.text(seenBy: "self"))
  }

  /// Creates what is missing, in every hierarchy that libvirt needs. Changes nothing that is there.
  public func create() throws(IsolationError) {
    do {
      for root in roots {
        for isolation in Isolation.allCases {
          for step in partition.pathSteps(for: isolation) { try make(step, below: root) }
        }
      }
    } catch {
      throw IsolationError(
        thing: "partition \(partition.name)", reason: "\(error)",
        remedy: "Run as root, with the cgroup hierarchies mounted writable.")
    }
  }

  private var roots: [String] {
    switch (hierarchy.version, partition.layout) {
    // systemd makes its slices in its own hierarchies; the v1 freezer is not one of them.
    case (.v2, _), (.v1, .slices): [hierarchy.root]
    case (.v1, .escaped):
      mounts.filter { $0.type == "cgroup" && !$0.options.isDisjoint(with: Self.v1Controllers) }.map(\.path)
    }
  }

  private func make(_ path: String, below root: String) throws(KernelFileError) {
    let directory = root + "/" + path
    try KernelFile.makeDirectory(directory)
    let parent = path.contains("/") ? root + "/" + path.split(separator: "/").dropLast().joined(separator: "/") : root
    switch hierarchy.version {
    case .v1:
      // A cpuset without CPUs or memory nodes takes no process.
      for file in ["cpuset.cpus", "cpuset.mems"] where KernelFile.exists(directory + "/" + file) {
        if try isBlank(directory + "/" + file) {
          try KernelFile.write(try KernelFile.read(parent + "/" + file), to: directory + "/" + file)
        }
      }
    case .v2:
      // What the parent does not hand on, libvirt cannot use in its domains below.
      enableControllers(parent)
      enableControllers(directory)
    }
  }

  private func isBlank(_ path: String) throws(KernelFileError) -> Bool {
    try KernelFile.read(path).allSatisfy { $0 == "\n" || $0 == " " }
  }

  /// As far as they are to be had: a controller that is bound to v1, or that systemd keeps for itself, is libvirt's to miss.
  private func enableControllers(_ directory: String) {
    guard let available = try? KernelFile.read(directory + "/cgroup.controllers") else { return }
    let names = available.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    for controller in Self.v2Controllers where names.contains(controller) {
      try? KernelFile.write("+" + controller, to: directory + "/cgroup.subtree_control")
    }
  }
}
