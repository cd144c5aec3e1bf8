import HoldfastModel

/// Whom notices go to, by what way, and which of them.
public struct NoticeReceiver: Hashable, Sendable {
  public enum Route: Hashable, Sendable {
    /// An executable that reads the document.
    case run(path: String)
    /// An address that takes it by HTTP; the file's first line is what the request is signed with.
    case webhook(url: String, secretFile: String?)
    /// A mailbox, by this host's mail system.
    case mail(address: String)
  }

  /// Receivers in one configuration.
  package static let most = 16
  /// What one delivery may take, unless the configuration says otherwise.
  public static let usualTimeout: Duration = .seconds(30)
  package static let allowedTimeouts: ClosedRange<Duration> = .seconds(1) ... .seconds(600)

  public var route: Route
  /// nil: all.
  public var events: Set<NoticeEvent>?
  /// The least severe that it gets.
  public var severity: Note.Severity
  /// After that a delivery has failed.
  public var timeout: Duration

  public init(
    _ route: Route, events: Set<NoticeEvent>? = nil, severity: Note.Severity? = nil, timeout: Duration = usualTimeout
  ) {
    self.route = route
    self.events = events
    self.severity = severity ?? Self.usualSeverity(events)
    self.timeout = timeout
  }

  /// Whoever names events wants them; whoever names none wants what is wrong.
  package static func usualSeverity(_ events: Set<NoticeEvent>?) -> Note.Severity { events == nil ? .warning : .info }

  package func wants(_ notice: Notice) -> Bool {
    guard notice.severity.rank >= severity.rank else { return false }
    return events.map { $0.contains { $0.rawValue == notice.event } } ?? true
  }

  /// Tells it from all others, over restarts and changes of what it wants.
  package var identity: String {
    switch route {
    case .run(let path): "run \(path)"
    case .webhook(let url, _): "webhook \(url)"
    case .mail(let address): "mail \(address)"
    }
  }
}

extension NoticeReceiver: CustomStringConvertible {
  /// For people and logs. What follows a webhook's host may be a secret.
  public var description: String { Self.shown(identity) }

  /// An identity as people may see it.
  package static func shown(_ identity: String) -> String {
    guard identity.hasPrefix("webhook "), let scheme = identity.firstRange(of: "://") else { return identity }
    let rest = identity[scheme.upperBound...], host = rest.prefix { $0 != "/" && $0 != "?" }
    return rest.count <= host.count + 1 ? identity : "\(identity[..<scheme.upperBound])\(host)/…"
  }
}
