import Glibc

/// An address of IPv4 or IPv6 that one host has, and that its neighbours may be asked about: neither a group's nor everybody's own.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// As on the wire: four of IPv4, sixteen of IPv6.
  package let bytes: [UInt8]

  package var isSix: Bool { bytes.count == 16 }

  /// - Parameter text: as `10.0.0.5` or `fd00::5`, without a prefix length or a link. nil: it is no such address.
  public init?(_ text: String) {
    // The C library would stop there.
    guard !text.utf8.contains(0) else { return nil }
    let family = text.utf8.contains(UInt8(ascii: ":")) ? AF_INET6 : AF_INET
    var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
    guard inet_pton(family, text, &bytes) == 1 else { return nil }
    self.init(bytes: bytes)
  }

  package init?(bytes: some Collection<UInt8>) {
    guard let first = bytes.first else { return nil }
    switch bytes.count {
    // This network (RFC 1122), loopback, groups and what is reserved with the broadcast address.
    case 4: if first == 0 || first == 127 || first >= 224 { return nil }
    // The unspecified and the loopback address and those that stand for others (0000::/8), groups.
    case 16: if first == 0 || first == 0xFF { return nil }
    default: return nil
    }
    self.bytes = Array(bytes)
  }

  /// In the form of RFC 5952.
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(isSix ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count)) != nil else { return "\(bytes)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
