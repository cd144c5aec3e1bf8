import HoldfastModel
import HoldfastPlanning

/// Every node lost alone: one line for each.
struct LossScreen {
  let trials: LossTrials
  /// Of the cluster, with those that are not tried as they are away already.
  let nodes: Int
  /// What is supposed besides; empty: nothing is.
  let condition: String
  let terminal: Terminal
  let isWhole: Bool

  private static let most = 20

  func lines() -> [String] {
    let failing = trials.trials.filter { !$0.survives }
    let head = condition.isEmpty ? "" : "If \(condition): "
    let verdict =
      trials.trials.isEmpty
      ? "no node is up"
      : "the loss of \(lost(failing.count)) leaves \(failing.isEmpty ? "everything running" : "workloads without a node")"
    let text = head.isEmpty ? verdict.prefix(1).uppercased() + verdict.dropFirst() : head + verdict
    var lines = terminal.wrapped(text + ".", to: terminal.columns).map { terminal.styled($0, failing.isEmpty ? .good : .bad) }
    if !trials.pendingBefore.isEmpty {
      let names = InWords.list(trials.pendingBefore.map(\.text), most: 6)
      lines += terminal.wrapped("Not running now either: \(names).", to: terminal.columns)
    }
    if trials.trials.isEmpty { return lines }
    // Those that matter first, where not all are shown.
    let isCut = !isWhole && trials.trials.count > Self.most + 1
    let shown =
      isCut ? (failing + trials.trials.filter(\.survives)).prefix(Self.most).sorted { $0.node < $1.node } : trials.trials
    lines += [""] + table(shown).lines(terminal, width: terminal.columns, yieldingLines: 3)
    if isCut {
      lines.append(
        terminal.styled("and \(Words.count(trials.trials.count - shown.count, "node")) more: --all shows them", .dim))
    }
    if let first = failing.first { lines += ["", "Details: holdfast whatif --lose \(first.node)"] }
    return lines
  }

  /// Which nodes the verdict is about.
  ///
  /// - Parameter failing: so many cannot be afforded; 0: any can.
  private func lost(_ failing: Int) -> String {
    let tried = trials.trials.count
    // Of those that are away nothing is lost.
    if tried == 1 { return "\(trials.trials[0].node), the only node\(nodes == 1 ? "" : " in use")," }
    let all = nodes > tried ? "the \(tried) nodes in use" : Words.count(tried, "node")
    return failing == 0 ? "any one of \(all)" : "\(failing) of \(all)"
  }

  private func table(_ shown: [LossTrials.Trial]) -> Table {
    var table = Table([
      .init(title: "LOST"), .init(title: "SURVIVES"), .init(title: "RUNS", alignsRight: true),
      .init(title: "NO NODE FOR"), .init(title: "DEMAND"), .init(title: "MISSING", yields: true)
    ])
    table.rows = shown.map { trial in
      let need = Words.demand(trial.demand.memory, trial.demand.cpus)
      return [
        .init(trial.node.text, .bold), trial.survives ? .init("yes", .good) : .init("NO", .bad), .init("\(trial.workloads)"),
        .init(InWords.list(trial.pending.map(\.workload.text), most: 2)), .init(trial.survives ? "" : need),
        .init(Self.missing(trial))
      ]
    }
    return table
  }

  /// Of the first of them: one of them may be all that is in the way.
  private static func missing(_ trial: LossTrials.Trial) -> String {
    guard let first = trial.pending.first else { return "" }
    guard let shortfall = first.shortfall else { return "\(first.reason)" }
    let text = ExplainScreen.text(shortfall)
    return trial.pending.count > 1 ? "\(first.workload): \(text)" : text
  }
}
