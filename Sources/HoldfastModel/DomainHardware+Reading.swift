extension DomainHardware {
  /// - Parameters:
  ///   - devices: the element of that name in the domain's XML; nil: there is none.
  ///   - memory: MiB; 0: not known.
  ///   - processors: such as `4`, or `2 of 4`.
  package init(devices: DomainElement?, memory: Int, processors: String) {
    self.init(
      disks: (devices?.all("disk") ?? []).compactMap(Disk.init),
      networkCards: (devices?.all("interface") ?? []).map(NetworkCard.init),
      hostDevices: (devices?.all("hostdev") ?? []).map { "\($0.attribute("type") ?? "") \($0.hostAddress)" }, memory: memory,
      processors: processors)
  }
}

extension DomainHardware.Disk {
  fileprivate init?(_ element: DomainElement) {
    guard let target = element.first("target")?.attribute("dev") else { return nil }
    // What is written to a transient disk goes into an image that libvirt makes for each run and throws away with it: nothing in it is kept.
    self.init(
      target: target, source: element.diskSource, backing: element.first("backingStore").map(Self.layers),
      isRemovable: element.has("transient") || ["cdrom", "floppy"].contains(element.attribute("device") ?? ""),
      isSafeWithOthers: element.has("readonly") || element.has("shareable"))
  }

  /// What the XML says to lie under a disk, from there downwards.
  private static func layers(_ backing: DomainElement) -> [String] {
    guard let source = backing.diskSource else { return [] }
    return [source] + (backing.first("backingStore").map(layers) ?? [])
  }
}

extension DomainHardware.NetworkCard {
  fileprivate init(_ element: DomainElement) {
    let source = element.first("source"), type = element.attribute("type") ?? "", mac = element.macAddress
    // What runs shows what libvirt made of a network: a bridge, or one of the host's devices. The network's name is there too.
    if let network = source?.attribute("network") {
      self.init(mac: mac, source: "network \(network)".bounded)
    } else if type == "hostdev" {
      self.init(mac: mac, source: "host device \(element.hostAddress)")
    } else {
      let place = source.flatMap {
        $0.attribute("bridge") ?? $0.attribute("dev") ?? $0.attribute("path") ?? $0.attribute("name")
      }
      self.init(mac: mac, source: "\(type)\(place.map { " \($0)" } ?? "")".bounded)
    }
  }
}

extension DomainElement {
  /// What a disk, or a layer under it, is read from, in one line; nil: nothing.
  fileprivate var diskSource: String? {
    guard let source = first("source") else { return nil }
    if let pool = source.attribute("pool"), let volume = source.attribute("volume") {
      return "volume \(volume) of pool \(pool)".bounded
    }
    if source.attribute("protocol") != nil { return source.networkSource }
    if let plain = source.attribute("file") ?? source.attribute("dev") ?? source.attribute("dir") {
      return plain.isEmpty ? nil : plain.bounded
    }
    // NVMe and vhost-user: whatever they say.
    let words = source.ownWords
    return words.isEmpty ? nil : words
  }

  private var networkSource: String {
    let scheme = attribute("protocol") ?? ""
    let hosts = servers(of: scheme).map { $0.socket ?? "\($0.name ?? "")\($0.port.map { ":\($0)" } ?? "")" }
    let place = hosts.isEmpty ? "" : " at \(hosts.sorted().joined(separator: ", "))"
    return "\(scheme) \(attribute("name") ?? "")\(place)".bounded
  }

  /// What tells a device of the host from others, as written by whomever.
  fileprivate var hostAddress: String {
    guard let source = first("source") else { return "" }
    // By what it is, where that is said: libvirt adds where it is.
    if let vendor = source.first("vendor")?.attribute("id"), let product = source.first("product")?.attribute("id") {
      return "\(Self.number(vendor, digits: 4)):\(Self.number(product, digits: 4))"
    }
    guard let address = source.first("address") else { return source.ownWords }
    if let uuid = address.attribute("uuid") { return uuid.lowercased() }
    guard address.attribute("slot") != nil else { return source.ownWords }
    func part(_ name: String, _ digits: Int) -> String { Self.number(address.attribute(name) ?? "0", digits: digits) }
    return "\(part("domain", 4)):\(part("bus", 2)):\(part("slot", 2)).\(part("function", 1))"
  }

  /// A number of libvirt's (decimal, or hexadecimal with 0x) in hexadecimal.
  private static func number(_ text: String, digits: Int) -> String {
    let isHex = text.lowercased().hasPrefix("0x")
    guard let value = isHex ? Int(text.dropFirst(2), radix: 16) : Int(text) else { return text }
    let hex = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - hex.count)) + hex
  }

  /// Its attributes and its children's text, for what has no shorter name.
  private var ownWords: String {
    let own = attributes.filter { $0.name != "index" }.map { "\($0.name)=\($0.value)" }.sorted()
    let below = children.map { $0.text.isEmpty ? $0.ownWords : $0.text }
    return (own + below).joined(separator: " ").bounded
  }
}
