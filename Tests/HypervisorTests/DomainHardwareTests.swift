import DomainXML
import Foundation
import HoldfastModel
import Testing

/// What runs and what is defined, compared by meaning.
@Suite struct `A domain's hardware` {
  private static func domain(
    _ devices: String, memory: String = "<memory unit='MiB'>512</memory>", vcpu: String = "<vcpu>2</vcpu>"
  )
    -> String
  {
    "<domain type='kvm'><name>w</name>\(memory)\(vcpu)<devices>\(devices)</devices></domain>"
  }

  private static func read(_ xml: String) throws -> DomainHardware { try #require(DomainHardwareReader().read(xml)) }

  private static func differences(_ stored: String, _ running: String) throws -> [HardwareDifference] {
    DomainHardware.differences(stored: try read(domain(stored)), running: try read(domain(running)))
  }

  /// As somebody defined it, and as libvirt shows it while it runs.
  @Test(arguments: [
    (
      "<disk type='file'><driver type='qcow2'/><source file='/vm/w.qcow2'/><target dev='vda'/></disk>",
      """
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/vm/w.qcow2' index='1'/>
      <backingStore type='file' index='3'><format type='raw'/><source file='/vm/base'/><backingStore/></backingStore>
      <target dev='vda' bus='virtio'/><alias name='virtio-disk0'/><address type='pci' domain='0x0000' bus='0x04'/></disk>
      """
    ),
    (
      "<disk type='file'><source file='/vm/w'/><target dev='vda'/></disk>",
      """
      <disk type='file'><source file='/vm/w'/><mirror type='file' job='copy'><source file='/vm/copy'/></mirror>
      <target dev='vda'/></disk>
      """
    ),
    (
      "<disk type='network'><source protocol='nbd' name='w'><host name='s'/></source><target dev='vda'/></disk>",
      "<disk type='network'><source protocol='nbd' name='w' index='1'><host name='s' port='10809'/></source><target dev='vda'/></disk>"
    ),
    (
      "<disk type='volume'><source pool='p' volume='w'/><target dev='vda'/></disk>",
      "<disk type='volume'><source pool='p' volume='w' index='1'/><target dev='vda'/></disk>"
    ),
    (
      "<interface type='network'><source network='lan'/></interface>",
      """
      <interface type='bridge'><mac address='52:54:00:00:00:01'/><source network='lan' portid='x' bridge='br9'/>
      <target dev='hf00'/><alias name='net0'/></interface>
      """
    ),
    (
      "<interface type='bridge'><mac address='52:54:00:AA:00:01'/><source bridge='br0'/></interface>",
      "<interface type='bridge'><mac address='52:54:00:aa:00:01'/><source bridge='br0'/><target dev='vnet3'/></interface>"
    ),
    (
      "<hostdev type='pci' managed='yes'><source><address bus='3' slot='0' function='0'/></source></hostdev>",
      """
      <hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
      <source><address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></source><alias name='hostdev0'/></hostdev>
      """
    ),
    (
      "<hostdev type='usb'><source><vendor id='0x1234'/><product id='0xBEEF'/></source></hostdev>",
      "<hostdev type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/><address bus='1' device='4'/></source></hostdev>"
    )
  ])
  func `is the same whatever libvirt adds to it`(stored: String, running: String) throws {
    #expect(try Self.differences(stored, running) == [])
  }

  @Test func `lies on another disk after a snapshot, and in another drive after a change of the medium`() throws {
    let stored =
      "<disk device='disk'><source file='/vm/w'/><target dev='vda'/></disk><disk device='cdrom'><source file='/a.iso'/><target dev='sda'/></disk>"
    let running =
      "<disk device='cdrom'><target dev='sda'/></disk><disk device='disk'><source file='/vm/w.snap'/><target dev='vda'/></disk>"
    #expect(
      try Self.differences(stored, running) == [
        HardwareDifference("disk vda", stored: "/vm/w", running: "/vm/w.snap", isOtherDisk: true),
        HardwareDifference("disk sda", stored: "/a.iso", running: "an empty drive")
      ])
    let others = DomainHardware.otherDisks(
      stored: try Self.read(Self.domain(stored)), running: try Self.read(Self.domain(running)))
    #expect(others == ["vda": OtherDisk(stored: "/vm/w", running: "/vm/w.snap")])
    #expect(try Self.read(Self.domain(stored)).opens("/vm/w", as: "vda"))
    #expect(try !Self.read(Self.domain(running)).opens("/vm/w", as: "vda"))
  }

