import CgroupIsolation
import Glibc
import GuardCore
import LinuxBasics
import Testing

@Suite struct `Where things are` {
  static let debian11 = """
    sysfs /sys sysfs rw 0 0
    tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
    cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
    cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0
    cgroup /sys/fs/cgroup/my\\040freezer cgroup rw,freezer 0 0

    """
  static let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"
  static let overmounted =
    "cgroup /sys/fs/cgroup/old cgroup rw,freezer 0 0\ncgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\ncgroup /tmp/x cgroup rw,freezer 0 0\n"

  @Test func `the hierarchy is found among the mounts`() throws {
    #expect(
      try CgroupHierarchy.find(nil, mounts: Self.debian11) == CgroupHierarchy(version: .v1, root: "/sys/fs/cgroup/my freezer"))
    #expect(try CgroupHierarchy.find(.v2, mounts: Self.debian11).root == "/sys/fs/cgroup/unified")
    #expect(try CgroupHierarchy.find(nil, mounts: Self.unified) == CgroupHierarchy(version: .v2, root: "/sys/fs/cgroup"))
    #expect(try CgroupHierarchy.find(nil, mounts: Self.overmounted).root == "/sys/fs/cgroup/freezer")
    let error = #expect(throws: IsolationError.self) { try CgroupHierarchy.find(.v1, mounts: Self.unified) }
    #expect(error?.description.contains("no v1 hierarchy") == true)
    #expect(throws: IsolationError.self) { try CgroupHierarchy.find(nil, mounts: "") }
  }

  static let root = CgroupHierarchy(version: .v2, root: "/sys/fs/cgroup")
  static let protected = [
    "/sys/fs/cgroup/holdfast.partition/freeze.partition", "/sys/fs/cgroup/system.slice/holdfast-guard.service"
  ]

  @Test(arguments: [
    "/sys/fs/cgroup", "/sys/fs/cgroup/", "/sys/fs/cgroup/.", "/sys/fs/cgroup/a/../b", "/sys/fs/cgroup//a", "/sys/fs/cgroup/a/",
    "/sys/fs/cgroup/..", "/sys/fs/cgroupx/a", "/etc", "", "a", "/sys/fs/cgroup/holdfast.partition",
    "/sys/fs/cgroup/holdfast.partition/freeze.partition", "/sys/fs/cgroup/system.slice",
    "/sys/fs/cgroup/system.slice/holdfast-guard.service"
  ]) func `a cgroup that must not be touched is refused`(_ path: String) {
    #expect(throws: IsolationError.self) { try Self.root.check(path, protecting: Self.protected) }
  }

  @Test(arguments: [
    "/sys/fs/cgroup/machine.slice/machine-lxc\\x2d1.scope",
    "/sys/fs/cgroup/holdfast.partition/freeze.partition/lxc-1-a.libvirt-lxc",
    "/sys/fs/cgroup/system.slice/holdfast-guard.servicex", "/sys/fs/cgroup/a..b"
  ]) func `a domain's own cgroup is accepted`(_ path: String) throws {
    try Self.root.check(path, protecting: Self.protected)
  }

  @Test func `partitions are named as libvirt names them`() throws {
    let plain = try Partition("/holdfast", layout: .escaped)
    #expect(plain.name(for: .freeze) == "/holdfast/freeze")
    #expect(plain.path(for: .freeze) == "holdfast.partition/freeze.partition")
    #expect(plain.path(for: .stop) == "holdfast.partition/stop.partition")
    #expect(try Partition("/holdfast", layout: .slices).path(for: .stop) == "holdfast.slice/holdfast-stop.slice")
    #expect(
      try Partition("/lab/h-1", layout: .slices).path(for: .stop) == "lab.slice/lab-h\\x2d1.slice/lab-h\\x2d1-stop.slice")
  }

  @Test(arguments: [
    "", "/", "holdfast", "/holdfast/", "//holdfast", "/../x", "/a.b", "/_a", "/machine", "/system/a", "/cpu", "/cgroup", "/a b"
  ])
  func `a partition's name has rules`(_ name: String) {
    #expect(throws: IsolationError.self) { try Partition(name) }
  }

  @Test(.enabled(if: isRoot), arguments: hierarchies) func `the tree is made where libvirt needs it, twice without harm`(
    _ hierarchy: CgroupHierarchy
  ) throws {
    let partition = try TestPartition(in: hierarchy)
    try PartitionTree(partition.partition, in: hierarchy).create()
    let path = "/" + partition.partition.path(for: .freeze)
    #expect(KernelFile.exists(hierarchy.root + path))
    guard hierarchy.version == .v1 else { return }
    let roots = try KernelFile.read("/proc/mounts").split(separator: "\n").map { $0.split(separator: " ") }.filter {
      $0[2] == "cgroup"
    }
    let missing = roots.filter { !$0[3].contains("name=") && !KernelFile.exists($0[1] + path) }
    #expect(missing.isEmpty)
    if let cpuset = roots.first(where: { $0[3].contains("cpuset") }) {
      #expect(try KernelFile.read(cpuset[1] + path + "/cpuset.cpus") == KernelFile.read(cpuset[1] + "/cpuset.cpus"))
      #expect(try KernelFile.read(cpuset[1] + path + "/cpuset.mems") != "\n")
    }
  }
}
