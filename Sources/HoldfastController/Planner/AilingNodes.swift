import HoldfastModel
import HoldfastPlanning

/// The planner's decisions about nodes whose own checks fail: that what runs there leaves, and that the node is well again. Each stands in the
/// store, in the record of the node's losses, so that one cause has one decision, whoever plans next.
enum AilingNodes {
  /// - Parameter due: nodes that the plan wants left, and for which check.
  static func decide(
    _ due: [NodeName: NodeFinding], _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    guard let time = facts.wallTime else { return }
    for (node, finding) in due.sorted(by: { $0.key < $1.key }) where facts.view.unreadable[.losses(node)] == nil {
      let ailment = NodeAilment(finding.check, finding.reason, since: time)
      let age = facts.terms.age(of: .losses(node), now: facts.now)
      let known = facts.view.losses[node]?.value
      let record = (known ?? LossesRecord(count: 0, last: 0)).ailing(ailment, after: known == nil ? nil : age)
      write(record, of: node, for: .ail(node, ailment), turn, facts, &effects)
    }
    for (node, losses) in facts.view.losses.sorted(by: { $0.key < $1.key }) where losses.value.ailment != nil {
      if isWell(node, facts) { write(losses.value.recovered(at: time), of: node, for: .heal(node), turn, facts, &effects) }
    }
  }

  /// It stands, and nothing for which it would be left fails there or is unknown.
  private static func isWell(_ node: NodeName, _ facts: Facts) -> Bool {
    guard let record = facts.view.nodes[node]?.value, facts.view.session(of: node)?.record.value.phase == .active else {
      return false
    }
    let checks = facts.rules.planner.policies.nodeChecks(of: node, labels: record.labels).filter { $0.then == .evacuate }
    if checks.isEmpty { return true }
    guard let findings = facts.view.reports[node]?.value.nodeChecks else { return false }
    return !checks.contains { check in findings.contains { $0.check == check.name } }
  }

  /// Not where the node has reported something else meanwhile, or was lost.
  private static func write(
    _ record: LossesRecord, of node: NodeName, for purpose: Purpose, _ turn: borrowing Turn, _ facts: Facts,
    _ effects: inout Effects
  ) {
    guard let planner = facts.view.planner, !effects.isUnderWay({ $0.decidesAilment(of: node) }) else { return }
    let conditions: [Condition<RecordKey>] = [
      .unchanged(.planner, modified: planner.modified), facts.view.asSeen(.losses(node), facts.view.losses[node]),
      facts.view.asSeen(.report(node), facts.view.reports[node])
    ]
    guard let transaction = turn.session.transaction(if: conditions, write: [.put(.losses(node), .losses(record))]) else {
      return
    }
    effects.transact(purpose, transaction)
  }

  static func decided(_ node: NodeName, _ ailment: NodeAilment, _ effects: inout Effects) {
    effects.note(
      .nodeAiling, "\(node) is ailing: \(ailment.clause): what runs there goes to other nodes that can take it",
      severity: .error, subject: node)
  }

  static func healed(_ node: NodeName, _ facts: Facts, _ effects: inout Effects) {
    let seconds = facts.view.losses[node].map { ", and the last choice for \($0.value.quarantine) s" } ?? ""
    effects.note(.nodeWell, "\(node) is well again\(seconds)", subject: node)
  }
}