  @Test func `lies on other images below where the definition names those, and they were committed since`() throws {
    func disk(_ below: [String]) -> String {
      let layers = below.reversed().reduce("") { "<backingStore><source file='\($1)'/>\($0)</backingStore>" }
      return "<disk><source file='/vm/w'/>\(layers)<target dev='vda'/></disk>"
    }
    let found = try Self.differences(disk(["/vm/mid", "/vm/base"]), disk(["/vm/base"]))
    #expect(
      found == [
        HardwareDifference(
          "disk vda", stored: "/vm/w over /vm/mid over /vm/base", running: "/vm/w over /vm/base", isOtherDisk: true)
      ])
    #expect(try Self.differences(disk([]), disk(["/vm/base"])) == [], "libvirt reads them from the image")
    #expect(try Self.read(Self.domain(disk(["/vm/mid", "/vm/base"]))).opens("/vm/w over /vm/mid over /vm/base", as: "vda"))
  }

  @Test func `says of a disk that was plugged in whether others may have it too`() throws {
    func plugged(_ more: String, device: String = "disk") throws -> String? {
      let disk = "<disk device='\(device)'><source file='/vm/d'/><target dev='vdb'/>\(more)</disk>"
      return try Self.differences("", disk).first?.written
    }
    #expect(try plugged("") == "/vm/d")
    #expect(try plugged("<backingStore type='file'><source file='/vm/e'/></backingStore>") == "/vm/d over /vm/e")
    for more in ["<readonly/>", "<shareable/>", "<transient/>"] { #expect(try plugged(more) == nil) }
    #expect(try plugged("", device: "cdrom") == nil)
  }

  @Test func `is on no newer disk where what is written is thrown away with the run`() throws {
    let stored = "<disk><source file='/vm/w'/><target dev='vda'/><transient/></disk>"
    let running = """
      <disk><source file='/vm/w.TRANSIENT-w' index='2'/><backingStore type='file'><source file='/vm/w'/></backingStore>
      <target dev='vda'/><transient/></disk>
      """
    let others = DomainHardware.otherDisks(
      stored: try Self.read(Self.domain(stored)), running: try Self.read(Self.domain(running)))
    #expect(others.isEmpty)
  }

  @Test func `has what was plugged in, and not what was taken out`() throws {
    let stored =
      "<interface type='bridge'><source bridge='br0'/></interface><disk><source dev='/dev/a'/><target dev='vdb'/></disk>"
    let running = """
      <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/></interface>
      <interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br1'/></interface>
      <hostdev type='mdev'><source><address uuid='ABC'/></source></hostdev>
      """
    let found = DomainHardware.differences(
      stored: try Self.read(Self.domain(stored)),
      running: try Self.read(
        Self.domain(running, memory: "<memory unit='GiB'>1</memory>", vcpu: "<vcpu current='3'>4</vcpu>")))
    #expect(
      found.map(\.text) == [
        "disk vdb: none now, /dev/a in the definition",
        "network card 52:54:00:00:00:02: bridge br1 now, none in the definition",
        "host device: mdev abc now, none in the definition", "memory: 1024 MiB now, 512 MiB in the definition",
        "processors: 3 of 4 now, 2 in the definition"
      ])
  }

  @Test func `is told in bounded texts that differ where it does`() throws {
    func long(_ end: String) -> String {
      "<disk><source file='/\(String(repeating: "a", count: 2000))\(end)'/><target dev='vda'/></disk>"
    }
    let difference = try #require(try Self.differences(long("1"), long("2")).first)
    #expect(difference.isOtherDisk && difference.stored?.utf8.count ?? 0 < 200 && difference.stored != difference.running)
  }

  /// The core reads the same text without libxml2: both walks see the same devices.
  @Test(arguments: [
    "<disk device='cdrom'><source file='/a &amp; &quot;b&quot;.iso' index='1'/><target dev=\"sda\"/></disk>",
    "<disk type='volume'><source pool='p' volume='w'/><target dev='vda'/><transient/></disk>",
    "<disk type='network'><source protocol='nbd' name='w'><host name='s' port='1'/><host name='r'/></source><target dev='vda'/></disk>",
    "<disk><source file='/t'/><backingStore type='file'><format type='raw'/><source file='/b'/><backingStore/></backingStore><target dev='vda'/></disk>",
    "<disk type='nvme'><source type='pci' namespace='1'><address domain='0x0000' bus='0x01'/></source><target dev='vda'/></disk>",
    "<interface type='direct'><!-- c --><mac address='52:54:00:AA:00:01'/><source dev='eth0' mode='bridge'/></interface>",
    "<hostdev mode='capabilities' type='storage'><source><block> /dev/sdf1 </block></source></hostdev>",
    "<hostdev type='usb'><source><vendor id='0x1234'/><product id='0xBEEF'/></source></hostdev>", ""
  ])
  func `is the same to the core's own reading`(devices: String) throws {
    let xml = Self.domain(devices), hardware = try Self.read(xml)
    let element = try #require(DomainElement(of: xml))
    #expect(DomainHardware(devices: element.first("devices"), memory: 512, processors: "2") == hardware)
  }

  @Test func `is not known of what cannot be read`() { #expect(DomainHardwareReader().read("<domain>") == nil) }

  @Test func `names no images below its disks when it is taken over, nor links of ours`() throws {
    let link = Interfaces.linkName(cluster: "c", workload: "w", index: 0)
    let document = try DomainDocument(
      Self.domain(
        """
        <disk><source file='/a'/><backingStore type='file'><source file='/under.img'/><backingStore/></backingStore><target dev='vda'/></disk>
        <disk><source file='/c'/><backingStore/><target dev='vdb'/></disk>
        <interface type='bridge'><source bridge='br0'/><target dev='\(link)'/></interface>
        <interface type='bridge'><source bridge='br0'/><target dev='mine'/></interface>
        """))
    document.removeBackingImages()
    document.removeLinks(of: "w", cluster: "c")
    #expect(!document.text.contains("under.img") && document.text.contains("<backingStore"))
    #expect(document.links == ["mine"])
  }
}

