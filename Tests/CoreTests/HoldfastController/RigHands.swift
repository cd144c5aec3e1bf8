import GuardCore
import HoldfastController
import HoldfastModel

/// The hands: the store, the domains, the guard.
extension Rig {
  mutating func carryOut(_ action: Action) {
    switch action {
    case .transact(let id, let transaction, _): transact(id, transaction)
    case .tellGuard(let command): commanded(command)
    case .wake(let at): wakeAt = at
    case .check, .endChecks: checked = action
    case .start(let workload, let request) where domainsObey: obey(workload, request)
    case .stop(let workload, let id, _, _) where domainsObey:
      gone(id.name)
      send(.operation(workload, .stop, .done))
    case .mark(let workload, let id, _, let mark) where domainsObey: marked(workload, id, mark, .mark)
    case .unmark(let workload, let id, _) where domainsObey: marked(workload, id, nil, .unmark)
    case .bar(let workload, _, _, _): send(.operation(workload, .bar, barOutcome))
    case .unbar(let workload, _, _, _, _):
      send(.operation(workload, .unbar, unbarOutcomes.isEmpty ? .done : unbarOutcomes.removeFirst()))
    case .refresh where domainsObey: inventory(processes.values.sorted { $0.id.name < $1.id.name })
    case .isolateDirectly: send(.frozenDirectly(confirmed: true))
    case .askForOwner(let workload, let addresses):
      guard neighboursAnswer else { break }
      send(.addressOwners(workload, Dictionary(uniqueKeysWithValues: addresses.map { ($0, owners[$0.address] ?? .nobody) })))
    default: break
    }
  }

  private mutating func transact(_ id: TransactionID, _ transaction: ClusterTransaction) {
    switch mood {
    case .answers: send(.transaction(id, .verdict(store.apply(transaction))))
    case .away: send(.transaction(id, .unknown(reason: "away")))
    case .refuses: send(.transaction(id, .notApplied(reason: "connection refused")))
    case .losesAnswers:
      _ = store.apply(transaction)
      send(.transaction(id, .unknown(reason: "time-out")))
    case .holds: held.append((id, transaction))
    }
  }

  /// Applies and answers what was held, in this order of its places.
  mutating func answerHeld(_ order: [Int]? = nil, lastFirst: Bool = false) {
    let all = held
    held = []
    var verdicts = (order ?? Array(all.indices)).map { (all[$0].id, store.apply(all[$0].transaction)) }
    if lastFirst { verdicts.reverse() }
    for (id, verdict) in verdicts { send(.transaction(id, .verdict(verdict))) }
  }

  private mutating func obey(_ workload: WorkloadName, _ request: StartRequest) {
    var domain = Self.domain(request.id.name, uuid: request.uuid, epoch: request.mark.epoch.value)
    domain.id = request.id
    domain.mark?.definition = request.mark.definition
    sees(domain)
    send(.operation(workload, .start, .done))
  }

  private mutating func marked(_ workload: WorkloadName, _ id: DomainID, _ mark: ClaimMark?, _ kind: DomainOperation) {
    guard var domain = processes[id.name] else { return }
    domain.mark = mark
    domain.persistent = mark == nil
    sees(domain)
    send(.operation(workload, kind, .done))
  }

  // MARK: the guard

  /// A node whose guard is the guard's own machine.
  static func guarded() -> Rig {
    var rig = Rig()
    rig.machine = GuardMachine(boot: "boot")
    rig.domainsObey = true
    rig.tellMachine(.started(.init(record: .none, occupied: false, frozen: false)))
    rig.connectMachine()
    rig.inventory([])
    rig.list()
    return rig
  }

  /// The controller's connection to the guard, as the door makes it.
  mutating func connectMachine() {
    guard let state = machine?.state else { return }
    tellMachine(.controllerConnected)
    tellMachine(.command(.hello(version: guardProtocolVersion)), quietly: true)
    send(.fromGuard(.connected(state)))
  }

  private mutating func commanded(_ command: GuardCommand) {
    if machine != nil { return tellMachine(.command(command)) }
    switch command {
    case .resume(let deadline), .extend(let deadline), .shorten(let deadline): deadlineTold = deadline
    default: break
    }
    if case .resume = command, resumeIsRefused {
      send(.fromGuard(.report(.refused(reason: "w is being killed and may still execute"))))
    }
    if case .protect(let guarded) = command {
      if guarded.isStarting { startsTold.insert(guarded.name) } else { startsTold.remove(guarded.name) }
      if guarded.isStarting, let phase = controller.guardStatus.phase {
        send(.fromGuard(.report(.state(GuardState(phase: phase, workloads: [guarded.name], starting: startsTold.sorted())))))
      }
    }
    // As the guard does: each command is answered by what it protects then.
    if case .forget(let name) = command {
      startsTold.remove(name)
      if let phase = controller.guardStatus.phase {
        send(.fromGuard(.report(.state(GuardState(phase: phase, workloads: [], starting: startsTold.sorted())))))
      }
    }
    if case .shorten(let deadline) = command, var state = spoken {
      if case .armed(let present) = state.phase { state.phase = .armed(deadline: min(present, deadline)) }
      send(.fromGuard(.report(.state(state))))
    }
    if case .extend(let deadline) = command {
      // What is frozen stays so: the deadline is that of what is `stop` then.
      if controller.guardStatus.isIsolated, let spoken { return send(.fromGuard(.report(.state(spoken)))) }
      send(
        .fromGuard(.report(.state(GuardState(phase: .armed(deadline: deadline), workloads: [], starting: startsTold.sorted()))))
      )
    }
  }

  /// Whether the workload's processes may execute an instruction now.
  func executes(_ name: String) -> Bool {
    guard processes[name] != nil else { return false }
    if case .isolated? = machine?.state.phase { return false }
    return true
  }

  /// One event after the other: what the guard says of one is heard before what it says of the next.
  mutating func tellMachine(_ event: GuardMachine.Event, quietly: Bool = false) {
    machineEvents.append((event, quietly))
    guard machineEvents.count == 1 else { return }
    while let next = machineEvents.first {
      // Processes take longer to end than a freeze.
      if case .killResult(.workload(let name, _), .gone) = next.event { gone(name) }
      for action in machine?.receive(next.event, now: now) ?? [] { carryOut(action, quietly: next.quietly) }
      machineEvents.removeFirst()
    }
  }

  private mutating func carryOut(_ action: GuardMachine.Action, quietly: Bool) {
    switch action {
    case .report(let report): if !quietly { send(.fromGuard(.report(report))) }
    case .isolateNow(let round, _), .retryIsolation(let round, _):
      tellMachine(.freezeResult(round: round, confirmed: true, foundFrozen: []))
    case .linksDown(let round, _): tellMachine(.linksResult(round: round, foundDown: []))
    case .setAddresses(let round, let removed, let raised, _):
      let busy = Dictionary(uniqueKeysWithValues: removed.map { ($0, "busy") })
      let there = addressesFail ? [] : raised, found = there.filter(onLinks.contains)
      if !addressesStay { onLinks.subtract(removed) }
      onLinks.formUnion(there)
      tellMachine(
        .addressesResult(
          round: round, removed: addressesStay ? [] : removed, raised: there, found: found, failed: addressesStay ? busy : [:]))
    case .kill(let target): tellMachine(.killResult(target, .gone))
    case .takeCensus: tellMachine(.census(alive: !processes.isEmpty))
    case .setTimer, .thaw, .linksUp, .feedWatchdog, .persist, .log: break
    }
  }
}
