import GuardCore
import HoldfastModel
import HoldfastTime

/// A start, one step in each turn until libvirt is asked. Which step is next is seen from the claim and the guard, so that nothing is lost when
/// the controller ends between two of them.
///
///     claim not proven ──written anew──▶ proven ──told──▶ known to the guard ──permit──▶ asked of libvirt
enum StartSequence {
  static func step(
    _ parts: inout WorkloadParts, _ id: DomainID, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ startsUnderWay: Int, _ effects: inout Effects
  ) {
    guard turn.mayAct, let deadline = turn.session.deadline else { return }
    guard let claim = parts.line.permit(own) else { return parts.line.prove(own, turn, &effects) }
    guard turn.now < deadline - facts.timing.startBudget else {
      return effects.waitForTime(parts.name)
    }
    guard startsUnderWay < Limits.startsAtOnce else { return effects.agenda.waitToStart(parts.name) }
    // Its end is heard of.
    guard !parts.fence.isClearing else { return }
    effects.agenda.starts(parts.name)
    parts.fence.open()
    parts.protection.clearKill()
    let isExclusive = facts.rules.isExclusive(parts.name, spec), isolation = parts.isolation(spec, facts)
    let links = WorkloadParts.links(of: spec, parts.name, facts)
    // Before the start, so that the guard knows the links whenever the deadline comes; and it has said so, as what it wrote down is all
    // that the next life of this controller will know of the start.
    if isExclusive {
      parts.protection.protect(
        GuardedWorkload(name: parts.name.text, isolation: isolation, cgroup: nil, links: links, isStarting: true), &effects)
    }
    guard let receipt = parts.protection.receipt(for: own, facts, turn.guardWord),
      let permit = StartPermit(claim, receipt, turn, startBudget: facts.timing.startBudget)
    else { return }
    if case .absent = own.sight {} else { effects.check(false, "a start of \(parts.name), which is not seen absent") }
    effects.check(own.isWantedHere, "a start of \(parts.name) on \(facts.me), where it is not placed")
    effects.check(permit.epoch == own.epoch, "a start of \(parts.name) under another epoch than its claim's")
    parts.run.beginStart(on: id.connection)
    let configuration = facts.configuration
    let partition = isExclusive ? "\(configuration.partition)/\(isolation.rawValue)" : configuration.commonPartition
    let request = StartRequest(
      id: id, xml: spec.xml, uuid: spec.uuid, mark: own.mark(at: permit.epoch, definition: spec.definition),
      partition: partition, links: links,
      notAfter: permit.notAfter, overBar: parts.fence.hasLateStart)
    effects.start(permit, request)
  }
}
