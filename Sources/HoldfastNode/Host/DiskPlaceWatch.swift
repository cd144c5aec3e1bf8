import HoldfastModel

/// Looks now and then which of the virtual machines that run here write to files of this host alone, and tells the core: people hear before a move that
/// libvirt will not find them on another node. No claim, start or move depends on it.
package struct DiskPlaceWatch: Sendable {
  private let view: @Sendable () async -> ClusterView
  private let domains: @Sendable () async -> [DomainID: DomainObservation]
  private let files: @Sendable () -> OwnFiles
  private let report: @Sendable ([WorkloadName: String]) -> Void

  /// Between two looks: a domain that was started, a disk that was replaced, a file system that was mounted.
  private static let interval = Duration.seconds(5)
  /// Characters that a report has of a path.
  package static let longestPath = 200

  /// What the rounds know from each other.
  package struct Memory: Sendable {
    fileprivate struct Reading: Sendable {
      var modified: Revision
      var disks: WrittenDisks
    }
    /// What definitions say of workloads that run here.
    fileprivate var readings: [WorkloadName: Reading] = [:]
    fileprivate var reported: [WorkloadName: String] = [:]

    package init() {}
  }

  /// - Parameters:
  ///   - domains: what is seen on this node.
  ///   - files: tells which files are of this host alone.
  ///   - report: hands over, by workload, the first disk that is: when it changes.
  package init(
    view: @escaping @Sendable () async -> ClusterView, domains: @escaping @Sendable () async -> [DomainID: DomainObservation],
    files: @escaping @Sendable () -> OwnFiles = { OwnFiles() }, report: @escaping @Sendable ([WorkloadName: String]) -> Void
  ) {
    self.view = view
    self.domains = domains
    self.files = files
    self.report = report
  }

  /// Looks until its task is cancelled.
  package func run() async {
    var memory = Memory()
    await inRounds(every: Self.interval) { await round(&memory) }
  }

  /// Looks once.
  package func round(_ memory: inout Memory) async {
    let view = await view()
    guard view.isLoaded, (view.format?.value.version ?? FormatRecord.current) <= FormatRecord.current else { return }
    let written = Self.written(view, await domains(), &memory)
    var found: [WorkloadName: String] = [:]
    if !written.isEmpty {
      let own = files().among(written.values.flatMap { $0 })
      for (name, files) in written {
        if let file = files.first(where: own.contains) { found[name] = InWords.oneLine(String(file.prefix(Self.longestPath))) }
      }
    }
    if found != memory.reported { report(found) }
    memory.reported = found
  }

  /// The files that the workloads which are here write to. A definition is read once.
  private static func written(
    _ view: ClusterView, _ domains: [DomainID: DomainObservation], _ memory: inout Memory
  ) -> [WorkloadName: [String]] {
    var readings: [WorkloadName: Memory.Reading] = [:], written: [WorkloadName: [String]] = [:]
    for domain in domains.values {
      let name = WorkloadName(domain.id.name)
      guard let spec = view.specs[name], spec.value.connection == domain.id.connection, view.unreadable[.spec(name)] == nil,
        spec.value.uuid.lowercased() == domain.uuid
      else { continue }
      let known = memory.readings[name].flatMap { $0.modified == spec.modified ? $0 : nil }
      let reading = known ?? Memory.Reading(modified: spec.modified, disks: WrittenDisks(of: spec.value.xml))
      readings[name] = reading
      let files = reading.disks.isEmpty ? [] : reading.disks.files(domain.hardware)
      if !files.isEmpty { written[name] = files }
    }
    memory.readings = readings
    return written
  }
}
