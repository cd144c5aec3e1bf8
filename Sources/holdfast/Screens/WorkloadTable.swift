import GuardCore
import HoldfastModel
import HoldfastOperator

/// Workloads, one in a line.
struct WorkloadTable {
  let terminal: Terminal

  /// - Parameters:
  ///   - isBrief: only what matters for those that are not in their place.
  ///   - width: nil: as wide as it is.
  ///   - whyLines: how many lines a reason may take.
  func lines(
    _ workloads: [WorkloadInfo], isBrief: Bool, title: String? = nil, width: Int?, whyLines: Int = 1
  ) -> [String] {
    var table = Self.table(isBrief: isBrief)
    if let title { table.columns[0].title = title }
    table.rows = workloads.map { row($0, isBrief: isBrief) }
    return table.lines(terminal, width: width, yieldingLines: whyLines)
  }

  /// Brief, each group in a line.
  func lines(_ groups: [[WorkloadInfo]], width: Int?) -> [String] {
    var table = Self.table(isBrief: true)
    table.rows = groups.compactMap { group in
      guard let first = group.first else { return nil }
      var row = row(first, isBrief: true)
      guard group.count > 1 else { return row }
      row[0].text = "\(first.name) and \(group.count - 1) more"
      // When each of them ended last is its own.
      row[row.count - 1].text = first.why ?? Self.remark(on: first)
      return row
    }
    return table.lines(terminal, width: width)
  }

  /// Those of which the same is true, together, in the order of the first of each.
  static func alike(_ workloads: [WorkloadInfo]) -> [[WorkloadInfo]] {
    struct Key: Hashable {
      var state: WorkloadInfo.State
      var place: String
      var why: String?
    }
    func key(_ workload: WorkloadInfo) -> Key { Key(state: workload.state, place: place(workload), why: workload.why) }
    let groups = Dictionary(grouping: workloads, by: key)
    var seen: Set<Key> = []
    return workloads.compactMap { seen.insert(key($0)).inserted ? groups[key($0)] : nil }
  }

  private static func table(isBrief: Bool) -> Table {
    var columns: [Table.Column] = [
      .init(title: isBrief ? "NOT AS IT SHOULD BE" : "WORKLOAD"), .init(title: "STATE"), .init(title: "NODE")
    ]
    if !isBrief {
      columns += [
        .init(title: "MEMORY", alignsRight: true), .init(title: "CPUS", alignsRight: true),
        .init(title: "PRIO", alignsRight: true),
        .init(title: "ISOLATION")
      ]
    }
    columns.append(.init(title: "WHY", yields: true))
    return Table(columns)
  }

  private func row(_ workload: WorkloadInfo, isBrief: Bool) -> [Table.Cell] {
    var row: [Table.Cell] = [
      .init(workload.name, .bold), .init(Self.word(workload), Self.style(workload)), .init(Self.place(workload))
    ]
    if !isBrief {
      row += [
        .init(Words.memory(workload.demand.memory)), .init(Words.cpus(workload.demand.cpus)),
        .init(workload.priority == 0 ? "" : "\(workload.priority)"), .init(workload.isolation)
      ]
    }
    return row + [.init(Self.reason(workload))]
  }

  /// Its state: of one that runs and fails a check, that.
  static func word(_ workload: WorkloadInfo) -> String { workload.isUnhealthy ? "unhealthy" : workload.state.rawValue }

  /// What else is to be known of one that is as it should be.
  private static func remark(on workload: WorkloadInfo) -> String {
    if workload.isOfUnknownHealth, let health = workload.health {
      return "nobody knows how it is: its check '\(health.check)' cannot be made"
    }
    if let missing = workload.missingAddresses?.first {
      return "without its address \(missing.address): \(InWords.oneLine(missing.reason))"
    }
    if workload.newerDisks != nil { return "its definition names an older disk" }
    if let ends = Words.ends(of: workload) { return "ended \(ends)" }
    if workload.isOutdated == true { return "runs an older definition" }
    return workload.differences != nil ? "differs from its definition" : ""
  }

  private static func reason(_ workload: WorkloadInfo) -> String {
    guard let why = workload.why else { return remark(on: workload) }
    guard let last = workload.lastEnd, workload.recentEnds ?? 0 >= ClusterSight.manyEnds else { return why }
    return "\(why) (last at \(Words.clock(last.milliseconds, today: Words.now())))"
  }

  static func hasReason(_ workload: WorkloadInfo) -> Bool { !reason(workload).isEmpty }

  static func style(_ workload: WorkloadInfo) -> Style {
    switch workload.state {
    case .running: workload.isInPlace ? .good : .doubtful
    case .starting, .stopping, .unclear: .doubtful
    case .pending, .down, .frozen, .paused, .crashed: .bad
    case .stopped: .dim
    }
  }

  /// Where it is, and where it goes.
  static func place(_ workload: WorkloadInfo) -> String {
    switch (workload.node, workload.wantedNode) {
    case (let node?, let wanted?) where node != wanted: "\(node) > \(wanted)"
    case (let node?, _): node
    case (nil, let wanted?): "> \(wanted)"
    case (nil, nil): ""
    }
  }
}
