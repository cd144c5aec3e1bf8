import Glibc
import HoldfastPorts

/// How to reach an etcd cluster.
public struct EtcdConfiguration: Sendable {
  /// The members, as `https://host:2379`; `http://` for loopback addresses only. The first is preferred at the start.
  /// Addresses are better than names: with a name, a dead name server can delay the way back to a member.
  public var endpoints: [String]
  /// PEM file with the certificates that sign the members' certificates; nil: the system's.
  public var authorityFile: String?
  /// PEM file with this client's certificate (and the chain to its signer); nil: none is offered, and etcd with
  /// `--client-cert-auth` refuses.
  public var certificateFile: String?
  /// PEM file with the certificate's private key.
  public var keyFile: String?
  /// etcd's user and password; nil where etcd takes the user from the certificate's common name, or has no authentication.
  public var credentials: EtcdCredentials?
  /// Bytes beyond which etcd takes no writes (its `--quota-backend-bytes`), for members that do not tell it themselves: those before 3.6.
  public var quota: Int64 = EtcdConfiguration.defaultQuota
  /// How long connecting may take; and, once connected, the handshake to the server's first HTTP/2 frame, which gets more time where that was too short.
  public var connectTimeout: Duration = .milliseconds(1500)
  /// How long a member may take to say whether it lives. It gets more time where that was too short.
  public var probeTimeout: Duration = .milliseconds(500)
  /// A watch that heard nothing for this long asks the member for a sign of life; after twice as long it goes elsewhere.
  public var watchSilence: Duration = .seconds(1)

  public init(
    endpoints: [String], authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
    credentials: EtcdCredentials? = nil
  ) {
    self.endpoints = endpoints
    self.authorityFile = authorityFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.credentials = credentials
  }
}

extension EtcdConfiguration {
  /// etcd's own default, in bytes.
  public static let defaultQuota: Int64 = 2 << 30

  /// Refuses files that cannot be read, by name: the TLS library's own errors do not tell which one it was.
  func checkFiles() throws(StoreError) {
    let files = [("authority", authorityFile), ("certificate", certificateFile), ("key", keyFile)]
    for (name, path) in files {
      guard let path, access(path, R_OK) != 0 else { continue }
      throw .rejected(
        reason: "the etcd \(name) file \(path) cannot be read: \(String(cString: strerror(errno)))",
        remedy: "Check the path and its permissions.")
    }
  }
}

/// A user of etcd's own authentication.
public struct EtcdCredentials: Sendable {
  public var user: String
  public var password: String

  public init(user: String, password: String) {
    self.user = user
    self.password = password
  }
}

/// One member's client URL, taken apart.
struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  enum Host: Hashable, Sendable {
    case name(String)
    case ipv4(String)
    case ipv6(String)
  }

  var isSecure: Bool
  var host: Host
  var port: Int
  /// The URL as it was configured, for people.
  var description: String

  init(_ url: String) throws(StoreError) {
    let remedy = "Write endpoints as https://host:port (http:// for loopback addresses only)."
    let rest: Substring
    if url.hasPrefix("https://") {
      isSecure = true
      rest = url.dropFirst("https://".count)
    } else if url.hasPrefix("http://") {
      isSecure = false
      rest = url.dropFirst("http://".count)
    } else {
      throw .rejected(reason: "\(url) is no etcd endpoint: it has no https:// before the host", remedy: remedy)
    }
    let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
    guard let (host, port) = Self.split(authority) else {
      throw .rejected(reason: "\(url) is no etcd endpoint: host and port cannot be told apart", remedy: remedy)
    }
    self.host = host
    self.port = port
    description = url
    guard isSecure || isLoopback else {
      throw .rejected(
        reason: "\(url) would carry the cluster's state over the network unencrypted and unauthenticated",
        remedy: "Give etcd certificates and use https://; http:// is for 127.0.0.0/8 and [::1] only.")
    }
  }

  /// Addresses only: what a name resolves to is not ours to trust.
  var isLoopback: Bool {
    switch host {
    case .ipv4(let address): address.hasPrefix("127.")
    case .ipv6(let address): address == "::1"
    case .name: false
    }
  }

  private static func split(_ authority: Substring) -> (Host, Int)? {
    guard let colon = authority.lastIndex(of: ":"), let port = Int(authority[authority.index(after: colon)...]),
      (1...65535).contains(port)
    else { return nil }
    let host = authority[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { return (.ipv6(String(host.dropFirst().dropLast())), port) }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    if labels.count == 4, labels.allSatisfy({ UInt8($0) != nil }) { return (.ipv4(String(host)), port) }
    let isName = !host.isEmpty && host.utf8.allSatisfy { $0 == 0x2d || $0 == 0x2e || $0 == 0x5f || isAlphanumeric($0) }
    return isName ? (.name(String(host)), port) : nil
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}
