import HoldfastModel
import Testing

@Suite struct `A domain's belongings` {
  private static func domain(_ devices: String, type: String = "kvm", os: String = "") -> String {
    "<domain type='\(type)'><os>\(os)</os><devices>\(devices)</devices></domain>"
  }

  private func owned(_ devices: String, type: String = "kvm") -> [String] {
    DomainBelongings(of: Self.domain(devices, type: type)).owned.map(\.words)
  }

  static let written: [(devices: String, words: [String])] = [
    ("<disk type='file'><source file='/srv/a.img'/></disk>", ["the disk /srv/a.img"]),
    ("<disk type='file' device='lun'><source file='/srv//./a&amp;b.img'/></disk>", ["the disk /srv/a&b.img"]),
    // libvirt's own default.
    ("<disk><source file=\"/srv/a.img\"/></disk>", ["the disk /srv/a.img"]),
    ("<disk type='block'><source dev='/dev/vg0/db1'/></disk>", ["the disk /dev/vg0/db1"]),
    ("<disk type='dir'><source dir='/srv/fat'/></disk>", ["the disk /srv/fat"]),
    ("<disk type='volume'><source pool='vms' volume='db1'/></disk>", ["the disk volume:vms/db1"]),
    (
      "<disk type='network'><source protocol='rbd' name='vms/db1'><host name='m1'/></source></disk>",
      ["the disk rbd:vms/db1"]
    ),
    (
      "<disk type='network'><source protocol='nbd'><host name='n1' port='10810'/></source></disk>", ["the disk nbd:n1:10810"]
    ),
    (
      "<disk type='network'><source protocol='iscsi' name='iqn.2024:db'><host name='n1'/></source></disk>",
      ["the disk iscsi:iqn.2024:db/0"]
    ),
    // What is under the disk is only read.
    (
      "<disk><source file='/srv/top.qcow2'/><backingStore type='file'><source file='/srv/base.qcow2'/></backingStore></disk>",
      ["the disk /srv/top.qcow2"]
    ),
    ("<disk><source file='/srv/a.img'/></disk><disk><source file='/srv/a.img'/></disk>", ["the disk /srv/a.img"]),
    ("<interface type='bridge'><mac address='52:54:00:AB:1:2'/></interface>", ["the MAC address 52:54:00:ab:01:02"]),
    // Written by nobody, or by each run into a copy of its own; on no network; or no device at all.
    ("<disk device='cdrom'><source file='/iso/a.iso'/></disk>", []),
    ("<disk><source file='/srv/a.img'/><readonly/></disk>", []),
    ("<disk><source file='/srv/a.img'/><transient shareBacking='yes'/></disk>", []),
    ("<interface type='user'><mac address='52:54:00:00:00:01'/></interface>", []),
    ("<!-- <disk><source file='/srv/a.img'/></disk> -->", []),
    ("<disk/><disk type='nvme'><source type='pci'/></disk><filesystem type='ram'><source usage='1'/></filesystem>", []),
    // Given to a virtual machine to share it.
    ("<filesystem type='mount'><source dir='/srv/www'/></filesystem>", [])
  ]

  @Test(arguments: written.indices) func `are the disks that it writes and its addresses`(_ index: Int) {
    let (devices, words) = Self.written[index]
    #expect(owned(devices) == words)
  }

