import HoldfastController
import HoldfastModel
import HoldfastTime

/// The hypervisor's adapter in one controller's life: calls with a time limit, events in order.
final class HypervisorDoor {
  private static let callLimit = Span.seconds(5)
  private static let lifecycleLimit = Span.seconds(10)
  private static let reconnect = Span.milliseconds(200)

  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  private var libvirt: SimulatedLibvirt { host.libvirt }
  private var isConnected = false
  private var attempt = 0
  private var lastEvent = Moment.zero
  private var open: [Call] = []
  private var startsInFlight: Set<String> = []

  /// A call that somebody waits for.
  private final class Call {
    var isOver = false
    let ended: (OperationOutcome) -> Void
    init(_ ended: @escaping (OperationOutcome) -> Void) { self.ended = ended }
    func end(_ outcome: OperationOutcome) {
      guard !isOver else { return }
      isOver = true
      ended(outcome)
    }
  }

  init(_ process: ControllerProcess, on host: SimulatedHost) {
    self.process = process
    self.host = host
    libvirt.opened(self)
    connect()
  }

  // MARK: the connection

  func connect() {
    guard !isConnected else { return }
    attempt += 1
    let number = attempt
    host.after(host.dice.milliseconds(5...80)) { [self] in
      guard number == attempt, process.isAlive, !isConnected else { return }
      guard libvirt.isUp else {
        say(.unreachable(connection: host.connection, reason: "libvirtd does not run"), after: .zero)
        return host.after(Self.reconnect) { [self] in if attempt == number { connect() } }
      }
      isConnected = true
      takeInventory()
    }
  }

  func lost(_ reason: String) {
    // Calls that were given up on end with the daemon too.
    let calls = open
    open = []
    startsInFlight = []
    defer { for call in calls { call.end(.unknown(reason: "the connection was lost")) } }
    guard isConnected else { return }
    isConnected = false
    say(.unreachable(connection: host.connection, reason: reason), after: host.dice.milliseconds(0.1...5))
    host.after(Self.reconnect) { [self] in connect() }
  }

  func takeInventory() {
    guard isConnected else { return }
    let number = attempt
    var answered = false
    libvirt.call { [self] in
      answered = true
      guard number == attempt, isConnected else { return }
      say(.inventory(connection: host.connection, domains: libvirt.inventory()), after: .zero)
    }
    host.after(Self.callLimit) { [self] in
      guard !answered, number == attempt, isConnected else { return }
      attempt += 1
      isConnected = false
      say(.unreachable(connection: host.connection, reason: "it has not answered within 5 s"), after: .zero)
      host.after(Self.reconnect) { [self] in connect() }
    }
  }

  /// Events come in the order in which they were said.
  func say(_ event: HypervisorEvent, after delay: Span) {
    if case .unreachable = event {} else if !isConnected { return }
    lastEvent = max(lastEvent, host.world.now + delay)
    host.at(lastEvent) { [self] in
      guard process.isAlive else { return }
      if case .gone(let id, _, _) = event, host.domains[id.name] != nil { return }
      process.deliver(.hypervisor(event))
    }
  }

  // MARK: operations

  private func begin(_ workload: WorkloadName, _ kind: DomainOperation) -> Call? {
    let call = Call { [unowned process] outcome in
      process.host.tell("\(kind) \(workload): \(outcome)")
      process.deliver(.operation(workload, kind, outcome))
    }
    guard isConnected else {
      host.after(.microseconds(50)) { call.end(.failed(reason: "libvirt is unreachable")) }
      return nil
    }
    open.removeAll { $0.isOver }
    open.append(call)
    return call
  }

  private func limit(_ call: Call, _ limit: Span) {
    host.after(limit) { call.end(.unknown(reason: "no answer within \(limit)")) }
  }

  /// Makes a call that must not be made after an instant.
  private func inTime(
    _ call: Call, _ notAfter: BootInstant, tooLate: @escaping () -> Void = {}, _ body: @escaping () -> Void
  ) {
    libvirt.call { [self] in
      process.whenRunning { [self] in
        guard host.now <= notAfter else {
          tooLate()
          return call.end(.tooLate)
        }
        // Between looking at the clock and making the call a process may be stopped.
        process.mayStepOnTheTrap()
        process.whenRunning(body)
      }
    }
  }

  func start(_ workload: WorkloadName, _ request: StartRequest) {
    guard let call = begin(workload, .start) else { return }
    let name = request.id.name
    guard !startsInFlight.contains(name) else { return call.end(.failed(reason: "it is being started already")) }
    startsInFlight.insert(name)
    limit(call, Self.lifecycleLimit)
    inTime(call, request.notAfter, tooLate: { [self] in startsInFlight.remove(name) }) { [self] in
      if !request.overBar, libvirt.barred.contains(name) {
        startsInFlight.remove(name)
        return call.end(.barred)
      }
      libvirt.unbar(name)
      libvirt.create(request) { [self] outcome in
        startsInFlight.remove(name)
        call.end(outcome)
      }
    }
  }

  func bar(_ workload: WorkloadName, _ id: DomainID) {
    guard let call = begin(workload, .bar) else { return }
    limit(call, Self.callLimit)
    libvirt.call { [self] in
      if host.domains[id.name] != nil { return call.end(.failed(reason: "a domain of that name is there")) }
      if host.dice.chance(libvirt.failures) { return call.end(.failed(reason: "internal error")) }
      libvirt.bar(id.name)
      call.end(.done)
    }
  }

