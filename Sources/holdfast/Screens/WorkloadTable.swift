import HoldfastModel
import HoldfastOperator

/// Workloads, one in a line.
struct WorkloadTable {
  let terminal: Terminal

  /// - Parameters:
  ///   - isBrief: only what matters for those that are not in their place.
  ///   - width: nil: as wide as it is.
  ///   - whyLines: how many lines a reason may take.
  func lines(_ workloads: [WorkloadInfo], isBrief: Bool, width: Int?, whyLines: Int = 1) -> [String] {
    var columns: [Table.Column] = [
      .init(title: isBrief ? "NOT IN PLACE" : "WORKLOAD"), .init(title: "STATE"), .init(title: "NODE")
    ]
    if !isBrief {
      columns += [
        .init(title: "MEMORY", alignsRight: true), .init(title: "CPUS", alignsRight: true),
        .init(title: "PRIO", alignsRight: true),
        .init(title: "ISOLATION")
      ]
    }
    columns.append(.init(title: "WHY", yields: true))
    var table = Table(columns)
    table.rows = workloads.map { workload in
      var row: [Table.Cell] = [
        .init(workload.name, .bold), .init(workload.state.rawValue, Self.style(workload)), .init(Self.place(workload))
      ]
      if !isBrief {
        row += [
          .init(Words.memory(workload.demand.memory)), .init(Words.cpus(workload.demand.cpus)),
          .init(workload.priority == 0 ? "" : "\(workload.priority)"), .init(workload.isolation)
        ]
      }
      return row + [.init(workload.why ?? "")]
    }
    return table.lines(terminal, width: width, yieldingLines: whyLines)
  }

  static func style(_ workload: WorkloadInfo) -> Style {
    switch workload.state {
    case .running: workload.isInPlace ? .good : .doubtful
    case .starting, .stopping, .unclear: .doubtful
    case .pending, .down: .bad
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
