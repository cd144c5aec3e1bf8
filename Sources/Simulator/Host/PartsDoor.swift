import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import HostParts

/// The adapter of workloads made of parts in one controller's life: takes up what earlier lives left, starts and stops, tells what it sees.
final class PartsDoor {
  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  let tampering: (any Tampering)?
  private var runs: [String: PartsRun] = [:]
  /// What earlier lives left was read.
  private var isOpen = false
  private var lastEvent = Moment.zero
  private var dice: Dice { host.partsDice }
  private var connection: String { SpecRecord.hostConnection }

  init(_ process: ControllerProcess, on host: SimulatedHost, tampering: (any Tampering)?) {
    self.process = process
    self.host = host
    self.tampering = tampering
    host.after(dice.milliseconds(2...60)) { [self] in process.whenRunning { [self] in open() } }
  }

  private func open() {
    let found = host.domains.values.filter { $0.parts != nil }.map { WorkloadName($0.id.name) }.sorted()
    for workload in tampering?.foundParts(found) ?? found {
      guard let domain = host.domains[workload.text], let parts = domain.parts else { continue }
      let sequence = PartSequence(parts.parts, found: parts.wasUp, now: host.now)
      runs[workload.text] = PartsRun(domain, parts, sequence, self, process, on: host)
    }
    isOpen = true
    takeInventory()
    for run in runs.values.sorted(by: { $0.domain.id.name < $1.domain.id.name }) { run.takeUp() }
  }

  /// Its process is dead: what runs runs on.
  func close() { runs = [:] }

  func takeInventory() {
    guard isOpen else { return }
    let domains = runs.values.map(\.observation).sorted { $0.id.name < $1.id.name }
    say(.inventory(connection: connection, domains: domains))
  }

  /// In the order in which they were said.
  func say(_ event: HypervisorEvent) {
    lastEvent = max(lastEvent, host.world.now + dice.milliseconds(0.1...10))
    host.at(lastEvent) { [self] in process.deliver(.hypervisor(event)) }
  }

  func isOver(_ run: PartsRun, reason: String, end: DomainEnd) {
    runs[run.domain.id.name] = nil
    say(.gone(run.domain.id, reason: reason, end: end))
  }

  // MARK: operations

  /// Carries out what was asked for, a moment later, in this life.
  private func serve(
    _ workload: WorkloadName, _ kind: DomainOperation, _ body: @escaping (@escaping (OperationOutcome) -> Void) -> Void
  ) {
    host.after(dice.milliseconds(0.3...3)) { [self] in
      process.whenRunning { [self] in
        body { [self] outcome in
          host.after(dice.milliseconds(0.1...3)) { [self] in
            host.tell("\(kind) \(workload): \(outcome)")
            process.deliver(.operation(workload, kind, outcome))
          }
        }
      }
    }
  }

  private static let unknown = "what runs here is not known yet"

  func start(_ workload: WorkloadName, _ request: StartRequest) {
    let name = request.id.name
    serve(workload, .start) { [self] ended in
      func refuse(_ reason: String) { ended(.failed(reason: "\(name) was not started: \(reason)")) }
      if !isOpen { return refuse(Self.unknown) }
      if runs[name] != nil { return refuse("parts of it are here already") }
      if host.barredParts.contains(name) {
        guard request.overBar else { return ended(.barred) }
        host.barredParts.remove(name)
      }
      guard let definition = try? HostDefinition(request.xml) else { return refuse("its parts cannot be read") }
      if let left = host.domains[name]?.parts?.left { return refuse(left) }
      guard host.now <= request.notAfter else { return ended(.tooLate) }
      // Between looking at the clock and the first part a process may be stopped: each step is under the guard's partition.
      process.mayStepOnTheTrap()
      process.whenRunning { [self] in begin(workload, request, definition.parts, ended) }
    }
  }

  private func begin(
    _ workload: WorkloadName, _ request: StartRequest, _ parts: [HostPart], _ ended: @escaping (OperationOutcome) -> Void
  ) {
    let name = request.id.name
    guard runs[name] == nil else { return ended(.failed(reason: "parts of it are here already")) }
    let domain = SimulatedDomain(
      id: request.id, uuid: request.uuid, pid: host.nextPID(),
      partition: Isolation.allCases.first { request.partition == "\(ControllerProcess.partition)/\($0.rawValue)" },
      memory: 0, vcpus: 0, links: [], mark: request.mark, isPersistent: false)
    domain.isReady = true
    let made = SimulatedParts(domain, parts, of: workload, on: host, coversStarts: tampering?.coversStarts ?? true)
    domain.parts = made
    host.tell("\(name) begins at epoch \(request.mark.epoch.value)")
    host.world.tally.count(.starts)
    host.world.chronicle?.started(workload)
    host.add(domain)
    let run = PartsRun(domain, made, PartSequence(parts), self, process, on: host)
    runs[name] = run
    run.start(ended)
  }

  func stop(_ workload: WorkloadName, _ id: DomainID, uuid: String, grace: Duration) {
    serve(workload, .stop) { [self] ended in
      guard isOpen else { return ended(.unknown(reason: Self.unknown)) }
      guard let run = runs[id.name] else { return ended(.done) }
      guard run.domain.uuid == uuid else { return ended(.failed(reason: "what runs has the UUID \(run.domain.uuid)")) }
      run.stop(grace: grace, ended)
    }
  }

  func mark(_ workload: WorkloadName, _ id: DomainID, uuid: String, _ mark: ClaimMark) {
    serve(workload, .mark) { [self] ended in
      guard let run = runs[id.name], run.domain.uuid == uuid else { return ended(.failed(reason: "no parts of it run here")) }
      run.mark(mark)
      ended(.done)
    }
  }

  func bar(_ workload: WorkloadName, _ id: DomainID) {
    serve(workload, .bar) { [self] ended in
      guard isOpen else { return ended(.unknown(reason: Self.unknown)) }
      host.barredParts.insert(id.name)
      runs[id.name]?.startNoFurther()
      ended(.done)
    }
  }

  /// What is made of parts is never moved while it runs, nor paused, nor let go while it runs.
  func refuse(_ workload: WorkloadName, _ kind: DomainOperation) {
    serve(workload, kind) { $0(.failed(reason: "it is made of parts of the host")) }
  }
}
