import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics

/// Looks now and then at what libvirt keeps defined on this node beside the protected workloads, tells the core, and removes what the operator agreed to.
/// No claim and no start depends on it: a start looks for itself.
package struct LeftoverWatch: Sendable {
  private let node: NodeName
  private let search: any LeftoverSearch
  private let view: @Sendable () async -> ClusterView
  private let report: @Sendable ([LeftoverDefinition]) -> Void
  private let tell: @Sendable (Note) async -> Void

  /// Between two looks when nothing else is reason for one; while a few are known, so that it is soon seen when they are gone.
  private static let interval = Duration.seconds(30)
  private static let shortInterval = Duration.seconds(10)
  /// As many known leftovers are few: more would cost too much to be looked at so often.
  private static let few = 50
  /// After a look that a connection did not answer, as at the start, when libvirt is still being connected to.
  private static let retry = Duration.seconds(4)
  /// How soon a workload that is new, or an operator's word, brings a look.
  private static let tick = Duration.seconds(2)
  /// So many are reported: the report is one record.
  package static let most = 1000

  /// What the rounds know from each other.
  package struct Memory: Sendable {
    fileprivate var version: UInt64?
    fileprivate var wanted = Wanted()
    fileprivate var nextLook = BootInstant.zero
    /// By connection, as it last answered.
    fileprivate var found: [String: [LeftoverDefinition]] = [:]
    fileprivate var reported: [LeftoverDefinition] = []
    /// Why a removal did not succeed, as it was told.
    fileprivate var refusals: [WorkloadName: String] = [:]

    package init() {}
  }

  /// What the store says that matters here.
  fileprivate struct Wanted: Equatable, Sendable {
    var domains: Set<ProtectedDomain> = []
    /// Of these, what is removable may be removed now.
    var removing: Set<WorkloadName> = []

    init() {}

    init(_ view: ClusterView, on node: NodeName) {
      let mayRemove = view.session(of: node) != nil && view.disarm == nil && view.unreadable[.disarm] == nil
      for (name, spec) in view.specs where view.unreadable[.spec(name)] == nil {
        domains.insert(ProtectedDomain(name, connection: spec.value.connection, uuid: spec.value.uuid))
        guard mayRemove, let intent = view.intents[name]?.value, intent.removesLeftovers == true else { continue }
        // Before it is adopted, and when it leaves protection, its definition is its own.
        if intent.desired == .running || intent.desired == .stopped { removing.insert(name) }
      }
    }
  }

  /// - Parameters:
  ///   - report: hands over everything that is there, when it changed.
  ///   - tell: writes a line of history.
  package init(
    node: NodeName, search: any LeftoverSearch, view: @escaping @Sendable () async -> ClusterView,
    report: @escaping @Sendable ([LeftoverDefinition]) -> Void, tell: @escaping @Sendable (Note) async -> Void
  ) {
    self.node = node
    self.search = search
    self.view = view
    self.report = report
    self.tell = tell
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
      let wanted = Wanted(view, on: node)
      if wanted != memory.wanted { (memory.wanted, memory.nextLook) = (wanted, now) }
    }
    guard now >= memory.nextLook else { return }
    let isComplete = await look(&memory)
    let isShort = (1...Self.few).contains(memory.reported.count)
    memory.nextLook = now + (!isComplete ? Self.retry : isShort ? Self.shortInterval : Self.interval)
  }

  /// - Returns: whether every connection has answered.
  private func look(_ memory: inout Memory) async -> Bool {
    let domains = memory.wanted.domains
    var isComplete = true
    if domains.isEmpty {
      memory.found = [:]
    } else {
      let answers = await search.leftovers(of: Array(domains))
      // What does not answer keeps what it had.
      memory.found.merge(answers) { $1 }
      isComplete = search.connections.allSatisfy { answers[$0] != nil }
    }
    for (connection, leftovers) in memory.found {
      let agreed = leftovers.filter { $0.isRemovable && memory.wanted.removing.contains($0.workload) }
      for leftover in agreed where await remove(leftover, on: connection, &memory) {
        memory.found[connection]?.removeAll { $0 == leftover }
      }
    }
    let names = Set(domains.map(\.workload))
    let all = memory.found.values.joined().filter { names.contains($0.workload) }.sorted(by: LeftoverDefinition.isBefore)
    let reported = Array(all.prefix(Self.most))
    if reported != memory.reported { report(reported) }
    memory.reported = reported
    return isComplete
  }

  /// What of a virtual machine libvirt removes a definition with only when it is told to.
  private static func kept(_ connection: String) -> String {
    connection.hasPrefix("qemu")
      ? ", and add --snapshots-metadata, --checkpoints-metadata or --managed-save to give up what it names of these" : ""
  }

  /// - Returns: whether it is gone.
  private func remove(_ leftover: LeftoverDefinition, on connection: String, _ memory: inout Memory) async -> Bool {
    let name = leftover.workload
    guard let domain = memory.wanted.domains.first(where: { $0.workload == name }), domain.connection == connection else {
      return false
    }
    switch await search.removeLeftover(DomainID(connection: connection, name: name.text), uuid: domain.uuid) {
    case .done:
      memory.refusals[name] = nil
      let autostart = leftover.autostart ? "; it would have started by itself at the next boot" : ""
      await tell(
        Note(
          .defined, "the definition of \(name) that was left on \(node) is removed, as the operator agreed\(autostart)",
          workload: name))
      return true
    case .refused(let reason, let isAutostartOff):
      let boot =
        isAutostartOff
        ? "Its autostart is off by now, so libvirt does not start it at the next boot"
        : "Its autostart is still on: libvirt starts it at the next boot"
      await complain(of: leftover, on: connection, reason, boot, &memory)
    case .unknown(let reason):
      await complain(of: leftover, on: connection, reason, "Whether its autostart is off by now is not known", &memory)
    }
    return false
  }

  /// Says, once for a reason, that it is there still.
  ///
  /// - Parameter boot: what libvirt does with it when the node boots, where it had autostart.
  private func complain(
    of leftover: LeftoverDefinition, on connection: String, _ reason: String, _ boot: String, _ memory: inout Memory
  ) async {
    let name = leftover.workload
    guard memory.refusals.updateValue(reason, forKey: name) != reason else { return }
    await tell(
      Note(
        .defined,
        "the definition of \(name) that is left on \(node) was not removed: \(InWords.oneLine(reason)). "
          + (leftover.autostart ? "\(boot). " : "")
          + "Remove it there with `\(LeftoverDefinition.undefinition(of: name.text, connection))`\(Self.kept(connection))",
        severity: .warning, workload: name))
  }
}
