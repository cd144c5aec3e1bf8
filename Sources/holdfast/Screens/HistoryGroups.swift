import HoldfastOperator

/// Lines of history that say the same of several workloads, or again and again of one, told once.
enum HistoryGroups {
  /// What lines must have in common: all but the time, the workload and the serial.
  private struct Key: Hashable {
    var node: String
    var kind: String
    var severity: String
    /// The text after the workload's name.
    var text: Substring
  }

  private struct Group {
    var newest: HistoryLine
    var workloads: [String] = []
    var count = 0

    mutating func take(_ line: HistoryLine) {
      newest = line
      count += 1
      if let workload = line.workload {
        workloads.removeAll { $0 == workload }
        workloads.append(workload)
      }
    }

    /// The newest, with how many more it stands for.
    var line: HistoryLine {
      guard count > 1, let workload = newest.workload else { return newest }
      var line = newest
      var more: [String] = []
      if workloads.count > 1 { more.append("and \(workloads.count - 1) more") }
      if count > workloads.count { more.append("\(count) times") }
      line.text = "\(workload) (\(more.joined(separator: ", ")))\(newest.text.dropFirst(workload.count))"
      return line
    }
  }

  private static func key(_ line: HistoryLine) -> Key? {
    guard let workload = line.workload, line.text.hasPrefix("\(workload) ") else { return nil }
    return Key(node: line.node, kind: line.kind, severity: line.severity, text: line.text.dropFirst(workload.count))
  }

  /// Equal lines that follow one another are one, in their order.
  static func consecutive(_ lines: [HistoryLine]) -> [HistoryLine] {
    var groups: [(key: Key?, group: Group)] = []
    for line in lines {
      let key = key(line)
      if key == nil || groups.last?.key != key { groups.append((key, Group(newest: line))) }
      groups[groups.count - 1].group.take(line)
    }
    return groups.map(\.group.line)
  }

  /// Equal lines are one, wherever they are, at the place of the newest of them.
  static func all(_ lines: [HistoryLine]) -> [HistoryLine] {
    var groups: [Key: Group] = [:], others: [HistoryLine] = []
    for line in lines {
      if let key = key(line) { groups[key, default: Group(newest: line)].take(line) } else { others.append(line) }
    }
    return (others + groups.values.map(\.line)).sorted {
      ($0.milliseconds, $0.node, $0.serial) < ($1.milliseconds, $1.node, $1.serial)
    }
  }
}
