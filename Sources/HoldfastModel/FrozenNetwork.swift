/// Why a frozen container still answers ping and TCP: its network stack belongs to the kernel, and nothing of its network is on the host that
/// the guard could take down. A virtual machine's stack is in the guest, and freezes with it.
public enum FrozenNetwork: String, Hashable, Sendable, CaseIterable {
  /// `<interface type='direct'>`: a device of its own on the host's NIC.
  case macvlan
  /// `<hostdev mode='capabilities' type='net'>`: one of the host's NICs, which is away from the host while the container runs.
  case passedThrough
  /// `<sharenet>`: the network of another container or process.
  case shared

  /// The end of a sentence that begins with the workload's name.
  public var words: String {
    switch self {
    case .macvlan: "is on the network by macvlan (an interface of type 'direct')"
    case .passedThrough: "has one of the host's network cards to itself"
    case .shared: "shares the network of another container or process (sharenet)"
    }
  }
}

extension Interfaces {
  /// The part of a container with this XML that answers while it is frozen; the first in the text. nil: nothing of the kind is named there.
  package static func frozenNetwork(in xml: String) -> FrozenNetwork? {
    guard mayName(in: xml) else { return nil }
    var tags = XMLTags(xml)
    while let tag = tags.next() {
      switch tag.name {
      case "interface" where tag.attribute("type") == "direct": return .macvlan
      case "hostdev" where tag.attribute("type") == "net": return .passedThrough
      case "sharenet": return .shared
      default: break
      }
    }
    return nil
  }

  /// Most texts have none of the words: that is seen at a fraction of the cost, and it is asked whenever something of a container changes.
  private static func mayName(in xml: String) -> Bool {
    xml.utf8.withContiguousStorageIfAvailable { bytes in
      guard bytes.count > 4 else { return false }
      for index in 0..<bytes.count - 4 {
        // dire[ct], host[dev], shar[enet].
        switch (bytes[index], bytes[index + 1], bytes[index + 2], bytes[index + 3]) {
        case (0x64, 0x69, 0x72, 0x65), (0x68, 0x6f, 0x73, 0x74), (0x73, 0x68, 0x61, 0x72): return true
        default: break
        }
      }
      return false
    } ?? true
  }

  /// The host's bridges that an XML names, sorted.
  package static func bridges(in xml: String) -> [String] {
    var tags = XMLTags(xml), found: Set<String> = []
    while let tag = tags.next() {
      if tag.name == "source", let bridge = tag.attribute("bridge") { found.insert(bridge) }
    }
    return found.sorted()
  }
}

extension SpecRecord {
  /// The host's bridges that its XML names, sorted.
  package var bridges: [String] { Interfaces.bridges(in: xml) }

  /// Why the workload would still answer while it is frozen; nil: frozen it is silent, as far as its XML tells.
  public var frozenNetwork: FrozenNetwork? { connection.hasPrefix("lxc") ? Interfaces.frozenNetwork(in: xml) : nil }
}
