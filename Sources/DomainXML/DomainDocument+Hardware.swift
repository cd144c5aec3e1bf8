import Foundation
import FoundationXML
import HoldfastModel

/// Reads a domain's hardware from its XML, the stored one and that of what runs alike.
package struct DomainHardwareReader: HardwareReader {
  package init() {}

  package func read(_ xml: String) -> DomainHardware? { (try? DomainDocument(xml))?.hardware }
}

extension DomainDocument {
  /// What can change of it while it runs.
  package var hardware: DomainHardware {
    DomainHardware(
      disks: devices("disk").compactMap(Self.disk), networkCards: devices("interface").map(Self.card),
      hostDevices: devices("hostdev").map(Self.hostDevice), memory: memory, processors: processors)
  }

  /// Removes what the XML of a running domain says of the images under its disks. libvirt reads that from the images themselves when it
  /// starts the domain; what was right at one time is wrong after the next commit. An empty element says that nothing lies under
  /// the disk, and stays.
  package func removeBackingImages() {
    for disk in devices("disk") {
      for backing in disk.elements(forName: "backingStore") where backing.elements(forName: "source").first != nil {
        backing.detach()
      }
    }
  }

  private func devices(_ name: String) -> [XMLElement] { child("devices", of: root)?.elements(forName: name) ?? [] }

  private var processors: String {
    let current = child("vcpu", of: root)?.attribute(forName: "current")?.stringValue.flatMap { Int($0) }
    return current.map { $0 == vcpus ? "\(vcpus)" : "\($0) of \(vcpus)" } ?? "\(vcpus)"
  }

  // MARK: disks

  private static func disk(_ element: XMLElement) -> DomainHardware.Disk? {
    guard let target = element.elements(forName: "target").first?.value(of: "dev") else { return nil }
    let backing = element.elements(forName: "backingStore").first.map(layers)
    // What is written to a transient disk goes into an image that libvirt makes for each run and throws away with it: nothing in it is kept.
    let isTransient = !element.elements(forName: "transient").isEmpty
    return DomainHardware.Disk(
      target: target, source: source(of: element), backing: backing,
      isRemovable: isTransient || ["cdrom", "floppy"].contains(element.value(of: "device") ?? ""))
  }

  /// What the XML says to lie under a disk, from there downwards.
  private static func layers(_ backing: XMLElement) -> [String] {
    guard let source = source(of: backing) else { return [] }
    return [source] + (backing.elements(forName: "backingStore").first.map(layers) ?? [])
  }

  /// What a disk, or a layer under it, is read from, in one line; nil: nothing.
  private static func source(of element: XMLElement) -> String? {
    guard let source = element.elements(forName: "source").first else { return nil }
    if let pool = source.value(of: "pool"), let volume = source.value(of: "volume") {
      return "volume \(volume) of pool \(pool)".bounded
    }
    if source.value(of: "protocol") != nil { return networkSource(source) }
    if let plain = source.value(of: "file") ?? source.value(of: "dev") ?? source.value(of: "dir") {
      return plain.isEmpty ? nil : plain.bounded
    }
    // NVMe and vhost-user: whatever they say.
    let words = source.ownWords
    return words.isEmpty ? nil : words
  }

  private static func networkSource(_ source: XMLElement) -> String {
    let scheme = source.value(of: "protocol") ?? ""
    let hosts = source.elements(forName: "host").map { host in
      if let socket = host.value(of: "socket") { return socket }
      // libvirt writes the usual port where the definition left it out.
      let port = host.value(of: "port").flatMap { $0 == usualPorts[scheme] || $0 == "0" ? nil : $0 }
      return "\(host.value(of: "name") ?? "")\(port.map { ":\($0)" } ?? "")"
    }
    let place = hosts.isEmpty ? "" : " at \(hosts.sorted().joined(separator: ", "))"
    return "\(scheme) \(source.value(of: "name") ?? "")\(place)".bounded
  }

  private static let usualPorts = [
    "nbd": "10809", "sheepdog": "7000", "gluster": "24007", "iscsi": "3260", "ssh": "22", "http": "80", "https": "443",
    "ftp": "21", "ftps": "990", "tftp": "69", "nfs": "2049"
  ]

  // MARK: network cards and host devices

  private static func card(_ element: XMLElement) -> DomainHardware.NetworkCard {
    let source = element.elements(forName: "source").first, type = element.value(of: "type") ?? ""
    let mac = element.elements(forName: "mac").first?.value(of: "address")?.lowercased()
    // What runs shows what libvirt made of a network: a bridge, or one of the host's devices. The network's name is there too.
    if let network = source?.value(of: "network") { return .init(mac: mac, source: "network \(network)".bounded) }
    if type == "hostdev" { return .init(mac: mac, source: "host device \(address(in: element))") }
    let place = source.flatMap { $0.value(of: "bridge") ?? $0.value(of: "dev") ?? $0.value(of: "path") ?? $0.value(of: "name") }
    return .init(mac: mac, source: "\(type)\(place.map { " \($0)" } ?? "")".bounded)
  }

  private static func hostDevice(_ element: XMLElement) -> String {
    let type = element.value(of: "type") ?? ""
    return "\(type) \(address(in: element))"
  }

  /// What tells a device of the host from others, as written by whomever.
  private static func address(in element: XMLElement) -> String {
    guard let source = element.elements(forName: "source").first else { return "" }
    // By what it is, where that is said: libvirt adds where it is.
    if let vendor = source.elements(forName: "vendor").first?.value(of: "id"),
      let product = source.elements(forName: "product").first?.value(of: "id")
    {
      return "\(number(vendor, digits: 4)):\(number(product, digits: 4))"
    }
    guard let address = source.elements(forName: "address").first else { return source.ownWords }
    if let uuid = address.value(of: "uuid") { return uuid.lowercased() }
    guard address.value(of: "slot") != nil else { return source.ownWords }
    func part(_ name: String, _ digits: Int) -> String { number(address.value(of: name) ?? "0", digits: digits) }
    return "\(part("domain", 4)):\(part("bus", 2)):\(part("slot", 2)).\(part("function", 1))"
  }

  /// A number of libvirt's (decimal, or hexadecimal with 0x) in hexadecimal.
  private static func number(_ text: String, digits: Int) -> String {
    let isHex = text.lowercased().hasPrefix("0x")
    guard let value = isHex ? Int(text.dropFirst(2), radix: 16) : Int(text) else { return text }
    let hex = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - hex.count)) + hex
  }
}

extension XMLElement {
  fileprivate func value(of attribute: String) -> String? { self.attribute(forName: attribute)?.stringValue }

  /// Its attributes and its children's text, for what has no shorter name.
  fileprivate var ownWords: String {
    let own = (attributes ?? []).filter { $0.name != "index" }.map { "\($0.name ?? "")=\($0.stringValue ?? "")" }.sorted()
    let children = (children ?? []).compactMap { $0 as? XMLElement }.map { child in
      let text = (child.stringValue ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
      return text.isEmpty ? child.ownWords : text
    }
    return (own + children).joined(separator: " ").bounded
  }
}
