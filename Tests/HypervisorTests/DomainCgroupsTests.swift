import Foundation
import LibvirtHypervisor
import Testing

/// Finding a domain's cgroup, on hosts of either version.
@Suite struct CgroupsTests {
  static let legacy = """
    30 25 0:26 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw
    31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
    32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct
    33 30 0:29 / /sys/fs/cgroup/freezer rw shared:4 - cgroup cgroup rw,freezer
    """
  static let unified = "31 30 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot"
  /// As in a container that sees what its host has mounted besides.
  static let inherited = """
    22 20 0:29 /../.. /mnt/freezer rw - cgroup outside rw,freezer
    \(legacy)
    34 20 0:29 /../.. /mnt/again rw - cgroup outside rw,freezer
    """
  static let partial = "33 30 0:29 /lab/h1 /cg/freezer rw - cgroup cgroup rw,freezer"

  @Test(
    arguments: [
      (
        legacy, "6:freezer:/holdfast.partition/lxc-12-web.libvirt-lxc\n0::/",
        "/sys/fs/cgroup/freezer/holdfast.partition/lxc-12-web.libvirt-lxc"
      ),
      (
        legacy, "3:cpu,cpuacct:/x\n6:freezer:/machine/qemu-1-db.libvirt-qemu",
        "/sys/fs/cgroup/freezer/machine/qemu-1-db.libvirt-qemu"
      ),
      (legacy, "6:freezer:/\n0::/machine/lxc-12-web.libvirt-lxc", nil),
      (
        unified, "0::/machine.slice/machine-qemu\\x2d1\\x2ddb.scope/libvirt/emulator",
        "/sys/fs/cgroup/machine.slice/machine-qemu\\x2d1\\x2ddb.scope"
      ),
      (
        unified, "0::/machine.slice/machine-lxc\\x2d12\\x2dweb.scope/libvirt",
        "/sys/fs/cgroup/machine.slice/machine-lxc\\x2d12\\x2dweb.scope"
      ),
      (unified, "0::/p.partition/qemu-1-db.libvirt-qemu/vcpu0", "/sys/fs/cgroup/p.partition/qemu-1-db.libvirt-qemu"),
      // Not a domain's own: whoever froze it would freeze libvirtd as well.
      (unified, "0::/system.slice/libvirtd.service", nil), (unified, "0::/../machine/lxc-1-x.libvirt-lxc", nil),
      (
        inherited, "6:freezer:/holdfast.partition/lxc-12-web.libvirt-lxc",
        "/sys/fs/cgroup/freezer/holdfast.partition/lxc-12-web.libvirt-lxc"
      ),
      (partial, "6:freezer:/lab/h1/machine/lxc-1-x.libvirt-lxc", "/cg/freezer/machine/lxc-1-x.libvirt-lxc"),
      (partial, "6:freezer:/lab/h2/machine/lxc-1-x.libvirt-lxc", nil)
    ] as [(String, String, String?)])
  func `the domain's directory is the one that holds all of it and nothing else`(
    mounts: String, procfs: String, expected: String?
  ) throws {
    #expect(try #require(Cgroups(mountinfo: mounts)).directory(procfs: procfs) == expected)
  }

  @Test func `without a hierarchy that can freeze there is none`() {
    #expect(Cgroups(mountinfo: "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw") == nil)
  }

  @Test func `a directory that is not there holds no processes, one that cannot be read is not known`() throws {
    #expect(Cgroups.processes(in: "/nonexistent/cgroup") == [])
    let directory = FileManager.default.temporaryDirectory.appending(path: "cgroup-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory + "/inner/deeper", withIntermediateDirectories: true)
    try "12\n13\n".write(toFile: directory + "/cgroup.procs", atomically: true, encoding: .utf8)
    try "14\n".write(toFile: directory + "/inner/deeper/cgroup.procs", atomically: true, encoding: .utf8)
    #expect(Cgroups.processes(in: directory)?.sorted() == [12, 13, 14])
    try FileManager.default.removeItem(atPath: directory + "/cgroup.procs")
    try FileManager.default.createDirectory(atPath: directory + "/cgroup.procs", withIntermediateDirectories: true)
    #expect(Cgroups.processes(in: directory) == nil)
  }

  @Test func `runs of a lost container are found in its partition`() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "cgroups-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: root) }
    for name in ["lxc-12-web.libvirt-lxc", "lxc-13-a-web.libvirt-lxc", "qemu-1-web.libvirt-qemu"] {
      try FileManager.default.createDirectory(
        atPath: "\(root)/holdfast.partition/freeze.partition/\(name)", withIntermediateDirectories: true)
    }
    let cgroups = try #require(Cgroups(mountinfo: "1 2 0:3 / \(root) rw - cgroup cgroup rw,freezer"))
    let expected = ["\(root)/holdfast.partition/freeze.partition/lxc-12-web.libvirt-lxc"]
    #expect(cgroups.directories(ofContainer: "web", partition: "/holdfast/freeze", root: "/") == expected)
    #expect(cgroups.directories(ofContainer: "web", partition: "/elsewhere", root: "/") == [])
    #expect(cgroups.directories(ofContainer: "web", partition: "/freeze", root: "/holdfast.partition") == expected)
    #expect(cgroups.directories(ofContainer: "web", partition: "/freeze", root: "/..") == [])
  }
}
