import CgroupIsolation
import Glibc
import GuardCore
import LinuxBasics
import Synchronization

/// Names that no other test, and no other run on this machine, uses.
private let counter = Atomic(0)
func uniqueName(_ prefix: String = "hfguardtest") -> String {
  "\(prefix)-\(getpid())-\(counter.wrappingAdd(1, ordering: .relaxed).newValue)"
}

/// The hierarchies that can freeze here.
let hierarchies = CgroupHierarchy.Version.allCases.compactMap { try? CgroupHierarchy.find($0) }
let isRoot = geteuid() == 0 && !hierarchies.isEmpty

/// A cgroup of the tests with what the test makes below it; killed and removed when it goes.
final class TestCgroup {
  let path: String
  let hierarchy: CgroupHierarchy

  init(in hierarchy: CgroupHierarchy) throws {
    self.hierarchy = hierarchy
    path = hierarchy.root + "/" + uniqueName()
    try KernelFile.makeDirectory(path)
  }

  func child(_ name: String) throws -> String {
    try KernelFile.makeDirectory(path + "/" + name)
    return path + "/" + name
  }

  deinit { removeCgroups(path, in: hierarchy) }
}

/// Thaws, kills and removes a cgroup and everything below.
func removeCgroups(_ path: String, in hierarchy: CgroupHierarchy) {
  for name in (try? KernelFile.directories(in: path)) ?? [] { removeCgroups(path + "/" + name, in: hierarchy) }
  for _ in 0..<200 {
    for pid in pids(path) { kill(pid, SIGKILL) }
    try? CgroupFreezer(hierarchy).thaw(path)
    if rmdir(path) == 0 || errno == ENOENT { return }
    usleep(1000)
  }
}

func pids(_ cgroup: String) -> [pid_t] {
  ((try? KernelFile.read(cgroup + "/cgroup.procs")) ?? "").split(separator: "\n").compactMap { pid_t($0) }
}

/// A partition of the tests, with its directories in every hierarchy; removed when it goes.
final class TestPartition {
  let partition: Partition
  let isolation: NodeIsolation

  init(in hierarchy: CgroupHierarchy) throws {
    partition = try Partition("/" + uniqueName(), layout: .escaped)
    isolation = NodeIsolation(partition: partition, hierarchy: hierarchy)
    try PartitionTree(partition, in: hierarchy).create()
  }

  /// A domain's cgroup, as libvirt would make it.
  func domain(_ name: String, _ kind: Isolation = .freeze) throws -> String {
    let path = isolation.directory(for: kind) + "/lxc-1-\(name).libvirt-lxc"
    try KernelFile.makeDirectory(path)
    return path
  }

  deinit {
    _ = isolation.thaw(cgroups: [])
    let top = String(partition.path(for: .freeze).split(separator: "/")[0])
    let mounts = (try? KernelFile.read("/proc/mounts")) ?? ""
    for line in mounts.split(separator: "\n") where line.contains(" cgroup") {
      let root = String(line.split(separator: " ")[1])
      if KernelFile.exists(root + "/" + top) { removeCgroups(root + "/" + top, in: isolation.hierarchy) }
    }
  }
}