  @Test func `are a container's directories`() {
    let directories = """
      <filesystem type='mount'><source dir='/srv/web1/'/><target dir='/'/></filesystem>
      <filesystem><source dir='/srv/www'/></filesystem>
      <filesystem><source dir='/usr'/><readonly/></filesystem>
      <filesystem><source dir='/dev/log'/></filesystem><filesystem><source dir='/run/secrets'/></filesystem>
      <filesystem type='file'><source file='/srv/web1.img'/></filesystem>
      <filesystem type='block'><source dev='/dev/vg0/web1'/></filesystem>
      """
    #expect(
      owned(directories, type: "lxc") == [
        "the directory /srv/web1", "the directory /srv/www", "the disk /srv/web1.img", "the disk /dev/vg0/web1"
      ])
  }

  @Test func `say which disk is made to be written together`() {
    let devices = "<disk><source file='/srv/a.img'/><shareable/></disk><disk><source file='/srv/b.img'/></disk>"
    #expect(DomainBelongings(of: Self.domain(devices)).owned.map(\.isShareable) == [true, false])
  }

  static let networkDisks: [(one: String, other: String, areOne: Bool)] = [
    ("name='vms/a'><host name='m1'/><host name='m2'/>", "name='vms/a'><host name='M2' port='3300'/>", true),
    ("name='vms/a'><host name='m1'/>", "name='vms/a'><host name='m9'/>", false),
    // Its client's configuration names the hosts.
    ("name='vms/a'><host name='m1'/>", "name='vms/a'>", true),
    ("name='vms/a'>", "name='vms/a'>", true),
    ("name='vms/a'>", "name='vms/b'>", false)
  ]

  @Test(arguments: networkDisks.indices) func `on a network are one by name and host`(_ index: Int) throws {
    let (one, other, areOne) = Self.networkDisks[index]
    func disk(_ source: String) throws -> Belonging {
      let xml = Self.domain("<disk type='network'><source protocol='rbd' \(source)</source></disk>")
      return try #require(DomainBelongings(of: xml).owned.first)
    }
    let (a, b) = (try disk(one), try disk(other))
    #expect(Set(a.rivals).isDisjoint(with: b.marks) == !areOne)
    #expect(Set(b.rivals).isDisjoint(with: a.marks) == !areOne)
  }

  @Test func `are the firmware's variables, named or not`() {
    let named = DomainBelongings(
      of: Self.domain("", os: "<loader type='pflash'>/fw.fd</loader><nvram template='/t.fd'>\n /srv/a_VARS.fd </nvram>"))
    #expect(named.owned.map(\.words) == ["the firmware variables /srv/a_VARS.fd"])
    #expect(named.files == [NamedFile("/srv/a_VARS.fd", .firmware)])
    let later = DomainBelongings(of: Self.domain("", os: "<nvram type='file'><source file='/srv/b_VARS.fd'/></nvram>"))
    #expect(later.files == [NamedFile("/srv/b_VARS.fd", .firmware)])
    let unnamed = DomainBelongings(of: "<domain type='kvm'><os firmware='efi'><type>hvm</type></os></domain>")
    #expect(unnamed.owned.isEmpty && unnamed.files == [NamedFile(DomainBelongings.firmwareFolder, .firmware)])
    #expect(DomainBelongings(of: Self.domain("", os: "<loader type='pflash' stateless='yes'>/fw.fd</loader>")).files.isEmpty)
  }

  @Test func `are the files that it needs, and those that it makes`() {
    let devices = """
      <disk device='cdrom'><source file='/iso/seed.iso'/></disk>
      <disk device='cdrom'><source file='/iso/tools.iso' startupPolicy='optional'/></disk>
      <disk type='block'><source dev='/dev/vg0/a'/></disk>
      <filesystem type='mount'><source dir='/srv/www'/></filesystem>
      <serial type='file'><source path='/log/a'/><log file='/log/b'/></serial><console type='file'><source path='/log/a'/></console>
      """
    let found = DomainBelongings(of: Self.domain(devices, os: "<kernel>/boot/vmlinuz</kernel><initrd>/boot/initrd</initrd>"))
    #expect(
      found.files.filter { $0.use == .start }.map(\.path) == ["/boot/vmlinuz", "/boot/initrd", "/iso/seed.iso", "/srv/www"])
    #expect(found.files.filter { $0.use == .console }.map(\.path) == ["/log/a", "/log/b"])
  }

  @Test(arguments: [
    ("<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>", DomainBelongings.TPM.forgotten),
    ("<tpm><backend type='emulator' persistent_state='no'/></tpm>", .forgotten),
    ("<tpm><backend type='emulator' persistent_state='yes'><encryption secret='x'/></backend></tpm>", .kept),
    ("<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>", nil), ("", nil)
  ]) func `tell whether an emulated TPM keeps its state`(devices: String, tpm: DomainBelongings.TPM?) {
    #expect(DomainBelongings(of: Self.domain(devices)).tpm == tpm)
  }

  @Test(arguments: [
    "", "<", "<domain", "</domain></domain>", "<domain type='kvm'><devices><disk><source file='/a'", "<a/></a></b></c>",
    "<domain><metadata><x:devices xmlns:x='u'><x:disk><x:source file='/no'/></x:disk></x:devices></metadata></domain>"
  ]) func `of what is no whole domain are none`(text: String) {
    #expect(DomainBelongings(of: text).owned.isEmpty)
  }
}
