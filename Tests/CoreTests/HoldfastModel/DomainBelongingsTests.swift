import GuardCore
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
    ("<disk><source file='/srv/../srv/vm/.././/a.img'/></disk>", ["the disk /srv/a.img"]),
    ("<disk><source file='/../srv/a.img'/></disk><disk><source file='//srv/a.img'/></disk>", ["the disk /srv/a.img"]),
    // libvirt's own default.
    ("<disk><source file=\"/srv/a.img\"/></disk>", ["the disk /srv/a.img"]),
    ("<memory model='nvdimm'><source><path>\n/srv//nv.img </path></source></memory>", ["the disk /srv/nv.img"]),
    ("<memory model='virtio-pmem' access='shared'><source><path>/srv/p</path></source></memory>", ["the disk /srv/p"]),
    ("<memory model='nvdimm' access='private'><source><path>/srv/nv</path></source></memory>", []),
    ("<memory model='nvdimm'><source><path>/srv/nv</path></source><target><readonly/></target></memory>", []),
    ("<memory model='dimm'><source><pagesize>4096</pagesize></source></memory>", []),
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

  @Test(arguments: [
    ("/srv/a", "/srv/a"), ("//srv///a/", "/srv/a"), ("/srv/./a/.", "/srv/a"), ("/srv/../srv/a", "/srv/a"), ("/..", "/"),
    ("/a/b/../../c", "/c"), ("/srv/...", "/srv/..."), ("srv/a", nil), ("", nil)
  ]) func `are named by paths in one way of writing them`(text: String, path: String?) {
    #expect(text.plainPath == path)
  }

  @Test func `are over images that are only read`() {
    let devices = """
      <disk><source file='/srv/top'/><backingStore type='file'><source file='/srv/./mid'/>
      <backingStore type='block'><source dev='/dev/vg0/base'/><backingStore/></backingStore></backingStore></disk>
      <disk><source file='/srv/other'/><backingStore><source file='/srv/mid'/></backingStore></disk>
      <disk><source file='/srv/c'/><readonly/><backingStore><source file='/srv/d'/></backingStore></disk>
      """
    let found = DomainBelongings(of: Self.domain(devices))
    #expect(found.backing.map(\.words) == ["the image /srv/mid", "the image /dev/vg0/base"])
    #expect(found.owned.map(\.name) == ["/srv/top", "/srv/other"])
  }

  // MARK: what it runs on

  /// As a claim or a report names a disk, and as a definition would that has it.
  static let named: [(text: String, devices: String)] = [
    ("/srv/./a.snap", "<disk><source file='/srv/a.snap'/></disk>"),
    ("volume db1 of pool vms", "<disk type='volume'><source pool='vms' volume='db1'/></disk>"),
    ("rbd vms/db1", "<disk type='network'><source protocol='rbd' name='vms/db1'/></disk>"),
    (
      "rbd vms/db1 at m1:6789, m2",
      "<disk type='network'><source protocol='rbd' name='vms/db1'><host name='m1' port='6789'/><host name='m2'/></source></disk>"
    ),
    ("nbd at n1:10810", "<disk type='network'><source protocol='nbd'><host name='n1' port='10810'/></source></disk>"),
    ("nbd disk at n1", "<disk type='network'><source protocol='nbd' name='disk'><host name='n1' port='10809'/></source></disk>")
  ]

  @Test(arguments: named.indices) func `are also what it runs on, by the name that a definition has for it`(_ index: Int) {
    let (text, devices) = Self.named[index]
    var disks = DisksInUse()
    disks.add(OtherDisk(stored: "/srv/a", running: text))
    let found = DomainBelongings(of: Self.domain("")).with(disks)
    let own = DomainBelongings(of: Self.domain(devices)).owned
    #expect(found.owned.map(\.marks) == own.map(\.marks) && found.owned.map(\.rivals) == own.map(\.rivals))
    #expect(found.owned.allSatisfy(\.isInUse) && found.backing.map(\.name) == ["/srv/a"])
  }

  @Test func `are of what it runs on the top, and the rest is only read`() {
    var disks = DisksInUse()
    disks.add(OtherDisk(stored: "/vm/w over /vm/mid over /vm/base", running: "/vm/w over /vm/base"))
    disks.add(HardwareDifference("disk vdb", stored: nil, running: "/vm/data", written: "/vm/data over /vm/empty"))
    disks.add(HardwareDifference("disk vdc", stored: "/vm/next", running: "/vm/now", isOtherDisk: true))
    // A medium, a drive that was taken out, and what is no disk.
    disks.add(HardwareDifference("disk sda", stored: "/a.iso", running: "/b.iso"))
    disks.add(HardwareDifference("disk vdd", stored: "/vm/d", running: nil))
    disks.add(HardwareDifference("memory", stored: "1 MiB", running: "2 MiB"))
    let found = DomainBelongings(of: Self.domain("<disk><source file='/vm/next'/><shareable/></disk>")).with(disks)
    #expect(found.owned.map(\.name) == ["/vm/next", "/vm/w", "/vm/data", "/vm/now"])
    #expect(found.owned.map(\.isShareable) == [true, false, false, true], "it is the same element in the definition")
    #expect(found.backing.map(\.name) == ["/vm/base", "/vm/mid", "/vm/empty", "/vm/next"])
    #expect(DomainBelongings(of: Self.domain("")).with(DisksInUse()).owned.isEmpty)
  }

  // MARK: what lies under its disks

  /// What runs, and what is kept of it beside a definition that has one disk.
  static let running: [(devices: String, kept: [String: [String]]?)] = [
    ("<disk><source file='/vm/w'/>\(over)<target dev='vda'/></disk>", ["/vm/w": ["/vm/mid", "/vm/base"]]),
    // Nothing lies there, or another disk runs, or nobody writes it, or what is written is thrown away.
    ("<disk><source file='/vm/w'/><backingStore/><target dev='vda'/></disk>", nil),
    ("<disk><source file='/vm/w'/><target dev='vda'/></disk>", nil),
    ("<disk><source file='/vm/other'/>\(over)<target dev='vda'/></disk>", nil),
    ("<disk><source file='/vm/w'/>\(over)<target dev='vda'/><readonly/></disk>", nil),
    ("<disk><source file='/vm/w'/>\(over)<target dev='vda'/><transient/></disk>", nil),
    ("<disk device='cdrom'><source file='/vm/w'/>\(over)<target dev='sda'/></disk>", nil)
  ]
  private static let over =
    "<backingStore type='file'><source file='/vm/mid'/><backingStore><source file='/vm/base'/><backingStore/></backingStore></backingStore>"

  @Test(arguments: running.indices) func `are kept beside a definition where they lie under its disks`(_ index: Int) {
    let (devices, kept) = Self.running[index]
    let domain = DomainElement(of: Self.domain(devices))
    let underneath = DomainHardware(devices: domain?.first("devices"), memory: 0, processors: "").underneath
    var spec = SpecRecord(
      connection: "qemu:///system", uuid: "u", xml: Self.domain("<disk><source file='/vm/w'/><target dev='vda'/></disk>"),
      demand: .none, labels: [:], priority: 0, isolation: .freeze, stopTimeout: 1)
    spec.setUnderneath(underneath)
    #expect(spec.underneath == kept)
    let found = DomainBelongings(of: spec.xml).with(imagesOf: spec)
    #expect(found.owned.map(\.name) == ["/vm/w"] && found.backing.map(\.name) == kept?["/vm/w"] ?? [])
    // Once more it is the same, and a definition that says itself what lies there is believed.
    spec.setUnderneath(spec.underneath ?? [:])
    #expect(spec.underneath == kept)
    spec.xml = Self.domain("<disk><source file='/vm/w'/><backingStore/><target dev='vda'/></disk>")
    spec.setUnderneath(underneath)
    #expect(spec.underneath == nil)
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
