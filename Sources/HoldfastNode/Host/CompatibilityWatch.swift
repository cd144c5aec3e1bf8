import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics

/// Asks libvirt now and then which of the cluster's workloads it could not run on this node, and tells the core. So nobody tries, when it matters, what
/// cannot succeed. No claim and no start depends on it.
package struct CompatibilityWatch: Sendable {
  private let check: any CompatibilityCheck
  private let view: @Sendable () async -> ClusterView
  private let domains: @Sendable () async -> [DomainID: DomainObservation]
  private let report: @Sendable ([IncompatibleWorkloads]) -> Void

  /// Between two looks when nothing else is reason for one: an emulator that was upgraded is noticed then.
  private static let interval = Duration.seconds(60)
  /// After a look that a connection did not answer, as at the start, when libvirt is still being connected to.
  private static let retry = Duration.seconds(4)
  /// How soon a definition that is new brings a look.
  private static let tick = Duration.seconds(2)

  /// What the rounds know from each other.
  package struct Memory: Sendable {
    fileprivate var version: UInt64?
    /// Of each workload that this node may have to run, which definition was asked about.
    fileprivate var wanted: [WorkloadName: Revision] = [:]
    fileprivate var nextLook = BootInstant.zero
    /// Until when all connections are waited for before anything is told.
    fileprivate var waitsUntil: BootInstant?
    /// By connection, as it last answered.
    fileprivate var found: [String: [WorkloadName: Incompatibility]] = [:]
    fileprivate var reported: [IncompatibleWorkloads]?

    package init() {}
  }

  /// - Parameters:
  ///   - domains: what is seen on this node.
  ///   - report: hands over what cannot run here: once when it is first known, then when it changes.
  package init(
    check: any CompatibilityCheck, view: @escaping @Sendable () async -> ClusterView,
    domains: @escaping @Sendable () async -> [DomainID: DomainObservation],
    report: @escaping @Sendable ([IncompatibleWorkloads]) -> Void
  ) {
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

  /// Looks, if that is due.
  package func round(_ memory: inout Memory, now: BootInstant) async {
    let view = await view()
    guard view.isLoaded, (view.format?.value.version ?? FormatRecord.current) <= FormatRecord.current else { return }
    if memory.version != view.version {
      memory.version = view.version
      let wanted = wanted(view)
      if wanted != memory.wanted { (memory.wanted, memory.nextLook) = (wanted, now) }
    }
    guard now >= memory.nextLook else { return }
    let isComplete = await look(view, &memory, now: now)
    memory.nextLook = now + (isComplete ? Self.interval : Self.retry)
  }

  private func wanted(_ view: ClusterView) -> [WorkloadName: Revision] {
    let served = Set(check.connections)
    return view.specs.filter { served.contains($0.value.value.connection) && view.unreadable[.spec($0.key)] == nil }
      .mapValues(\.modified)
  }

  /// - Returns: whether every connection has answered.
  private func look(_ view: ClusterView, _ memory: inout Memory, now: BootInstant) async -> Bool {
    let domains = await domains()
    let definitions = memory.wanted.keys.sorted().compactMap { name in
      view.specs[name].map { Self.definition(name, $0.value, domains) }
    }
    let answers = await check.incompatibilities(of: definitions)
    // What does not answer keeps what it had.
    memory.found.merge(answers) { $1 }
    let isComplete = check.connections.allSatisfy { answers[$0] != nil }
    // Before all have answered once, what the life before reported is better than half of it. Not for long: it may be wrong of those that answer, and of
    // one that does not nobody needs to know more.
    let waitsUntil = memory.waitsUntil ?? now + Self.interval
    memory.waitsUntil = waitsUntil
    guard isComplete || memory.reported != nil || now >= waitsUntil else { return false }
    var all: [WorkloadName: Incompatibility] = [:]
    for found in memory.found.values { all.merge(found) { first, _ in first } }
    let reported = IncompatibleWorkloads.grouped(all.filter { memory.wanted[$0.key] != nil })
    if reported != memory.reported { report(reported) }
    memory.reported = reported
    return isComplete
  }

  private static func definition(
    _ name: WorkloadName, _ spec: SpecRecord, _ domains: [DomainID: DomainObservation]
  ) -> StoredDefinition {
    var runs = false
    if let domain = domains[DomainID(connection: spec.connection, name: name.text)], domain.state == .running {
      runs = domain.uuid == spec.uuid.lowercased() && domain.mark?.definition == spec.definition
    }
    return StoredDefinition(name, connection: spec.connection, xml: spec.xml, isRunningHere: runs)
  }
}
