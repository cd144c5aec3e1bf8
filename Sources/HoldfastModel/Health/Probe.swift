/// What a check asks. How it is asked is the node's business; a probe that cannot be made tells nothing about the workload.
public enum Probe: Hashable, Sendable {
  case tcp(TCPProbe)
  case http(HTTPProbe)
  /// An address answers an ICMP echo, asked from the node.
  case ping(PingProbe)
  /// A command inside the workload ends with status 0: in a container's namespaces, or by a VM's guest agent.
  case exec(ExecProbe)
  /// The VM's guest agent answers.
  case agent
  case file(FileProbe)
  case script(ScriptProbe)
  /// A kind that only a later build knows: this one cannot make it.
  case other(kind: String)

  /// The kind's name in records and files.
  public enum Kind: String, Sendable, CaseIterable {
    case tcp, http, ping, exec, agent, file, script
  }

  /// nil: of a later build.
  public var kind: Kind? {
    switch self {
    case .tcp: .tcp
    case .http: .http
    case .ping: .ping
    case .exec: .exec
    case .agent: .agent
    case .file: .file
    case .script: .script
    case .other: nil
    }
  }

  /// It is asked over the node's own network, so that it fails with that, too.
  public var isThroughNode: Bool {
    switch self {
    case .tcp(let probe): probe.host != nil
    case .http(let probe): probe.host != nil
    case .ping: true
    case .exec, .agent, .file, .script, .other: false
    }
  }

  // MARK: bounds

  public static let ports = 1...65_535
  /// HTTP statuses.
  public static let statuses = 100...599
  /// Bytes of a host name or an address, of a path, of what a body is to contain, of one argument.
  public static let greatestHost = 253
  public static let greatestPath = 2048
  public static let greatestContent = 1024
  public static let greatestArgument = 4096
  /// Arguments of a command, its name included.
  public static let mostArguments = 64
  /// Days that a certificate is to be valid for.
  public static let certificateDays = 0...3650
  public static let maximumAges: ClosedRange<Duration> = .seconds(1) ... .seconds(31_536_000)
}

/// A connection is accepted.
public struct TCPProbe: Hashable, Sendable, Codable {
  /// A name or an address, asked from the node; nil: the loopback address of the container's own network. A VM has none that its node can see.
  public var host: String?
  public var port: Int

  public init(host: String? = nil, port: Int) {
    self.host = host
    self.port = port
  }
}

/// A GET request is answered as it is to be. Redirections are answers, and not followed.
public struct HTTPProbe: Hashable, Sendable, Codable {
  /// By TLS. Whom the certificate is from is not looked at: what is asked is whether the service answers.
  public var isSecure: Bool
  /// As of a `TCPProbe`.
  public var host: String?
  public var port: Int
  /// With the query, from the slash on.
  public var path: String
  /// The name in the request's Host field and in TLS; nil: the host's.
  public var serverName: String?
  /// Statuses that are good.
  public var status: ClosedRange<Int>
  /// The answer's body has these characters in its first 64 KiB; nil: it is not looked at.
  public var contains: String?
  /// The certificate is valid for so many days more; nil: it is not looked at.
  public var certificateDays: Int?

  /// HTTP statuses that are good when nobody said: redirections as well, since the service answers.
  public static let defaultStatus = 200...399
  public static let defaultPort = 80
  public static let defaultSecurePort = 443
  public static let defaultPath = "/"
  /// Bytes of the body that are read.
  public static let greatestBody = 64 << 10

  public init(
    isSecure: Bool = false, host: String? = nil, port: Int? = nil, path: String = HTTPProbe.defaultPath,
    serverName: String? = nil, status: ClosedRange<Int> = HTTPProbe.defaultStatus, contains: String? = nil,
    certificateDays: Int? = nil
  ) {
    self.isSecure = isSecure
    self.host = host
    self.port = port ?? (isSecure ? Self.defaultSecurePort : Self.defaultPort)
    self.path = path
    self.serverName = serverName
    self.status = status
    self.contains = contains
    self.certificateDays = certificateDays
  }
}

/// An address answers an ICMP echo.
public struct PingProbe: Hashable, Sendable, Codable {
  /// A name or an address.
  public var address: String

  public init(address: String) { self.address = address }
}

/// A command, its name first, without a shell.
public struct ExecProbe: Hashable, Sendable, Codable {
  public var command: [String]

  public init(command: [String]) { self.command = command }
}

