import CgroupIsolation
import Glibc
import GuardCore
import LinuxBasics
import Testing

@Suite struct `Where things are` {
  static let debian11 = """
    21 25 0:20 / /sys rw - sysfs sysfs rw
    30 21 0:26 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755
    31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
    32 30 0:28 / /sys/fs/cgroup/systemd rw shared:3 - cgroup cgroup rw,xattr,name=systemd
    33 30 0:29 / /sys/fs/cgroup/my\\040freezer rw shared:4 - cgroup cgroup rw,freezer

    """
  static let unified = "31 30 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
  /// As in a container that sees what its host has mounted besides.
  static let overmounted = """
    22 20 0:29 /../.. /mnt/freezer rw - cgroup outside rw,freezer
    33 30 0:29 / /sys/fs/cgroup/old rw - cgroup cgroup rw,freezer
    34 30 0:29 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
    35 30 0:29 / /tmp/x rw - cgroup cgroup rw,freezer
    """
  static let partial = "33 30 0:29 /lab/h1 /cg/freezer rw - cgroup cgroup rw,freezer"

  @Test func `the hierarchy is found among the mounts`() throws {
    func find(_ version: CgroupHierarchy.Version?, _ mountinfo: String) throws -> CgroupHierarchy {
      try CgroupHierarchy.find(version, mountinfo: mountinfo)
    }
    #expect(try find(nil, Self.debian11) == CgroupHierarchy(version: .v1, root: "/sys/fs/cgroup/my freezer"))
    #expect(try find(.v2, Self.debian11).root == "/sys/fs/cgroup/unified")
    #expect(try find(nil, Self.unified) == CgroupHierarchy(version: .v2, root: "/sys/fs/cgroup"))
    #expect(try find(nil, Self.overmounted).root == "/sys/fs/cgroup/freezer")
    #expect(try find(nil, Self.partial) == CgroupHierarchy(version: .v1, root: "/cg/freezer", shown: "/lab/h1"))
    let error = #expect(throws: IsolationError.self) { try find(.v1, Self.unified) }
    #expect(error?.description.contains("no v1 hierarchy") == true)
    for text in ["", "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw", "33 30 0:29 / /x rw - cgroup", "a - b"] {
      #expect(throws: IsolationError.self) { try find(nil, text) }
    }
  }

  @Test(
    arguments: [
      (debian11, "6:freezer:/a/b\n0::/c", "/sys/fs/cgroup/my freezer/a/b"),
      (debian11, "3:cpu,cpuacct:/x\n6:freezer:/", "/sys/fs/cgroup/my freezer"),
      (debian11, "0::/c", nil), (unified, "6:freezer:/a\n0::/b", "/sys/fs/cgroup/b"), (unified, "0::/../b", nil),
      (partial, "6:freezer:/lab/h1/a", "/cg/freezer/a"), (partial, "6:freezer:/lab/h1", "/cg/freezer"),
      (partial, "6:freezer:/lab/h2/a", nil), (unified, "", nil)
    ] as [(String, String, String?)])
  func `a process's cgroup is a directory where the mount shows it`(mounts: String, procfs: String, expected: String?) throws {
    let hierarchy = try CgroupHierarchy.find(nil, mountinfo: mounts)
    #expect(hierarchy.path(in: procfs).flatMap(hierarchy.directory(of:)) == expected)
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
