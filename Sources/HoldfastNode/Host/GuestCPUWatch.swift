import DomainXML
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics

/// Asks libvirt with what CPUs the virtual machines run here whose definition leaves the CPU to the host, and whether a guest here could have those with
/// which others run elsewhere; and tells the core. People hear before a move that it cannot be live. No claim, start or move depends on it.
package struct GuestCPUWatch: Sendable {
  private let node: NodeName
  private let check: any GuestCPUCheck
  private let view: @Sendable () async -> ClusterView
  private let domains: @Sendable () async -> [DomainID: DomainObservation]
  private let report: @Sendable (GuestCPUs) -> Void

  /// How soon one that was started, or reported elsewhere, brings a question.
  private static let tick = Duration.seconds(5)
  /// Between two questions about the same: an emulator that was upgraded is noticed then.
  private static let interval = Duration.seconds(60)
  /// CPUs that are asked about at one time: hosts of a cluster have few kinds.
  private static let mostAsked = 100

  /// What the rounds know from each other.
  package struct Memory: Sendable {
    fileprivate struct Definition: Sendable {
      var modified: Revision
      var leavesCPU: Bool
    }
    /// One run of a domain: its CPU stays as it is.
    fileprivate struct Run: Hashable, Sendable {
      var uuid: String
      var pid: Int32?
      var epoch: Epoch?
    }
    fileprivate var definitions: [WorkloadName: Definition] = [:]
    fileprivate var running: [WorkloadName: (run: Run, cpu: GuestCPU?)] = [:]
    /// When those are asked about again of which libvirt did not say it.
    fileprivate var nextReading = BootInstant.zero
    fileprivate var asked: Set<GuestCPU> = []
    fileprivate var nextQuestion = BootInstant.zero
    /// By connection, as it last answered.
    fileprivate var lacking: [String: [GuestCPU: Incompatibility]] = [:]
    fileprivate var reported = GuestCPUs()

    package init() {}
  }

  /// - Parameters:
  ///   - domains: what is seen on this node.
  ///   - report: hands over what is known: when it changes.
  package init(
    node: NodeName, check: any GuestCPUCheck, view: @escaping @Sendable () async -> ClusterView,
    domains: @escaping @Sendable () async -> [DomainID: DomainObservation], report: @escaping @Sendable (GuestCPUs) -> Void
  ) {
    self.node = node
    self.check = check
    self.view = view
    self.domains = domains
    self.report = report
  }

  /// Looks until its task is cancelled.
  package func run() async {
    var memory = Memory()
    await inRounds(every: Self.tick) { await round(&memory, now: BootClock.now) }
  }

  /// Asks what is due.
  package func round(_ memory: inout Memory, now: BootInstant) async {
    let view = await view()
    guard view.isLoaded, (view.format?.value.version ?? FormatRecord.current) <= FormatRecord.current else { return }
    await read(view, await domains(), &memory, now: now)
    let elsewhere = elsewhere(view)
    await ask(elsewhere.map(\.cpu), &memory, now: now)
    let known = GuestCPUs(
      running: RunningCPU.grouped(memory.running.compactMapValues { $0.cpu }), lacking: Self.lacking(elsewhere, memory.lacking))
    if known != memory.reported { report(known) }
    memory.reported = known
  }

  // MARK: here

  private func read(
    _ view: ClusterView, _ domains: [DomainID: DomainObservation], _ memory: inout Memory, now: BootInstant
  ) async {
    let runs = Self.runs(view, domains, &memory)
    memory.running = memory.running.filter { runs[$0.key]?.run == $0.value.run }
    let isDue = now >= memory.nextReading
    let wanted = runs.filter { memory.running[$0.key].map { $0.cpu == nil && isDue } ?? true }
    if isDue { memory.nextReading = now + Self.interval }
    guard !wanted.isEmpty else { return }
    let found = await check.runningCPUs(of: wanted.values.map { $0.id }.sorted { $0.description < $1.description })
    for (name, (id, run)) in wanted { memory.running[name] = (run, found[id]) }
  }

  /// Those that run here and leave the CPU to the host. A definition is read once.
  private static func runs(
    _ view: ClusterView, _ domains: [DomainID: DomainObservation], _ memory: inout Memory
  ) -> [WorkloadName: (id: DomainID, run: Memory.Run)] {
    var definitions: [WorkloadName: Memory.Definition] = [:], runs: [WorkloadName: (id: DomainID, run: Memory.Run)] = [:]
    for domain in domains.values where domain.state == .running {
      let name = WorkloadName(domain.id.name)
      guard let spec = view.specs[name], spec.value.connection == domain.id.connection, view.unreadable[.spec(name)] == nil,
        spec.value.uuid.lowercased() == domain.uuid
      else { continue }
      let known = memory.definitions[name].flatMap { $0.modified == spec.modified ? $0 : nil }
      let definition =
        known
        ?? Memory.Definition(
          modified: spec.modified, leavesCPU: DomainRequirement(of: spec.value.xml)?.cpu?.mode == "host-model")
      definitions[name] = definition
      if definition.leavesCPU {
        runs[name] = (domain.id, Memory.Run(uuid: domain.uuid, pid: domain.pid, epoch: domain.mark?.epoch))
      }
    }
    memory.definitions = definitions
    return runs
  }

  // MARK: elsewhere

  private func elsewhere(_ view: ClusterView) -> [RunningCPU] {
    let served = Set(check.connections)
    return view.reports.sorted { $0.key < $1.key }.filter { $0.key != node }.flatMap { $0.value.value.runningCPUs ?? [] }
      .filter { served.contains($0.cpu.connection) }
  }

  private func ask(_ cpus: [GuestCPU], _ memory: inout Memory, now: BootInstant) async {
    let wanted = Set(cpus.prefix(Self.mostAsked))
    guard wanted != memory.asked || now >= memory.nextQuestion else { return }
    (memory.asked, memory.nextQuestion) = (wanted, now + Self.interval)
    guard !wanted.isEmpty else { return }
    let answers = await check.lacking(wanted.sorted { $0.xml < $1.xml })
    // What does not answer keeps what it had.
    memory.lacking.merge(answers) { $1 }
    if !wanted.allSatisfy({ answers[$0.connection] != nil }) { memory.nextQuestion = now + Self.tick }
  }

  private static func lacking(
    _ elsewhere: [RunningCPU], _ lacking: [String: [GuestCPU: Incompatibility]]
  ) -> [IncompatibleWorkloads] {
    var found: [WorkloadName: Incompatibility] = [:]
    for running in elsewhere {
      guard let why = lacking[running.cpu.connection]?[running.cpu] else { continue }
      for workload in running.workloads { found[workload] = why }
    }
    return IncompatibleWorkloads.grouped(found)
  }
}
