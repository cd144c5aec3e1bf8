import HoldfastOperator

/// Maintenance, quarantine and a disarmed cluster, as lines for every screen.
struct RestrictionLines {
  let terminal: Terminal
  /// Milliseconds since 1970.
  var today = Words.now()

  init(terminal: Terminal) { self.terminal = terminal }

  /// The line that says that the cluster is disarmed.
  func disarmed(_ disarm: DisarmInfo?, width: Int?) -> [String] {
    guard let disarm else { return [] }
    let until = disarm.until.map { "until \(clock($0))" } ?? "until `holdfast arm`"
    let reason = disarm.reason.map { " (\($0))" } ?? ""
    let text =
      "DISARMED since \(clock(disarm.since)), \(until)\(reason): nothing is failed over, frozen or moved. `holdfast arm` resumes automatic recovery."
    return terminal.wrapped(text, to: width ?? .max).map { terminal.styled($0, .bad) }
  }

  /// One node's maintenance in a line, without its name.
  func text(_ maintenance: MaintenanceInfo) -> String {
    var clauses: [String]
    switch maintenance.phase {
    case .draining: clauses = ["draining since \(clock(maintenance.since)), \(maintenance.remaining) still to move"]
    case .empty: clauses = ["in maintenance since \(clock(maintenance.since))"]
    case .returning: clauses = ["out of maintenance, \(maintenance.remaining) still to move back"]
    }
    if maintenance.stuck > 0 { clauses.append("\(maintenance.stuck) stuck") }
    if maintenance.stays > 0 { clauses.append("\(verb(maintenance.stays, "stays", "stay")) by policy") }
    if maintenance.pending > 0 { clauses.append("\(maintenance.pending) not running") }
    if let until = maintenance.until, maintenance.phase != .returning {
      clauses.append(maintenance.isOverdue ? "OVERDUE: planned end was \(clock(until))" : "until \(clock(until))")
    }
    return clauses.joined(separator: ", ") + (maintenance.reason.map { ": \($0)" } ?? "")
  }

  private func verb(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }

  func style(_ maintenance: MaintenanceInfo) -> Style {
    maintenance.isOverdue || maintenance.stuck > 0 ? .bad : .doubtful
  }

  /// The same for a node in quarantine, with the remedy.
  func text(_ quarantine: QuarantineInfo, of node: String) -> String {
    let times = quarantine.losses == 1 ? "once" : "\(quarantine.losses) times"
    return
      "\(quarantine.wasAiling == true ? "ailing, or lost," : "lost") \(times), last at \(clock(quarantine.lastLoss)): in quarantine for \(Words.about(quarantine.remaining)) more. "
      + "`holdfast node clear-failures \(node)` ends it."
  }

  /// A node that is left as a check of it fails, and the checks that fail, or of which nothing is known.
  func texts(_ ailment: AilmentInfo?, _ checks: [NodeCheckInfo]?) -> [(String, Style)] {
    let found = (checks ?? []).map { check in
      let since = check.since.map { " since \(clock($0))" } ?? ""
      let text = "\(check.reason)\(since) (check '\(check.name)')"
      return check.state == .failing
        ? (ailment == nil ? "fails a check: \(text)" : "ailing: \(text)", Style.bad) : ("nobody knows: \(text)", .doubtful)
    }
    let left = ailment.map {
      ("left by what runs there, for \($0.reason) (check '\($0.check)'), at \(clock($0.since))", Style.doubtful)
    }
    return found + (left.map { [$0] } ?? [])
  }

  /// A node that is left, in a line without its name: since when the check fails, or since that was decided; nil: it is not left.
  func ailment(of node: NodeInfo) -> String? {
    guard let ailment = node.ailment else { return nil }
    let failing = (node.checks ?? []).filter { $0.state == .failing }
    let since = clock(failing.compactMap(\.since).min { $0.milliseconds < $1.milliseconds } ?? ailment.since)
    guard !failing.isEmpty else {
      return "ailing since \(since): \(ailment.reason) (check '\(ailment.check)'), and nobody has found it well since"
    }
    let texts = failing.map { "\($0.reason) (check '\($0.name)')" }.joined(separator: "; ")
    return "ailing since \(since): \(texts): what runs there goes to nodes that can take it"
  }

  func clock(_ moment: WallInstant) -> String { Words.clock(moment.milliseconds, today: today) }
}
