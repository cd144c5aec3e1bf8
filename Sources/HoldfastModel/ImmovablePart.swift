/// A part of a virtual machine with which libvirt does not move it while it runs, as far as its definition tells.
public enum ImmovablePart: Hashable, Sendable {
  /// Such as `pci 0000:03:00.0`.
  case hostDevice(String)
  /// A network card that is a device of the host.
  case hostNetworkCard(String)
  /// A directory of the host that the guest has mounted.
  case directory(String)

  /// The first of them in a definition; nil: there is none.
  ///
  /// - Parameter xml: well-formed; of what is not, only so much is found.
  package static func first(in xml: String) -> ImmovablePart? {
    guard let devices = DomainElement(of: xml)?.first("devices") else { return nil }
    return devices.children.lazy.compactMap(ImmovablePart.init).first
  }

  private init?(_ device: DomainElement) {
    // A device with a companion is unplugged for the move, and the companion serves meanwhile.
    guard device.first("teaming")?.attribute("type") != "transient" else { return nil }
    switch device.name {
    // libvirt moves a machine with a USB device: the guest sees it unplugged.
    case "hostdev" where device.attribute("type") != "usb":
      let hardware = DomainHardware(
        devices: DomainElement(name: "devices", attributes: [], text: "", children: [device]), memory: 0, processors: "")
      self = .hostDevice(hardware.hostDevices.first ?? "")
    case "interface" where device.attribute("type") == "hostdev": self = .hostNetworkCard(device.macAddress ?? "")
    case "filesystem":
      let source = device.first("source")
      self = .directory(source?.value("dir") ?? source?.value("socket") ?? source?.value("name") ?? "")
    default: return nil
    }
  }

  /// A clause, such as `it has a host device (pci 0000:03:00.0)`.
  package var clause: String {
    let (what, name) =
      switch self {
      case .hostDevice(let name): ("a host device", name)
      case .hostNetworkCard(let address): ("a network card that is a host device", address)
      case .directory(let path): ("a directory of its host", path)
      }
    return "it has \(what)\(name.isEmpty ? "" : " (\(InWords.oneLine(name)))")"
  }
}
