import HoldfastModel

/// A notice as a message of plain text (RFC 5322).
package enum NoticeMail {
  /// Where Debian's mail systems, and all others, have it.
  package static let program = "/usr/sbin/sendmail"
  /// Characters of a subject, and of a line of the body.
  private static let longestSubject = 160, width = 76
  /// Workloads that are named in a message.
  private static let mostNamed = 50

  /// - Parameter address: as the configuration was read: without anything that has a meaning in a header.
  package static func message(_ notice: Notice, to address: String) -> [UInt8] {
    let headers = [
      "To: \(address)",
      "Subject: \(subject(notice))",
      // Mail systems and people find a message that came twice by it.
      "Message-ID: <\(header(notice.id))@\(header(notice.cluster))>",
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit"
    ]
    return Array((headers + [""] + body(notice)).joined(separator: "\n").utf8) + [0x0A]
  }

  private static func subject(_ notice: Notice) -> String {
    let text = header("[\(notice.cluster)] \(notice.event): \(notice.text)")
    return text.count > longestSubject ? text.prefix(longestSubject - 3) + "..." : text
  }

  /// A header takes printable ASCII alone, and ends with its line: nothing that somebody else wrote begins another.
  private static func header(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
  }

  private static func body(_ notice: Notice) -> [String] {
    var fields = [
      ("event", notice.event), ("severity", notice.severity.rawValue), ("cluster", notice.cluster), ("told by", notice.node),
      ("time", notice.time)
    ]
    if let workload = notice.workload, notice.workloads == nil { fields.append(("workload", workload)) }
    if let workloads = notice.workloads {
      let unnamed = notice.unnamed.map { ", and \($0) that are not named" } ?? ""
      fields.append(("workloads", InWords.list(workloads, most: mostNamed) + unnamed))
    }
    if let subject = notice.subject { fields.append(("node", subject)) }
    fields.append(("id", notice.id))
    let more = notice.workload.map { "More: holdfast workload \($0)" } ?? "More: holdfast status, holdfast events"
    return lines(notice.text) + [""] + fields.flatMap { lines("\($0): \($1)") } + ["", more]
  }

  /// A text in lines that every mail system takes.
  private static func lines(_ text: String) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