  func unbar(_ workload: WorkloadName, _ id: DomainID, overBar: Bool) {
    guard let call = begin(workload, .unbar) else { return }
    if startsInFlight.contains(id.name) { return call.end(.failed(reason: "a start of it has not returned")) }
    limit(call, Self.callLimit)
    libvirt.call { [self] in
      // Whoever gave it up has asked for something else since.
      guard !call.isOver else { return }
      if host.domains[id.name] != nil { return call.end(.failed(reason: "a domain of that name is there")) }
      if host.definitions[id.name] != nil { return call.end(.failed(reason: "another domain of that name is defined")) }
      if let leftover = host.leftovers[id.name] { return call.end(.failed(reason: leftover.clause)) }
      if host.dice.chance(libvirt.failures) { return call.end(.failed(reason: "internal error")) }
      if !overBar, libvirt.barred.contains(id.name) { return call.end(.barred) }
      libvirt.unbar(id.name)
      call.end(.done)
    }
  }

  func stop(_ workload: WorkloadName, _ id: DomainID, uuid: String, grace: Span) {
    guard let call = begin(workload, .stop) else { return }
    libvirt.call { [self] in
      guard let domain = host.domains[id.name], domain.uuid == uuid else { return call.end(.done) }
      host.world.invariants.touched(domain, on: host, by: "stop")
      if let reason = libvirt.failsToStop(workload) { return call.end(.failed(reason: reason)) }
      domain.whenGone { call.end(.done) }
      if grace > .zero { libvirt.askToShutDown(domain) }
      host.after(grace) { [self] in
        guard !domain.isGone, process.isAlive else { return }
        limit(call, Self.callLimit)
        libvirt.call { [self] in if !domain.isGone { libvirt.destroy(domain) } }
      }
    }
    limit(call, grace + Self.lifecycleLimit)
  }

  func migrate(_ workload: WorkloadName, _ request: MigrationRequest) {
    guard let call = begin(workload, .migrate) else { return }
    limit(call, .seconds(request.limits.time) + Self.lifecycleLimit)
    inTime(call, request.notAfter) { [self] in
      let pause: SimulatedDomain.Pause? = request.isSuspended ? .suspended : nil
      guard let domain = host.domains[request.id.name], domain.uuid == request.uuid, domain.pause == pause, domain.isReady
      else {
        return call.end(.failed(reason: request.isSuspended ? "it is not suspended here" : "it does not run here"))
      }
      host.world.invariants.touched(domain, on: host, by: "migrate")
      libvirt.migrate(domain, to: NodeName(request.destination), request.limits) { call.end($0) }
    }
  }

  func cancelMigration(_ id: DomainID) {
    guard isConnected else { return }
    libvirt.call { [self] in libvirt.migrations[id.name]?.isCancelled = true }
  }

  func suspend(_ workload: WorkloadName, _ id: DomainID, uuid: String) {
    guard let call = begin(workload, .suspend) else { return }
    limit(call, Self.callLimit)
    libvirt.call { [self] in
      guard let domain = host.domains[id.name], domain.uuid == uuid else {
        return call.end(.failed(reason: "there is no such domain"))
      }
      if host.dice.chance(libvirt.failures) { return call.end(.failed(reason: "internal error")) }
      if domain.pause == .arriving { return call.end(.failed(reason: "it is arriving")) }
      host.world.invariants.touched(domain, on: host, by: "suspend")
      if domain.pause == nil { libvirt.pause(domain, as: .suspended) }
      call.end(.done)
    }
  }

  func resume(_ workload: WorkloadName, _ id: DomainID, uuid: String, notAfter: BootInstant) {
    guard let call = begin(workload, .resume) else { return }
    limit(call, Self.callLimit)
    inTime(call, notAfter) { [self] in
      guard let domain = host.domains[id.name], domain.uuid == uuid else {
        return call.end(.failed(reason: "there is no such domain"))
      }
      if host.dice.chance(libvirt.failures) { return call.end(.failed(reason: "internal error")) }
      if domain.pause == .arriving { return call.end(.failed(reason: "it is arriving")) }
      if domain.pause == .crashed { return call.end(.failed(reason: "it crashed")) }
      if libvirt.migrations[id.name] != nil { return call.end(.failed(reason: "libvirt is busy with it")) }
      libvirt.goOn(domain)
      call.end(.done)
    }
  }

  func mark(_ workload: WorkloadName, _ id: DomainID, uuid: String, _ mark: ClaimMark?) {
    guard let call = begin(workload, mark == nil ? .unmark : .mark) else { return }
    limit(call, Self.callLimit)
    libvirt.call { [self] in
      guard let domain = host.domains[id.name], domain.uuid == uuid else {
        return call.end(.failed(reason: "there is no such domain"))
      }
      if host.dice.chance(libvirt.failures) { return call.end(.failed(reason: "internal error")) }
      host.world.invariants.touched(domain, on: host, by: mark == nil ? "unmark" : "mark")
      libvirt.setMark(mark, on: domain, persistent: mark == nil)
      call.end(.done)
    }
  }
}
