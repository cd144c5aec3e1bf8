import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What operations on domains came to: a call's return, and what is seen afterwards.
extension Controller {
  /// How long after a call's end its effect may take to be seen before everything is observed anew.
  private static let settling: Duration = .seconds(1)

  /// Starts that may fail in a row before the workload is given up to another node.
  private mutating func startsBeforeGivingUp(_ workload: WorkloadName) -> Int {
    let failover = view.specs[workload].map { rules.settings(of: workload, $0.value).failover }
    return failover?.restarts ?? Failover.defaultRestarts
  }

  mutating func operationEnded(_ workload: WorkloadName, _ kind: DomainOperation, _ outcome: OperationOutcome) {
    dirty.insert(workload)
    if kind == .bar { return barEnded(workload, outcome) }
    if kind == .start { dirty.formUnion(waitingToStart) }
    guard var agent = agents[workload], agent.operation?.kind == kind else { return }
    let connection = view.specs[workload]?.value.connection ?? ""
    switch (kind, outcome) {
    case (.start, .failed(let reason)):
      agent.operation = nil
      agent.failedStarts += 1
      agent.giveUp = agent.failedStarts >= startsBeforeGivingUp(workload) ? reason : nil
      agent.retryAt = agent.giveUp == nil ? now + .seconds(1) : nil
      note(.startFailed, "\(workload) did not start on \(me): \(reason)", severity: .error, workload: workload)
    case (.migrate, .failed(let reason)):
      agent.operation = nil
      agent.migration.reason = reason
    case (.resume, .failed(let reason)):
      agent.operation = nil
      agent.failedResumes += 1
      agent.retryAt = now + .seconds(min(agent.failedResumes, 10))
      note(.migrating, "\(workload) does not go on, on \(me): \(reason)", severity: .warning, workload: workload)
    case (_, .tooLate):
      agent.operation = nil
      agent.migration.isAsked = false
      agent.retryAt = now + timing.renewInterval / 2
    case (_, .failed(let reason)):
      agent.operation = nil
      agent.retryAt = now + .seconds(1)
      if agent.lastNote != reason {
        agent.lastNote = reason
        note(
          kind == .stop ? .stopping : .unreadable, "\(workload): \(kind.rawValue) failed: \(reason)", severity: .warning,
          workload: workload)
      }
    case (.start, .barred):
      agent.operation = nil
      agent.lateStart = true
    case (.bar, _), (_, .barred): break
    case (.unmark, .done):
      agent.operation = nil
      agent.unmarked = true
    case (_, .done), (_, .unknown):
      if kind == .migrate, outcome == .done { agent.migration.isDone = true }
      agent.operation?.ended = .init(
        at: now, inventories: local.inventoryCount(connection), isUnknown: outcome != .done)
      timers[workload] = now + Self.settling
    }
    agents[workload] = agent
  }

  /// An operation ends when its effect is seen; a call's return only starts the wait for it.
  mutating func settleOperation(_ workload: WorkloadName, _ id: DomainID, _ sight: LocalDomains.Sight) {
    guard let operation = agents[workload]?.operation else { return }
    switch (operation.kind, sight) {
    // Seen before its call returned, a start is still under way; and after a call that nobody answered, until libvirt answers again.
    case (.start, .present)
    where operation.ended.map { !$0.isUnknown || local.inventoryCount(id.connection) > $0.inventories } ?? false:
      agents[workload]?.operation = nil
      return
    // The next start waits for the call's return, a release does not.
    case (.stop, .absent) where operation.ended != nil || !isWantedHere(workload):
      agents[workload]?.operation = nil
      noteStopped(workload)
      return
    case (.migrate, .absent) where operation.ended != nil:
      agents[workload]?.operation = nil
      return
    case (.resume, .present(let domain)) where operation.ended != nil && domain.state == .running:
      agents[workload]?.operation = nil
      agents[workload]?.failedResumes = 0
      return
    case (.resume, .absent):
      agents[workload]?.operation = nil
      return
    case (.mark, .present(let domain))
    where operation.ended != nil && !domain.persistent
      && (domain.mark?.epoch == view.claims[workload]?.value.epoch
        || isAdopting(workload) && wasAdoptedHalfway(workload, domain)):
      agents[workload]?.operation = nil
      return
    default: break
    }
    guard var ended = operation.ended else { return }
    // Whatever else it was woken for has taken the timer.
    guard now - ended.at >= Self.settling else { return retry(workload, at: ended.at + Self.settling) }
    if !ended.refreshed {
      ended.refreshed = true
      ended.at = now
      ended.inventories = local.inventoryCount(id.connection)
      agents[workload]?.operation?.ended = ended
      timers[workload] = now + Self.settling
      out.append(.refresh)
    } else if operation.kind == .start, ended.isUnknown, !isBarred(workload) {
      timers[workload] = now + Self.settling
    } else if local.inventoryCount(id.connection) > ended.inventories {
      // Seen anew, and the effect is not there: the operation did not work, or was undone.
      agents[workload]?.operation = nil
      if operation.kind == .start, ended.isUnknown { agents[workload]?.lateStart = true }
      if operation.kind == .start { startVanished(workload) }
    } else {
      timers[workload] = now + Self.settling
    }
  }

  private mutating func startVanished(_ workload: WorkloadName) {
    var agent = agents[workload] ?? Agent()
    agent.failedStarts += 1
    agent.giveUp = agent.failedStarts >= startsBeforeGivingUp(workload) ? "it ended right after its start" : nil
    agents[workload] = agent
    note(.startFailed, "\(workload) ended right after its start on \(me)", severity: .error, workload: workload)
  }
}
