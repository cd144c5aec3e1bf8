import FoundationEssentials
import HoldfastModel
import HoldfastOperator

/// What every receiver is told of one event: a line of this node's history, as one JSON document. `Docs/notice.schema.json` describes it.
public struct Notice: Hashable, Sendable, Codable {
  /// The document's version: within one, fields are only added.
  public static let version = 1
  /// Characters of a text: what libvirt or an operator wrote may be long.
  private static let longestText = 4000

  public private(set) var version = Notice.version
  /// No other notice of any node has it; what is delivered again comes with the same.
  public private(set) var id: String
  public private(set) var cluster: String
  /// Which tells it.
  public private(set) var node: String
  /// UTC on that node's wall clock, such as `2026-03-01T02:14:07.250Z`.
  public private(set) var time: String
  /// The same in milliseconds since 1970.
  public private(set) var milliseconds: Int64
  /// The raw value of a `NoticeEvent`: a file of a newer build may have others.
  public private(set) var event: String
  public private(set) var severity: Note.Severity
  /// A sentence: the thing, the reason.
  public private(set) var text: String
  public private(set) var workload: String?
  /// The node it is about, where that is not the one that tells it.
  public private(set) var subject: String?
  /// Of a notice that stands for several lines: the workloads it names, sorted. Absent: `workload` alone.
  public private(set) var workloads: [String]?
  /// How many more lines it stands for, about workloads that are not named. Absent: none.
  public private(set) var unnamed: Int?
  /// How many lines it stands for, where that is more than one.
  public private(set) var times: Int?
  /// When the first of them was said, as `time` is written.
  public private(set) var since: String?

  /// - Parameter series: different for every start of the daemon, so that a serial may be used again.
  package init(_ record: HistoryRecord, cluster: String, series: String) {
    let line = HistoryLine(record)
    id = "\(record.node)-\(series)-\(record.serial)"
    self.cluster = cluster
    (node, time, milliseconds) = (line.node, line.time, line.milliseconds)
    event = NoticeEvent(record.note.kind).rawValue
    severity = record.note.severity
    text = String(line.text.prefix(Self.longestText))
    (workload, subject) = (line.workload, line.subject)
    (workloads, unnamed, times, since) = (line.workloads, line.unnamed, line.times, line.since)
  }

  /// In UTF-8, keys sorted, in one line.
  package func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self))
  }

  /// The main fields, for executables that want no JSON.
  package var variables: [String: String] {
    [
      "HOLDFAST_ID": id, "HOLDFAST_EVENT": event, "HOLDFAST_SEVERITY": severity.rawValue, "HOLDFAST_CLUSTER": cluster,
      "HOLDFAST_NODE": node, "HOLDFAST_TIME": time, "HOLDFAST_TEXT": text, "HOLDFAST_WORKLOAD": workload ?? "",
      "HOLDFAST_SUBJECT": subject ?? ""
    ]
  }
}

extension Note.Severity {
  /// From the least severe up.
  package var rank: Int {
    switch self {
    case .info: 0
    case .warning: 1
    case .error: 2
    }
  }
}
