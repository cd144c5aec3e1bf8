import HoldfastModel
import HoldfastYAML

/// Reads who is to be told what happens.
///
/// What is missing on the host (an executable, a secret, a mail system) is a warning: no node is to be without its controller for want of a notice.
struct NoticesReading {
  private static let mail = "mail: ops@example.net"

  let host: HostFacts

  func receivers(_ value: YAMLValue?) -> [NoticeReceiver] {
    guard let value, !value.isNothing,
      let items = value.items(expected: "a list of receivers, such as [{\(Self.mail)}]", remedy: "Write a list, even of one.")
    else { return [] }
    guard items.count <= NoticeReceiver.most else {
      value.wrong(
        expected: "at most \(NoticeReceiver.most) receivers", found: "\(items.count)",
        remedy: "Let one of them pass the notices on.")
      return []
    }
    var lines: [String: Int] = [:]
    return items.compactMap { item in
      guard let receiver = receiver(item) else { return nil }
      if let line = lines[receiver.identity] {
        item.wrong(
          expected: "every receiver once", found: "'\(receiver)' again (first on line \(line))",
          remedy: "Join the two: what either of them wants.")
      }
      lines[receiver.identity] = item.position.line
      return receiver
    }
  }

  private func receiver(_ item: YAMLValue) -> NoticeReceiver? {
    guard let section = item.section(of: NodeConfiguration.keys, at: "notices[]") else { return nil }
    let events: Set<NoticeEvent>? = section.read("events", default: nil) { self.events($0) }
    let severity: Note.Severity? = section.read("severity", default: nil) { $0.choice(Severity.self)?.severity }
    let timeout = section.read("timeout", default: NoticeReceiver.usualTimeout) {
      $0.duration(in: NoticeReceiver.allowedTimeouts)
    }
    guard let route = route(section) else { return nil }
    return NoticeReceiver(route, events: events, severity: severity, timeout: timeout)
  }

  private func events(_ value: YAMLValue) -> Set<NoticeEvent>? {
    let expected = "events such as [node-lost, start-failed]"
    guard let items = value.items(expected: expected, remedy: "Write a list, even of one.") else { return nil }
    if items.isEmpty {
      value.wrong(expected: expected, found: "an empty list", remedy: "Name some, or remove 'events': then it is told of all.")
    }
    return Set(YAMLValue.distinct(items) { item in event(item) })
  }

  private func event(_ item: YAMLValue) -> NoticeEvent? {
    let words = NoticeEvent.allCases.map(\.rawValue), expected = "an event such as node-lost"
    guard let text = item.text(expected: expected, remedy: "Write its name.") else { return nil }
    if let event = NoticeEvent(rawValue: text) { return event }
    let nearest = Spelling.nearest(to: text, among: words)
    item.wrong(
      expected: expected, nearest: nearest,
      remedy: nearest.map { "Write \($0)." }
        ?? "Docs/notices.md lists them: \(words.prefix(8).joined(separator: ", ")) and others.")
    return nil
  }

  // MARK: the way

  private func route(_ section: YAMLSection) -> NoticeReceiver.Route? {
    let named = ["run", "webhook", "mail"].filter { section[$0] != nil }
    guard named.count < 2 else {
      section[named[1]]?.wrong(
        expected: "one of run, webhook and mail", found: named.joined(separator: " and "), remedy: "Make two receivers of it.")
      return nil
    }
    if let secret = section["secret-file"], section["webhook"] == nil {
      secret.wrong(
        expected: "no secret without 'webhook'", found: secret.found, remedy: "Remove it: only webhooks are signed.")
    }
    switch named.first {
    case "run": return section["run"]?.executable().map { .run(path: $0) }
    case "webhook":
      let secretFile = section.read("secret-file", default: nil) { $0.passwordFile("secret", .warning) }
      return section["webhook"]?.webhookURL().map { .webhook(url: $0, secretFile: secretFile) }
    case "mail": return section["mail"]?.mailAddress().map { mail($0, section["mail"]) }
    default:
      section.missing("run", expected: "one of run, webhook and mail", remedy: "Add one of them, such as '\(Self.mail)'.")
      return nil
    }
  }

  private func mail(_ address: String, _ value: YAMLValue?) -> NoticeReceiver.Route {
    if !host.hasMail {
      value?.wrong(
        .warning, expected: "a mail system on this host", found: "no \(NoticeMail.program)",
        remedy: "Install one, such as msmtp-mta or postfix, and have it deliver a message of root's.")
    }
    return .mail(address: address)
  }

  /// The words for a severity.
  private enum Severity: String, CaseIterable {
    case info, warning, error

    var severity: Note.Severity {
      switch self {
      case .info: .info
      case .warning: .warning
      case .error: .error
      }
    }
  }
}

extension YAMLValue {
  /// An address that notices are posted to. https, but for what stays on this host.
  fileprivate func webhookURL() -> String? {
    let read: (text: String, endpoint: EtcdEndpoint)? = value(
      expected: "a URL such as https://hooks.example.net/holdfast",
      remedy: { _ in "Write https://HOST[:PORT]/PATH, without a user, a fragment or spaces." },
      { text in
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }), text.utf8.count <= 2000,
          text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains("#")
        else { return nil }
        let place = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
        // The reader of endpoints knows what a host and a port may be.
        let port = place.contains(#/:\d+$/#) ? "" : ":443"
        return (try? EtcdEndpoint(parsing: "\(scheme)\(place)\(port)")).map { (text, $0) }
      })
    guard let read else { return nil }
    guard read.endpoint.isEncrypted || read.endpoint.isLoopback else {
      wrong(
        expected: "https for everything but loopback", found: "http to \(read.endpoint.host)",
        remedy: "Use https: notices tell who runs where, and anybody on the way could read and change them.")
      return nil
    }
    return read.text
  }

  /// A mailbox. Nothing in it has a meaning in a header or on a command line.
  fileprivate func mailAddress() -> String? {
    value(
      expected: "a mail address such as ops@example.net",
      remedy: { text in
        text.contains(",") || text.contains(" ")
          ? "Write one address; make another receiver, or a list of your mail system's, for more." : "Write NAME@DOMAIN."
      },
      { text in
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let isPlain = text.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
          default: Array(".!#$%&'*+/=?^_{|}~-@".utf8).contains(byte)
          }
        }
        guard isPlain, text.utf8.count <= 254, parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.first != "-" }) else {
          return nil
        }
        return text
      })
  }
}

extension NoticeReceiver {
  /// As it would be written in the file, but for what may be secret in a webhook's address.
  var setting: String {
    let parts = "\(self)".split(separator: " ", maxSplits: 1)
    var fields = ["\(parts[0]): \"\(parts[1])\""]
    if case .webhook(_, let secretFile?) = route { fields.append("secret-file: \(secretFile)") }
    if let events {
      fields.append("events: [\(NoticeEvent.allCases.filter(events.contains).map(\.rawValue).joined(separator: ", "))]")
    }
    fields += ["severity: \(severity.rawValue)", "timeout: \(Quantity.text(timeout))"]
    return "{\(fields.joined(separator: ", "))}"
  }
}
