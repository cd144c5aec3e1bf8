import HoldfastModel
import HoldfastOperator

/// Lines of history that say the same of several workloads, or again and again of one, told once.
enum HistoryGroups {
  /// What lines must have in common: all but the time, the workload and the serial.
  private struct Key: Hashable {
    /// nil: it is told of the cluster, and by every node.
    var node: String?
    var kind: String
    var severity: String
    /// The text after the workload's name.
    var text: Substring
  }

  private struct Group {
    var newest: HistoryLine
    /// The newest line's place among all lines.
    var place = 0
    var workloads: Set<String> = []
    /// Lines about workloads that nobody named.
    var unnamed = 0
    var count = 0
    /// Not all of them say the whole of it in the same words: `web1 goes to n2` for one reason, and `web2` for another.
    var differs = false

    mutating func take(_ line: HistoryLine) {
      if count > 0, line.rest != newest.rest { differs = true }
      newest = line
      count += line.times ?? 1
      unnamed += line.unnamed ?? 0
      workloads.formUnion(line.workloads ?? line.workload.map { [$0] } ?? [])
    }

    /// The newest, with how many more it stands for.
    func line(_ key: Key) -> HistoryLine {
      guard count > 1, let workload = newest.workload else { return newest }
      var line = newest
      let lead = FoldedLines.lead(workload, workloads: workloads.count + unnamed, times: count)
      line.text = "\(lead)\(differs ? key.text : newest.rest)"
      return line
    }
  }

  /// Told by every node when it hears of it, in the same words.
  private static let ofTheCluster: Set = ["armed", "disarmed"]

  /// What every node tells of the cluster is one line.
  ///
  /// - Parameter isBrief: what is no trouble is alike whatever its reasons.
  private static func key(_ line: HistoryLine, isBrief: Bool) -> Key? {
    if ofTheCluster.contains(line.kind) { return Key(kind: line.kind, severity: line.severity, text: line.text[...]) }
    guard let workload = line.workload, line.text.hasPrefix(workload), [" ", ":"].contains(line.rest.first) else { return nil }
    return Key(node: line.node, kind: line.kind, severity: line.severity, text: isBrief ? brief(line) : line.rest)
  }

  /// What was said of the workload, as `Note.Kind.brief` has it; of a kind that this build does not know, all of it.
  private static func brief(_ line: HistoryLine) -> Substring {
    guard let kind = Note.Kind(rawValue: line.kind), let severity = Note.Severity(rawValue: line.severity) else {
      return line.rest
    }
    return kind.brief(line.rest, severity)
  }

  /// Equal lines that follow one another are one, in the order in which things happened.
  static func consecutive(_ lines: [HistoryLine]) -> [HistoryLine] {
    var groups: [(key: Key?, group: Group)] = []
    for line in inOrder(lines) {
      let key = key(line, isBrief: false)
      if key == nil || groups.last?.key != key { groups.append((key, Group(newest: line))) }
      groups[groups.count - 1].group.take(line)
    }
    return groups.map { entry in entry.key.map(entry.group.line) ?? entry.group.newest }
  }

  /// A placement comes before what its node did with it. Each node writes a line when it hears of what was committed, and the node that a workload goes
  /// to may hear of it before the planner has its answer.
  private static func inOrder(_ lines: [HistoryLine]) -> [HistoryLine] {
    var ordered: [HistoryLine] = []
    for line in lines {
      var place = ordered.count
      if line.kind == "placed", line.workload != nil, let node = line.subject {
        for index in ordered.indices.reversed() {
          let other = ordered[index]
          if line.milliseconds - other.milliseconds > mostDelay { break }
          guard other.workload == line.workload else { continue }
          guard other.node == node, ["claimed", "started"].contains(other.kind) else { break }
          place = index
        }
      }
      ordered.insert(line, at: place)
    }
    return ordered
  }

  /// Milliseconds that a committed placement's answer may take longer than the news of it.
  private static let mostDelay: Int64 = 1000

  /// Milliseconds: what is only told, and not wrong, is one with what was told so shortly before.
  private static let sameTime: Int64 = 10_000

  /// Equal lines are one, wherever they are, at the place of the newest of them. Of what is no trouble only those of about the same time: how many
  /// workloads a node took over now is another thing than how many it has started since.
  static func all(_ lines: [HistoryLine]) -> [HistoryLine] {
    var open: [Key: Group] = [:], done: [(place: Int, line: HistoryLine)] = []
    for (place, line) in lines.enumerated() {
      guard let key = key(line, isBrief: true) else {
        done.append((place, line))
        continue
      }
      // A clock that was set back meanwhile makes it long, too.
      if let group = open[key], line.severity == "info", abs(line.milliseconds - group.newest.milliseconds) > sameTime {
        done.append((group.place, group.line(key)))
        open[key] = nil
      }
      open[key, default: Group(newest: line)].take(line)
      open[key]?.place = place
    }
    return (done + open.map { ($0.value.place, $0.value.line($0.key)) }).sorted { $0.place < $1.place }.map(\.line)
  }
}
