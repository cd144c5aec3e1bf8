import HoldfastModel
import HoldfastPlanning
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Synchronization

/// What this node knows, for its hooks.
package struct HookSight: Sendable {
  package var view: ClusterView
  /// By when what is exclusive must have stopped unless the session is renewed; nil: nothing may begin.
  package var deadline: BootInstant?

  package init(view: ClusterView, deadline: BootInstant?) { (self.view, self.deadline) = (view, deadline) }
}

/// A hypervisor whose starts, stops and live migrations have hooks. The controller knows nothing of them: a start that is refused has failed, and a migration
/// that is refused is hindered.
///
/// A hook only ever delays what libvirt is asked for: whoever waits for one is given up when the deadline passes, and when `bar`, `stop` or
/// `cancelMigration` come for it. The `notAfter` of what is asked for stays as it is, and libvirt's adapter looks at the clock after the hooks as it does without.
package final class HookedHypervisor: Hypervisor {
  package typealias Sight = @Sendable () async -> HookSight

  /// What hooks agreed to, and that came too late then, is asked for again within moments: they are not asked again meanwhile.
  private static let consentHolds: Duration = .seconds(10)
  /// A hook that is given up is dead by then.
  private static let killing: Duration = .milliseconds(100)
  /// Of the time that a workload has to shut down, its hooks have one part of so many.
  private static let shareOfGrace = 2

  private let inner: any Hypervisor
  private let hooks: [Hook]
  private let me: NodeName
  private let runner: HookRunner
  private let waits = HookWaits()
  /// nil: nobody has said yet how to find out.
  private let sight = Mutex<Sight?>(nil)
  /// Under which claim each was last started here.
  private let started = Mutex<[WorkloadName: Epoch]>([:])

  package init(_ inner: any Hypervisor, hooks: [Hook], node: NodeName, runner: HookRunner) {
    self.inner = inner
    self.hooks = hooks
    me = node
    self.runner = runner
  }

  /// Before anything is asked for. The controller is made with its hypervisor, and so comes after it.
  package func look(with sight: @escaping Sight) { self.sight.withLock { $0 = sight } }

  /// Waits until every hook has been told what was done, for at most so long.
  package func flush(within limit: Duration) async {
    let end = BootClock.now + limit
    while !runner.isIdle, BootClock.now < end, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
  }

  // MARK: what has hooks

  package func start(_ request: StartRequest) async -> OperationOutcome {
    guard hasHooks(.start) else { return await inner.start(request) }
    let workload = WorkloadName(request.mark.workload), epoch = request.mark.epoch
    let isAgain = started.withLock { $0[workload] == epoch }
    let outcome = await held(
      .start, request.id, under: "\(epoch.value)", notAfter: request.notAfter,
      { sight in
        HookMatter(
          workload: workload, labels: Self.labels(of: workload, sight), id: request.id, uuid: request.uuid, epoch: epoch,
          xml: request.xml, cause: self.cause(.start, workload, sight, isAgain: isAgain))
      }, refused: { .failed(reason: $0) }, call: { await self.inner.start(request) })
    if outcome == .done { started.withLock { $0[workload] = epoch } }
    return outcome
  }

  package func migrate(_ request: MigrationRequest) async -> OperationOutcome {
    guard hasHooks(.migrate) else { return await inner.migrate(request) }
    let workload = WorkloadName(request.id.name)
    return await held(
      .migrate, request.id, under: request.destination, notAfter: request.notAfter,
      { sight in
        HookMatter(
          workload: workload, labels: Self.labels(of: workload, sight), id: request.id, uuid: request.uuid,
          target: sight?.view.claims[workload]?.value.migration?.target.node, cause: self.cause(.migrate, workload, sight))
      },
      // It runs on here and is asked about again, later each time.
      refused: { .hindered(.busy, reason: $0) }, call: { await self.inner.migrate(request) })
  }

  package func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome {
    waits.giveUp(id)
    guard hasHooks(.stop) else { return await inner.stop(id, uuid: uuid, grace: grace) }
    guard grace > .zero else {
      // Nobody is asked, not even what this node knows.
      let outcome = await inner.stop(id, uuid: uuid, grace: .zero), matter = await matter(ofStopping: id, uuid)
      runner.tell(wanted(matter, .after(.stop)), matter, after: .stop, outcome)
      return outcome
    }
    let began = ContinuousClock.now, matter = await matter(ofStopping: id, uuid)
    _ = await runner.ask(
      wanted(matter, .before(.stop)), matter, before: .stop, until: began + grace / Self.shareOfGrace, mayRefuse: false)
    let left = max(grace / Self.shareOfGrace / 2, grace - (ContinuousClock.now - began))
    let outcome = await inner.stop(id, uuid: uuid, grace: left)
    runner.tell(wanted(matter, .after(.stop)), matter, after: .stop, outcome)
    return outcome
  }

  private func matter(ofStopping id: DomainID, _ uuid: String) async -> HookMatter {
    let workload = WorkloadName(id.name), sight = await look()
    return HookMatter(
      workload: workload, labels: Self.labels(of: workload, sight), id: id, uuid: uuid, cause: cause(.stop, workload, sight))
  }

  /// Asks the hooks, then libvirt, and tells the hooks.
  ///
  /// - Parameter terms: what hooks agreed to holds for the same alone.
  private func held(
    _ act: Hook.Act, _ id: DomainID, under terms: String, notAfter: BootInstant, _ describe: (HookSight?) -> HookMatter,
    refused: (String) -> OperationOutcome, call: () async -> OperationOutcome
  ) async -> OperationOutcome {
    let number = waits.begin(id, act)
    let hasAgreed = waits.takeConsent(id, act, terms, at: BootClock.now)
    let matter = describe(await look()), asked = hasAgreed ? [] : wanted(matter, .before(act))
    let verdict = await ask(asked, matter, act, id, number, notAfter: notAfter)
    let outcome: OperationOutcome
    if !waits.pass(id, number) {
      outcome = .tooLate
    } else if case .refused(let reason) = verdict {
      outcome = refused(reason)
    } else if !asked.isEmpty, BootClock.now > notAfter {
      // The session was renewed meanwhile, or this would have been given up: the controller asks again, with the deadline as it is now.
      waits.remember(id, act, terms, until: BootClock.now + Self.consentHolds)
      return .tooLate
    } else {
      outcome = await call()
    }
    runner.tell(wanted(matter, .after(act)), matter, after: act, outcome)
    return outcome
  }

  /// Asks the hooks, for as long as this node's deadline lasts and nobody gives it up.
  private func ask(
    _ asked: [Hook], _ matter: HookMatter, _ act: Hook.Act, _ id: DomainID, _ number: Int, notAfter: BootInstant
  ) async -> HookRunner.Verdict {
    guard !asked.isEmpty else { return .agreed }
    let asking = Task { await runner.ask(asked, matter, before: act, mayRefuse: true) }
    waits.asks(id, number) { asking.cancel() }
    let watch = Task {
      if await deadlinePasses(notBefore: notAfter) { waits.giveUp(id, act) }
    }
    defer { watch.cancel() }
    return await asking.value
  }

  /// Waits until the deadline passes that this node has, however often it moves; false: the task was cancelled.
  private func deadlinePasses(notBefore known: BootInstant) async -> Bool {
    var known = known
    while (try? await BootClock.sleep(until: known)) != nil {
      guard let next = await look()?.deadline, next > BootClock.now else { return !Task.isCancelled }
      known = next
    }
    return false
  }

  // MARK: who is asked

  private func hasHooks(_ act: Hook.Act) -> Bool { hooks.contains { $0.before.contains(act) || $0.after.contains(act) } }

  private func wanted(_ matter: HookMatter, _ moment: HookMoment) -> [Hook] {
    hooks.filter { $0.isFor(moment) && $0.workloads.matches(name: matter.workload.text, labels: matter.labels) }
  }

  private func look() async -> HookSight? { await sight.withLock { $0 }?() }

  private static func labels(of workload: WorkloadName, _ sight: HookSight?) -> [String: String] {
    sight?.view.specs[workload]?.value.labels ?? [:]
  }

  private func cause(_ act: Hook.Act, _ workload: WorkloadName, _ sight: HookSight?, isAgain: Bool = false) -> HookCause? {
    sight.flatMap { HookCause(act, of: workload, on: me, in: $0.view, isAgain: isAgain) }
  }

  // MARK: what ends a wait

  package func bar(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    waits.giveUp(id)
    return await inner.bar(id, uuid: uuid, mark: mark)
  }

  package func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome {
    await inner.unbar(id, uuid: uuid, mark: mark, overBar: overBar)
  }

  package func cancelMigration(_ id: DomainID, uuid: String) async {
    waits.giveUp(id, .migrate)
    await inner.cancelMigration(id, uuid: uuid)
  }

  /// The next daemon asks anew: what is asked now is not to run beside that.
  package func close() async {
    // The program ends next, and this task may be cancelled already.
    if waits.giveUpAll() { await Task { try? await Task.sleep(for: Self.killing) }.value }
    await inner.close()
  }

  // MARK: what has none

  package var connections: [String] { inner.connections }

  package func events() -> AsyncStream<HypervisorEvent> { inner.events() }

  package func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    await inner.mark(id, uuid: uuid, mark: mark)
  }

  package func unmark(_ id: DomainID, uuid: String) async -> OperationOutcome { await inner.unmark(id, uuid: uuid) }

  package func suspend(_ id: DomainID, uuid: String) async -> OperationOutcome { await inner.suspend(id, uuid: uuid) }

  package func resume(_ id: DomainID, uuid: String, notAfter: BootInstant) async -> OperationOutcome {
    await inner.resume(id, uuid: uuid, notAfter: notAfter)
  }

  package func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription { try await inner.describe(id) }

  package func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState { try await inner.keptState(of: id) }

  package func refresh() async { await inner.refresh() }

}
