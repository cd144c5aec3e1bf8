import HoldfastModel
import Testing

/// Files of its host that a virtual machine writes to.
@Suite struct `Written disks` {
  private static let vda = "<disk type='file'><source file='/srv/a.img'/><target dev='vda'/></disk>"

  private static func disks(_ devices: String, type: String = "kvm") -> WrittenDisks {
    WrittenDisks(of: "<domain type='\(type)'><name>w</name><devices>\(devices)</devices></domain>")
  }

  @Test(
    arguments: [
      ("", []), (vda, ["/srv/a.img"]),
      // libvirt's own default.
      ("<disk device='disk'><source file='/srv/a&amp;b.img'/></disk>", ["/srv/a&b.img"]),
      (vda + "<disk><source file='/srv/b.img'/><target dev='vdb'/></disk>", ["/srv/a.img", "/srv/b.img"]),
      // Not written, or not kept.
      ("<disk device='cdrom'><source file='/iso/a.iso'/><target dev='sda'/></disk>", []),
      ("<disk device='floppy'><source file='/iso/a.flp'/><target dev='fda'/></disk>", []),
      ("<disk><source file='/srv/a.img'/><readonly/></disk>", []),
      ("<disk><source file='/srv/a.img'/><transient/></disk>", []),
      // No file.
      ("<disk type='block'><source dev='/dev/vg0/db1'/></disk>", []),
      ("<disk type='network'><source protocol='rbd' name='vms/db1'/></disk>", []),
      ("<disk type='volume'><source pool='vms' volume='db1'/></disk>", []), ("<disk/><disk><source/></disk>", []),
      ("<disk><source file='a.img'/></disk>", [])
    ] as [(String, [String])])
  func `are those of the definition`(devices: String, files: [String]) {
    #expect(Self.disks(devices).files(nil) == files)
    #expect(Self.disks(devices).isEmpty == files.isEmpty)
  }

  @Test func `are none of a container`() { #expect(Self.disks(Self.vda, type: "lxc").isEmpty) }

  @Test(
    arguments: [
      ([.init(target: "vda", source: "/nfs/a.img")], ["/nfs/a.img"]),
      ([.init(target: "vda", source: "/srv/a.img")], ["/srv/a.img"]),
      ([.init(target: "vda", source: "rbd vms/a")], []), ([.init(target: "vda", source: nil)], []),
      ([.init(target: "vda", source: "/srv/a.img", isRemovable: true)], []), ([], []),
      ([.init(target: "vdb", source: "/srv/b.img")], [])
    ] as [([DomainHardware.Disk], [String])])
  func `are where they are now`(running: [DomainHardware.Disk], files: [String]) {
    #expect(Self.disks(Self.vda).files(DomainHardware(disks: running)) == files)
  }
}
