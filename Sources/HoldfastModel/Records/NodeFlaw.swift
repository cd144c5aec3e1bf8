/// A flaw of a node: people should know it, and it decides nothing.
public struct NodeFlaw: Hashable, Sendable, Codable {
  /// The kind of flaw, for programs: `watchdog`, `watchdog-late`, `watchdog-opening`, `watchdog-untold`, `guard-state`, `slow-bridge`, `libvirt-language`, `notices`,
  /// `clock`.
  public var code: String
  /// A clause after the node's name, such as `has no hardware watchdog: …`.
  public var text: String

  public init(_ code: String, _ text: String) {
    self.code = code
    self.text = text
  }

  public static let watchdog = "watchdog", watchdogLate = "watchdog-late", watchdogOpening = "watchdog-opening",
    watchdogUntold = "watchdog-untold", guardState = "guard-state", slowBridge = "slow-bridge",
    libvirtLanguage = "libvirt-language", notices = "notices", clock = "clock"

  /// The node is as good as any other with it.
  public var isMinor: Bool { [Self.slowBridge, Self.libvirtLanguage, Self.notices, Self.clock].contains(code) }

  /// The node is not known to be fenced by the hardware watchdog that it was given.
  public var isFenceLost: Bool {
    [Self.watchdog, Self.watchdogLate, Self.watchdogOpening, Self.watchdogUntold].contains(code)
  }
}

/// By code.
extension NodeFlaw: Comparable {
  public static func < (a: NodeFlaw, b: NodeFlaw) -> Bool { (a.code, a.text) < (b.code, b.text) }
}
