import HoldfastOperator

/// What operators asked of nodes and of the cluster, as lines for every screen.
struct UpkeepLines {
  let terminal: Terminal
  /// Milliseconds since 1970.
  var today = Words.now()

  init(terminal: Terminal) { self.terminal = terminal }

  /// The cluster is hands-off: what nobody may overlook.
  func disarmed(_ disarm: DisarmInfo?, width: Int?) -> [String] {
    guard let disarm else { return [] }
    let until = disarm.until.map { "until \(clock($0))" } ?? "until somebody arms it"
    let reason = disarm.reason.map { " (\($0))" } ?? ""
    let text =
      "DISARMED since \(clock(disarm.since)), \(until)\(reason): nothing is failed over, stopped or moved. `holdfast arm` ends it."
    return terminal.wrapped(text, to: width ?? .max).map { terminal.styled($0, .bad) }
  }

  /// One node's maintenance in a line, without its name.
  func text(_ maintenance: MaintenanceInfo) -> String {
    var clauses: [String]
    switch maintenance.phase {
    case .emptying: clauses = ["being emptied since \(clock(maintenance.since)), \(maintenance.left) to leave"]
    case .empty: clauses = ["in maintenance since \(clock(maintenance.since))"]
    case .returning: clauses = ["out of maintenance, \(maintenance.left) to come home"]
    }
    if maintenance.stranded > 0 { clauses.append("\(verb(maintenance.stranded, "finds", "find")) no other node") }
    if maintenance.stays > 0 { clauses.append("\(verb(maintenance.stays, "stays", "stay")) by policy") }
    if maintenance.pending > 0 { clauses.append("\(verb(maintenance.pending, "runs", "run")) nowhere") }
    if let until = maintenance.until, maintenance.phase != .returning {
      clauses.append(maintenance.isOverdue ? "OVERDUE: it was to be over at \(clock(until))" : "until \(clock(until))")
    }
    return clauses.joined(separator: ", ") + (maintenance.reason.map { ": \($0)" } ?? "")
  }

  private func verb(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }

  func style(_ maintenance: MaintenanceInfo) -> Style {
    maintenance.isOverdue || maintenance.stranded > 0 ? .bad : .doubtful
  }

  /// The same for a node that is not trusted, with the remedy.
  func text(_ quarantine: QuarantineInfo, of node: String) -> String {
    let times = quarantine.losses == 1 ? "once" : "\(quarantine.losses) times"
    return
      "lost \(times), last at \(clock(quarantine.lastLoss)): the last choice for \(Words.about(quarantine.remaining)) more. "
      + "`holdfast node trust \(node)` ends that."
  }

  func clock(_ moment: Moment) -> String { Words.clock(moment.milliseconds, today: today) }
}
