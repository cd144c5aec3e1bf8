/// One host of the lab: h1, h2, …
public struct LabHost: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var number: Int

  public init(_ number: Int) { self.number = number }

  /// The host of this name; nil when no host has such a name.
  public init?(name: some StringProtocol) {
    guard name.first == "h", let number = Int(name.dropFirst()), number > 0 else { return nil }
    self.number = number
  }

  public var description: String { "h\(number)" }
  public static func < (a: LabHost, b: LabHost) -> Bool { a.number < b.number }
}

/// Which of a host's frames are lost.
public enum LabCut: Sendable {
  /// All, both ways.
  case both
  /// Those to the host: it is heard, but hears nothing.
  case incoming
  /// Those from the host: it hears, but is not heard.
  case outgoing
  /// Those from and to etcd's client and peer ports.
  case etcd

  var arguments: [String] {
    switch self {
    case .both: []
    case .incoming: ["--in"]
    case .outgoing: ["--out"]
    case .etcd: ["--etcd"]
    }
  }
}

/// A service of a host; each is restarted 200 ms after it ended, unless it was stopped on purpose.
public enum LabService: String, Sendable, CaseIterable {
  case libvirtd, etcd
  case guardProcess = "holdfast-guard"
  case daemon = "holdfastd"
}

/// What can be done to a service.
public enum LabServiceAction: String, Sendable {
  /// SIGTERM, and held down until `start`.
  case stop
  case start, restart
  /// SIGKILL; it is restarted as after a crash.
  case kill
  /// SIGSTOP, until `resume`.
  case pause
  case resume
}
