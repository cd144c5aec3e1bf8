/// Where one member of etcd answers its clients.
public struct EtcdEndpoint: Hashable, Sendable, CustomStringConvertible {
  public var isEncrypted: Bool
  /// A name or an address; an IPv6 address without brackets.
  public var host: String
  public var port: Int

  public init(isEncrypted: Bool, host: String, port: Int) {
    self.isEncrypted = isEncrypted
    self.host = host
    self.port = port
  }

  /// Whether what is sent to it stays on this host.
  public var isLoopback: Bool { host.lowercased() == "localhost" || host == "::1" || (host.hasPrefix("127.") && isIPv4) }

  public var description: String {
    "\(isEncrypted ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }

  /// Why a text is no endpoint.
  enum Flaw: Error {
    case scheme, host, port, rest
  }

  init(parsing text: String) throws(Flaw) {
    let after: Substring
    if text.hasPrefix("https://") {
      (isEncrypted, after) = (true, text.dropFirst(8))
    } else if text.hasPrefix("http://") {
      (isEncrypted, after) = (false, text.dropFirst(7))
    } else {
      throw .scheme
    }
    guard !after.contains(where: { "/?#@".contains($0) }) else { throw .rest }
    let name: Substring, port: Substring
    if after.first == "[" {
      guard let end = after.firstIndex(of: "]") else { throw .host }
      name = after[after.index(after: after.startIndex)..<end]
      guard name.contains(":"), name.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { throw .host }
      port = after[after.index(after: end)...]
    } else {
      name = after.prefix { $0 != ":" }
      guard !name.isEmpty, name.utf8.count <= 253, name.utf8.allSatisfy(Self.isHostLetter) else { throw .host }
      port = after.dropFirst(name.count)
    }
    guard port.first == ":", let number = Int(port.dropFirst()), (1...65_535).contains(number) else { throw .port }
    (host, self.port) = (String(name), number)
  }

  private var isIPv4: Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
  }

  private static func isHostLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
