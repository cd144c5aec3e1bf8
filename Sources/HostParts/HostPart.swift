import HoldfastModel

/// One thing that a workload of the host itself is made of. Its address is none of them: the guard raises that when all of them are up.
public struct HostPart: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case mount(MountPart)
    case script(ScriptPart)
    case ocf(AgentPart)
    case unit(UnitPart)
  }
  /// Unique among the workload's.
  public var name: String
  public var kind: Kind
  /// Seconds that its start may take, until it is seen up.
  public var startTimeout: Double
  /// Seconds that its stop may take. The workload's own stop timeout ends it too, whichever is sooner.
  public var stopTimeout: Double
  /// Seconds from one question how it is to the next.
  public var interval: Double
  /// Seconds that an answer may take; without one nobody knows how it is.
  public var statusTimeout: Double

  public static let most = 32
  public static let startTimeouts = 1.0...3600
  public static let stopTimeouts = 1.0...3600
  public static let intervals = 1.0...3600
  public static let statusTimeouts = 1.0...300
  public static let defaultStartTimeout = 60.0
  public static let defaultStopTimeout = 30.0
  public static let defaultInterval = 10.0
  public static let defaultStatusTimeout = 10.0

  public init(
    name: String, kind: Kind, startTimeout: Double = HostPart.defaultStartTimeout,
    stopTimeout: Double = HostPart.defaultStopTimeout, interval: Double = HostPart.defaultInterval,
    statusTimeout: Double = HostPart.defaultStatusTimeout
  ) {
    self.name = name
    self.kind = kind
    self.startTimeout = startTimeout
    self.stopTimeout = stopTimeout
    self.interval = interval
    self.statusTimeout = statusTimeout
  }

  /// Such as `the mount data`.
  public var words: String {
    switch kind {
    case .mount: "the mount \(name)"
    case .script: "the script \(name)"
    case .ocf: "the agent \(name)"
    case .unit: "the unit \(name)"
    }
  }

  /// In one line, without options and parameters: those can hold passwords.
  public var summary: String {
    let text =
      switch kind {
      case .mount(let mount): "mount \(name): \(mount.what) on \(mount.place)\(mount.type.map { " (\($0))" } ?? "")"
      case .script(let script): "script \(name): \(script.start.first ?? "")"
      case .ocf(let agent): "agent \(name): \(agent.agent)"
      case .unit(let unit): "unit \(name): \(unit.unit)"
      }
    return InWords.oneLine(text)
  }

  /// Whoever runs it tells of every change by itself, so that one answer is enough: nobody asked at a bad moment.
  public var isWatched: Bool { if case .unit = kind { true } else { false } }
}

/// A file system that is mounted where the workload runs.
public struct MountPart: Hashable, Sendable, Codable {
  public enum Check: String, Hashable, Sendable, Codable, CaseIterable {
    case never
    /// fsck repairs what is safe to repair; with anything else the start fails.
    case preen
  }
  /// As mount(8) takes it: a device, `UUID=…`, `LABEL=…`, `server:/export`.
  public var what: String
  /// The directory, absolute.
  public var place: String
  /// nil: mount(8) finds it out.
  public var type: String?
  public var options: String?
  public var check: Check

  public init(what: String, place: String, type: String? = nil, options: String? = nil, check: Check = .never) {
    self.what = what
    self.place = place
    self.type = type
    self.options = options
    self.check = check
  }

  private enum CodingKeys: String, CodingKey {
    case what, options
    case place = "where"
    case type = "fstype"
    case check = "fsck"
  }

  package var isReadOnly: Bool { options?.split(separator: ",").contains("ro") == true }
}

/// Executables of the operator's own; each with its arguments, the executable first.
public struct ScriptPart: Hashable, Sendable, Codable {
  public var start: [String]
  public var stop: [String]
  /// Ends with 0: up, 3: down; 1 and 2: dead, with something left behind (LSB).
  public var status: [String]

  public init(start: [String], stop: [String], status: [String]) {
    self.start = start
    self.stop = stop
    self.status = status
  }
}

/// An OCF resource agent, as Pacemaker uses them.
public struct AgentPart: Hashable, Sendable, Codable {
  /// `ocf:PROVIDER:TYPE`.
  public var agent: String
  public var params: [String: String]

  public init(agent: String, params: [String: String] = [:]) {
    self.agent = agent
    self.params = params
  }

  /// The agent's executable below OCF_ROOT; nil: it is not spelled as one.
  public var path: String? {
    let words = agent.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == "ocf", words.dropFirst().allSatisfy({ Self.isName($0) }) else { return nil }
    return "resource.d/\(words[1])/\(words[2])"
  }

  private static func isName(_ text: Substring) -> Bool { WorkloadName.isValid(String(text)) }

  /// As a name of the environment, with `OCF_RESKEY_` before it.
  package static func isParameter(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 63, isLetter(first) else { return false }
    return name.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
  }
  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
  }
}

/// A service of systemd's.
public struct UnitPart: Hashable, Sendable, Codable {
  /// Its full name, such as `nginx.service`; of a template with the instance, such as `app@one.service`.
  public var unit: String

  public init(unit: String) { self.unit = unit }

  /// Bytes of a name, as systemd has them.
  private static let longest = 255
  private static let ending = ".service"

  /// Whether systemd could have a service of that name.
  package static func isService(_ name: String) -> Bool {
    guard name.hasSuffix(ending), name.utf8.count <= longest, name.utf8.allSatisfy(isPlain) else { return false }
    let stem = name.dropLast(ending.count)
    guard let first = stem.first, first != "@" else { return false }
    // A template has nothing after its sign: only its instances run.
    return stem.last != "@"
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: ":-_.\\@".utf8.contains(byte)
    }
  }
}

/// As it stands in a definition's text: one object, with one of `mount`, `script`, `ocf` and `unit`.
extension HostPart: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, mount, script, ocf, unit, startTimeout, stopTimeout, interval, statusTimeout
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    name = try fields.decode(String.self, forKey: .name)
    if fields.contains(.mount) {
      kind = .mount(try fields.decode(MountPart.self, forKey: .mount))
    } else if fields.contains(.script) {
      kind = .script(try fields.decode(ScriptPart.self, forKey: .script))
    } else if fields.contains(.unit) {
      kind = .unit(try fields.decode(UnitPart.self, forKey: .unit))
    } else {
      kind = .ocf(try fields.decode(AgentPart.self, forKey: .ocf))
    }
    startTimeout = try fields.decode(Double.self, forKey: .startTimeout)
    stopTimeout = try fields.decode(Double.self, forKey: .stopTimeout)
    interval = try fields.decode(Double.self, forKey: .interval)
    statusTimeout = try fields.decode(Double.self, forKey: .statusTimeout)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    switch kind {
    case .mount(let mount): try fields.encode(mount, forKey: .mount)
    case .script(let script): try fields.encode(script, forKey: .script)
    case .ocf(let agent): try fields.encode(agent, forKey: .ocf)
    case .unit(let unit): try fields.encode(unit, forKey: .unit)
    }
    try fields.encode(startTimeout, forKey: .startTimeout)
    try fields.encode(stopTimeout, forKey: .stopTimeout)
    try fields.encode(interval, forKey: .interval)
    try fields.encode(statusTimeout, forKey: .statusTimeout)
  }
}
