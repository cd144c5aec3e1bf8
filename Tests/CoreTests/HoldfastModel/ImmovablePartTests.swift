import HoldfastModel
import Testing

/// Parts of a definition with which libvirt does not move a virtual machine while it runs.
@Suite struct ImmovablePartTests {
  @Test(
    arguments: [
      ("", nil),
      ("<disk type='file'><source file='/vm/a.img'/><target dev='vda'/></disk>", nil),
      ("<interface type='bridge'><source bridge='br0'/></interface>", nil),
      (
        "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='3' slot='0' function='0'/></source></hostdev>",
        .hostDevice("pci 0000:03:00.0")
      ),
      ("<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>", nil),
      ("<hostdev mode='subsystem' type='pci'><teaming type='transient' persistent='ua-b'/></hostdev>", nil),
      ("<interface type='hostdev'><mac address='52:54:0:0:0:1'/></interface>", .hostNetworkCard("52:54:00:00:00:01")),
      ("<interface type='hostdev'><teaming type='transient' persistent='ua-b'/></interface>", nil),
      (
        "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv/www'/><target dir='www'/></filesystem>",
        .directory("/srv/www")
      )
    ] as [(String, ImmovablePart?)])
  func `are found`(devices: String, part: ImmovablePart?) {
    #expect(ImmovablePart.first(in: "<domain type='kvm'><name>w</name><devices>\(devices)</devices></domain>") == part)
  }

  @Test func `are told in a clause, in one line`() {
    #expect(ImmovablePart.directory("/srv/www").clause == "it has a directory of its host (/srv/www)")
    #expect(ImmovablePart.hostNetworkCard("").clause == "it has a network card that is a host device")
  }
}
