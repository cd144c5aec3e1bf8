import CgroupIsolation
import Foundation
import LibvirtHypervisor
import Testing

/// Finding a domain's cgroup, on hosts of either version.
@Suite struct DomainCgroupsTests {
  static let legacy = CgroupHierarchy(version: .v1, root: "/sys/fs/cgroup/freezer")
  static let unified = CgroupHierarchy(version: .v2, root: "/sys/fs/cgroup")
  static let partial = CgroupHierarchy(version: .v1, root: "/cg/freezer", shown: "/lab/h1")

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
      (partial, "6:freezer:/lab/h1/machine/lxc-1-x.libvirt-lxc", "/cg/freezer/machine/lxc-1-x.libvirt-lxc"),
      (partial, "6:freezer:/lab/h2/machine/lxc-1-x.libvirt-lxc", nil)
    ] as [(CgroupHierarchy, String, String?)])
  func `the domain's directory is the one that holds all of it and nothing else`(
    hierarchy: CgroupHierarchy, procfs: String, expected: String?
  ) {
    #expect(DomainCgroups(hierarchy).directory(procfs: procfs) == expected)
  }

  @Test func `a directory that is not there holds no processes, one that cannot be read is not known`() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "cgroup-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory + "/inner/deeper", withIntermediateDirectories: true)
    try "12\n13\n".write(toFile: directory + "/cgroup.procs", atomically: true, encoding: .utf8)
    try "14\n".write(toFile: directory + "/inner/deeper/cgroup.procs", atomically: true, encoding: .utf8)
    let cgroups = DomainCgroups(CgroupHierarchy(version: .v1, root: directory))
    #expect(cgroups.processes(in: directory + "/gone") == [])
    let unmounted = DomainCgroups(CgroupHierarchy(version: .v1, root: "/nonexistent"))
    #expect(unmounted.processes(in: "/nonexistent/gone") == nil, "without a hierarchy nothing is known to be gone")
    #expect(cgroups.processes(in: directory) == [12, 13, 14])
    try FileManager.default.removeItem(atPath: directory + "/cgroup.procs")
    try FileManager.default.createDirectory(atPath: directory + "/cgroup.procs", withIntermediateDirectories: true)
    #expect(cgroups.processes(in: directory) == nil)
  }

  /// As libvirt 9.0 makes them, and libvirt 6 where that differs.
  @Test(
    arguments: [
      ("web", ["lxc-12-web"]), ("web_1", ["lxc-12-web1"]), ("Mail_Gate--Prod.", ["lxc-12-MailGate-Prod"]),
      ("-a..b.-c-", ["lxc-12-a.b.c"]), ("poste-français", ["lxc-12-poste-franais"]), ("___", ["lxc-12"]),
      ("a-_-b", ["lxc-12-a-b", "lxc-12-a--b"]),
      (String(repeating: "x", count: 70), ["lxc-12-" + String(repeating: "x", count: 57)]),
      (String(repeating: "x", count: 56) + "-y", ["lxc-12-" + String(repeating: "x", count: 56)])
    ] as [(String, [String])]) func `a machine's name is what libvirt makes of the domain's`(name: String, expected: [String])
  {
    #expect(MachineName.forms(driver: "lxc", number: 12, name: name) == Set(expected))
  }

  @Test(
    arguments: [
      ("lxc-12-web1.libvirt-lxc", "lxc-12-web1"), ("machine-lxc\\x2d12\\x2dweb1.scope", "lxc-12-web1"),
      ("machine-lxc\\x2d12\\x2da.b.scope", "lxc-12-a.b"), ("qemu-1-web.libvirt-qemu", nil), ("web1", nil), ("x.scope", nil)
    ] as [(String, String?)]) func `a cgroup's name has the machine's in it`(directory: String, expected: String?)
  {
    #expect(MachineName.named(byCgroup: directory, driver: "lxc") == expected)
  }

  @Test func `runs that systemd made a cgroup for are found as well, under the name that libvirt gave them`() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "cgroups-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: root) }
    let slice = "\(root)/holdfast.slice/holdfast-freeze.slice", own = "\(root)/holdfast.partition/freeze.partition"
    let found = ["\(own)/lxc-7-web1.libvirt-lxc", "\(slice)/machine-lxc\\x2d12\\x2dweb1.scope"]
    let others = [
      "\(slice)/machine-lxc\\x2d12\\x2dweb2.scope", "\(slice)/machine-qemu\\x2d12\\x2dweb1.scope",
      "\(own)/lxc-7-web_1.libvirt-lxc"
    ]
    for directory in found + others {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    let cgroups = DomainCgroups(CgroupHierarchy(version: .v2, root: root))
    #expect(cgroups.directories(ofContainer: "web_1", partitions: [], root: "/") == found)
    #expect(cgroups.containers(root: "/") == (found + [others[0], others[2]]).sorted())
  }

  @Test func `runs of a lost container are found in whatever partition they are`() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "cgroups-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: root) }
    let guards = "\(root)/holdfast.partition/freeze.partition", common = "\(root)/machine"
    let own = "\(root)/attic.partition", dotted = "\(root)/a.b"
    let found = [own, guards, common].map { "\($0)/lxc-12-web.libvirt-lxc" }
    let others = [
      "\(guards)/lxc-13-a-web.libvirt-lxc", "\(guards)/qemu-1-web.libvirt-qemu", "\(root)/lab/machine/lxc-1-web.libvirt-lxc"
    ]
    for directory in found + others + ["\(dotted)/lxc-12-web.libvirt-lxc"] {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    let cgroups = DomainCgroups(CgroupHierarchy(version: .v1, root: root))
    #expect(cgroups.directories(ofContainer: "web", partitions: ["/elsewhere", "/attic"], root: "/") == found)
    #expect(
      cgroups.directories(ofContainer: "web", partitions: ["/a.b"], root: "/") == ["\(dotted)/lxc-12-web.libvirt-lxc"] + found,
      "one that only the definition tells of")
    #expect(cgroups.containers(root: "/") == (found + [others[0]]).sorted())
    #expect(cgroups.directories(ofContainer: "web", partitions: [], root: "/holdfast.partition") == [found[1]])
    #expect(cgroups.directories(ofContainer: "web", partitions: ["/freeze"], root: "/..") == [])
  }
}