/// Domain XML in one way of writing it.
@Suite struct `A domain's lines` {
  @Test func `do not depend on layout, the order of attributes and comments`() throws {
    var secrets = DomainDocument.SecretNames()
    let one = try DomainDocument("<domain type='kvm'>\n <!-- x --><name> w </name>\n<a c='2' b='1'/></domain>").lines(
      hiding: &secrets)
    let other = try DomainDocument("<domain type=\"kvm\"><name>w</name><a b='1' c='2'></a></domain>").lines(hiding: &secrets)
    #expect(one == other)
    #expect(one == ["<domain type='kvm'>", "  <name>w</name>", "  <a b='1' c='2'/>", "</domain>"])
  }

  @Test(arguments: ["<graphics NAME='tulip'/>", "<a><NAME b='c'>tulip</NAME></a>"])
  func `hide what is a secret elsewhere, too`(xml: String) throws {
    for name in DomainSecrets.names {
      var secrets = DomainDocument.SecretNames()
      let text = "<domain>\(xml.replacing("NAME", with: name))</domain>"
      #expect(try !DomainDocument(text).lines(hiding: &secrets).joined().contains("tulip"), "\(name)")
      #expect(!DomainSecrets.masked(text).contains("tulip"), "\(name)")
    }
  }

  @Test func `tell that a password changed, and not what it is`() throws {
    var secrets = DomainDocument.SecretNames()
    func lines(_ password: String) throws -> String {
      try DomainDocument("<domain><devices><graphics type='vnc' passwd='\(password)'/></devices></domain>").lines(
        hiding: &secrets
      )
      .joined()
    }
    let (first, second, again) = (try lines("tulip"), try lines("rose"), try lines("tulip"))
    #expect(!first.contains("tulip") && !second.contains("rose"))
    #expect(first != second && first == again)
  }
}
