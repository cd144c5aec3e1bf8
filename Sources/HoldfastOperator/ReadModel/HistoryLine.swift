import HoldfastModel

/// One line of the cluster's history, as `holdfast events` shows it.
public struct HistoryLine: Hashable, Sendable, Codable {
  /// UTC on the writer's wall clock, such as `2026-03-01T02:14:07.250Z`.
  public var time: String
  /// The same in milliseconds since 1970.
  public var milliseconds: Int64
  /// The node that wrote it.
  public var node: String
  /// Grows by one with each line of this node.
  public var serial: Int64
  /// `info`, `warning` or `error`.
  public var severity: String
  /// Such as `nodeLost`, `started`, `startFailed`.
  public var kind: String
  public var workload: String?
  /// The node it is about, where that is not the writer.
  public var subject: String?
  /// A sentence: the thing, the reason.
  public var text: String
  /// Of a line that stands for several: the workloads it names, sorted. Absent: `workload` alone.
  public var workloads: [String]?
  /// How many more lines it stands for, about workloads that are not named. Absent: none.
  public var unnamed: Int?
  /// How many lines it stands for, where that is more than one.
  public var times: Int?
  /// When the first of them was said: UTC, as `time`, which is the last one's.
  public var since: String?

  public init(_ record: HistoryRecord) {
    time = timestamp(milliseconds: record.time)
    milliseconds = record.time
    node = record.node.text
    serial = record.serial
    severity = record.note.severity.rawValue
    kind = record.note.kind.rawValue
    workload = record.note.workload?.text
    subject = record.note.subject?.text
    text = InWords.oneLine(record.note.text)
    guard let folded = record.folded else { return }
    workloads = record.workloads.map(\.text)
    unnamed = folded.unnamed > 0 ? folded.unnamed : nil
    times = folded.count
    since = timestamp(milliseconds: folded.since)
  }

  /// How many workloads it is about.
  public var workloadCount: Int { workloads.map { $0.count + (unnamed ?? 0) } ?? (workload == nil ? 0 : 1) }

  /// What it says after the name of its workload, and how many more it stands for.
  public var rest: Substring {
    guard let workload else { return text[...] }
    return text.dropFirst(FoldedLines.lead(workload, workloads: workloadCount, times: times ?? 1).count)
  }
}

/// A list of history lines, oldest first: in the order in which the store took them, whatever the clocks of their nodes said.
public struct HistoryPage: Hashable, Sendable, Codable {
  public var lines: [HistoryLine]

  public init(_ records: [HistoryRecord]) { lines = records.map { HistoryLine($0) } }
}

extension [HistoryRecord] {
  /// The same lines, oldest first, with times to reckon their age by. What a clock wrote that is ahead is as old as the next line of one that is not: it was
  /// written before that. People are shown the time as it was written.
  ///
  /// - Parameter now: milliseconds since 1970.
  func dated(by now: Int64) -> [HistoryRecord] {
    var lines = self, next = now
    for index in lines.indices.reversed() {
      if lines[index].time > now { lines[index].time = next } else { next = lines[index].time }
    }
    return lines
  }
}

/// RFC 3339, UTC, with milliseconds. Gregorian, by the days-to-civil algorithm of Howard Hinnant ("chrono-Compatible Low-Level Date
/// Algorithms"), so that no locale or time zone data is needed.
public func timestamp(milliseconds: Int64) -> String {
  func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, rest: Int64) {
    let rest = (value % divisor + divisor) % divisor
    return ((value - rest) / divisor, rest)
  }
  func digits(_ value: Int64, _ width: Int) -> String {
    let text = "\(value)"
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
  let (days, inDay) = floored(milliseconds, by: 86_400_000)
  let (era, dayOfEra) = floored(days + 719_468, by: 146_097)
  let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let shifted = (5 * dayOfYear + 2) / 153
  let day = dayOfYear - (153 * shifted + 2) / 5 + 1
  let month = shifted < 10 ? shifted + 3 : shifted - 9
  let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  let clock = "\(digits(inDay / 3_600_000, 2)):\(digits(inDay / 60_000 % 60, 2)):\(digits(inDay / 1000 % 60, 2))"
  return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(clock).\(digits(inDay % 1000, 3))Z"
}