/// A file in a container's own file system was written lately.
public struct FileProbe: Hashable, Sendable, Codable {
  /// Absolute.
  public var path: String
  /// Seconds.
  public var maximumAge: Double

  public init(path: String, maximumAge: Double) {
    self.path = path
    self.maximumAge = maximumAge
  }
}

/// An executable on the node ends with status 0.
public struct ScriptProbe: Hashable, Sendable, Codable {
  /// Absolute.
  public var path: String
  public var arguments: [String]

  public init(path: String, arguments: [String] = []) {
    self.path = path
    self.arguments = arguments
  }
}

/// The fields of the kind beside its name, in one object with those of the check.
extension Probe: Codable {
  private enum CodingKeys: String, CodingKey { case kind }

  public init(from decoder: any Decoder) throws {
    let kind = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .kind)
    self =
      switch Kind(rawValue: kind) {
      case .tcp: .tcp(try TCPProbe(from: decoder))
      case .http: .http(try HTTPProbe(from: decoder))
      case .ping: .ping(try PingProbe(from: decoder))
      case .exec: .exec(try ExecProbe(from: decoder))
      case .agent: .agent
      case .file: .file(try FileProbe(from: decoder))
      case .script: .script(try ScriptProbe(from: decoder))
      case nil: .other(kind: kind)
      }
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(kindName, forKey: .kind)
    try question?.encode(to: encoder)
  }

  /// The fields that a check's object may have for it: what is asked is a plain value, whose properties are its fields.
  var fieldNames: Set<String> {
    let asked = question.map { Mirror(reflecting: $0).children.compactMap(\.label) } ?? []
    return Set(asked + [CodingKeys.kind.rawValue])
  }

  private var kindName: String { if case .other(let name) = self { name } else { kind?.rawValue ?? "" } }

  /// What is asked; nil: the kind says it.
  private var question: (any Encodable)? {
    switch self {
    case .tcp(let probe): probe
    case .http(let probe): probe
    case .ping(let probe): probe
    case .exec(let probe): probe
    case .file(let probe): probe
    case .script(let probe): probe
    case .agent, .other: nil
    }
  }
}

extension Probe {
  /// What is wrong with it as a record has it, as what the check has; nil: nothing.
  var flaw: String? {
    switch self {
    case .tcp(let probe): Self.flaw(host: probe.host, port: probe.port)
    case .http(let probe): Self.flaw(host: probe.host, port: probe.port) ?? Self.flaw(of: probe)
    case .ping(let probe): Self.isText(probe.address, most: Self.greatestHost) ? nil : "no possible address"
    case .exec(let probe): Self.isCommand(probe.command) ? nil : "no possible command"
    case .agent, .other: nil
    case .file(let probe):
      !Self.isPath(probe.path) ? "no possible path" : Self.isAge(probe.maximumAge) ? nil : "no possible age"
    case .script(let probe):
      Self.isPath(probe.path) && Self.isCommand([probe.path] + probe.arguments) ? nil : "no possible script"
    }
  }

  private static func flaw(host: String?, port: Int) -> String? {
    if let host, !isText(host, most: greatestHost) { return "no possible host" }
    return ports.contains(port) ? nil : "no possible port"
  }

  private static func flaw(of probe: HTTPProbe) -> String? {
    if !probe.path.hasPrefix("/") || !isText(probe.path, most: greatestPath) { return "no possible path" }
    if let name = probe.serverName, !isText(name, most: greatestHost) { return "no possible server name" }
    if ![probe.status.lowerBound, probe.status.upperBound].allSatisfy(statuses.contains) { return "no possible status" }
    if let text = probe.contains, !(1...greatestContent).contains(text.utf8.count) { return "no possible content" }
    return probe.certificateDays.map(certificateDays.contains) ?? true ? nil : "no possible number of days"
  }

  private static func isAge(_ seconds: Double) -> Bool {
    seconds.isFinite && (0...1e9).contains(seconds) && maximumAges.contains(.seconds(seconds))
  }

  private static func isPath(_ path: String) -> Bool { path.hasPrefix("/") && isText(path, most: greatestArgument) }

  /// No line breaks and no null characters, which nothing could be asked with.
  private static func isText(_ text: String, most: Int) -> Bool {
    (1...most).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
  }

  private static func isCommand(_ command: [String]) -> Bool {
    guard (1...mostArguments).contains(command.count), command.first?.isEmpty == false else { return false }
    return command.allSatisfy { $0.utf8.count <= greatestArgument && !$0.utf8.contains(0) }
  }
}
