import CgroupIsolation
import Dispatch
import Glibc
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostParts
import LinuxBasics
import Logging

/// Who runs here: one run for each name, and what was told of it.
actor HostDesk {
  private enum Knowledge {
    /// The records were not read yet.
    case none
    case all
    /// Nobody knows what runs here, and why.
    case lost(String)
  }

  private let place: HostPlace
  private let hierarchy: CgroupHierarchy
  private let records: RunRecords
  private let units: UnitDesk
  private let logger: Logger
  private let tell: AsyncStream<HypervisorEvent>.Continuation
  private var knowledge = Knowledge.none
  private var runs: [String: HostRun] = [:]
  private var seen: [String: HostRun.News] = [:]
  private var retry: Task<Void, Never>?
  private let files = DispatchQueue(label: "parts of workloads")

  /// Between attempts to find out what runs here.
  private static let pause: Duration = .seconds(5)
  /// A file system that hangs keeps nobody waiting for longer.
  private static let patience: Duration = .seconds(5)

  init(
    _ place: HostPlace, in hierarchy: CgroupHierarchy, logger: Logger, tell: AsyncStream<HypervisorEvent>.Continuation
  ) {
    self.place = place
    self.logger = logger
    self.tell = tell
    self.hierarchy = hierarchy
    records = RunRecords(folder: place.folder)
    units = UnitDesk(place.systemd, logger: logger)
  }

  private var connection: String { SpecRecord.hostConnection }
  private func id(_ name: String) -> DomainID { DomainID(connection: connection, name: name) }

  // MARK: what is here

  /// Reads what earlier lives left, until that succeeds.
  func open() {
    switch knowledge {
    case .all: return
    case .none, .lost: break
    }
    do {
      try records.create()
      let found = try records.load()
      try refuseStrangers(besides: Set(found.keys))
      for (name, record) in found.sorted(by: { $0.key < $1.key }) { runs[name] = try takenUp(name, record) }
    } catch {
      runs = [:]
      return lose("\(error)")
    }
    for (name, run) in runs {
      let id = id(name)
      logger.notice("parts of a workload are taken up", metadata: ["workload": "\(id.name)"])
      Task { await run.takeUp() }
    }
    Task { await self.know() }
  }

  private func lose(_ reason: String) {
    if case .lost(reason) = knowledge {
    } else {
      logger.error("what runs of this host's own workloads is not known", metadata: ["reason": "\(reason)"])
    }
    knowledge = .lost(reason)
    tell.yield(.unreachable(connection: connection, reason: reason))
    retry?.cancel()
    retry = Task { [weak self] in
      guard (try? await Task.sleep(for: Self.pause, clock: .continuous)) != nil else { return }
      await self?.open()
    }
  }

  private func know() async {
    for (name, run) in runs where seen[name] == nil {
      let observation = await run.observation
      if seen[name] == nil { seen[name] = HostRun.News(number: 0, observation: observation, end: nil) }
    }
    knowledge = .all
    inventory()
  }

  private func inventory() {
    tell.yield(.inventory(connection: connection, domains: seen.values.map(\.observation).sorted { $0.id.name < $1.id.name }))
  }

  /// A workload's cgroup that has processes, and of which no record tells.
  private func refuseStrangers(besides known: Set<String>) throws {
    for partition in Set(["\(place.partition)/freeze", "\(place.partition)/stop", place.commonPartition]).sorted() {
      for name in try PartsCgroup.occupied(in: hierarchy, below: partition, layout: place.layout) where !known.contains(name) {
        throw RunRecordError(
          file: "\(place.folder)/\(name).json",
          reason: "it is missing, and processes of \(name) run in its cgroup below \(partition)",
          remedy: "End them, and unmount what they had mounted; a reboot of the host does both.")
      }
    }
  }

  private func takenUp(_ name: String, _ record: RunRecord) throws -> HostRun {
    let definition = try HostDefinition(record.parts), cgroup = PartsCgroup(record.cgroup, in: hierarchy)
    let sequence = PartSequence(definition.parts, found: record.phase == .up, now: BootClock.now)
    return run(name, record, sequence, cgroup)
  }

  private func run(_ name: String, _ record: RunRecord, _ sequence: PartSequence, _ cgroup: PartsCgroup) -> HostRun {
    HostRun(
      id(name), record, sequence, PartHands(name, epoch: record.mark.epoch, cgroup, sequence.parts, units, in: place), records,
      logger,
      tell: { [weak self] in await self?.take($0) })
  }

  private func take(_ news: HostRun.News) {
    let name = news.observation.id.name
    guard let run = runs[name], run.uuid == news.observation.uuid, news.number > seen[name]?.number ?? -1 else { return }
    guard let end = news.end else {
      seen[name] = news
      if case .all = knowledge { tell.yield(.changed(news.observation)) }
      return
    }
    (runs[name], seen[name]) = (nil, nil)
    guard case .all = knowledge else { return }
    let (reason, how) = Self.words(end)
    tell.yield(.gone(news.observation.id, reason: reason, end: how))
  }

  private static func words(_ end: PartsEnd) -> (String, DomainEnd) {
    switch end {
    case .asked: ("it was stopped", .poweredOff)
    case .startFailed(let reason): ("its start failed: \(reason)", .failed)
    case .failed(let reason): (reason, .crashed)
    case .cutShort: ("its start was cut short", .failed)
    }
  }

  func refresh() {
    switch knowledge {
    case .all: inventory()
    case .lost(let reason):
      tell.yield(.unreachable(connection: connection, reason: reason))
      open()
    case .none: break
    }
  }

  func close() async {
    retry?.cancel()
    for run in runs.values { await run.rest() }
    await units.close()
    tell.finish()
  }

  // MARK: operations

  private var trouble: String? {
    switch knowledge {
    case .all: nil
    case .none: "what runs here is not known yet"
    case .lost(let reason): reason
    }
  }

  func start(_ request: StartRequest) async -> OperationOutcome {
    let name = request.id.name
    func refuse(_ reason: String) -> OperationOutcome { .failed(reason: "\(name) was not started: \(reason)") }
    if let trouble { return refuse(trouble) }
    if runs[name] != nil { return refuse("parts of it are here already") }
    if records.isBarred(name) {
      guard request.overBar else { return .barred }
      records.unbar(name)
    }
    let run: HostRun
    do {
      let definition = try HostDefinition(request.xml)
      let directory = try PartsCgroup.directory(of: name, in: hierarchy, below: request.partition, layout: place.layout)
      let cgroup = PartsCgroup(directory, in: hierarchy)
      guard try cgroup.processes().isEmpty else { return refuse("processes are left in \(directory). End them") }
      let record = RunRecord(
        boot: RunRecords.bootID, uuid: request.uuid.lowercased(), mark: request.mark, parts: request.xml, cgroup: directory,
        begun: 0,
        phase: .starting)
      // Nothing waits between here and the first part: each step of it is under the guard's partition.
      guard BootClock.now <= request.notAfter else { return .tooLate }
      try records.save(record, of: name)
      run = try begun(name, record, definition, cgroup)
    } catch { return refuse("\(error)") }
    runs[name] = run
    return await run.start()
  }

  private func begun(
    _ name: String, _ record: RunRecord, _ definition: HostDefinition, _ cgroup: PartsCgroup
  ) throws(KernelFileError) -> HostRun {
    do { try cgroup.create(parts: definition.parts.count) } catch {
      records.remove(name)
      throw error
    }
    return run(name, record, PartSequence(definition.parts), cgroup)
  }

  func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome {
    guard let run = runs[id.name] else {
      return trouble.map { .unknown(reason: "whether \(id.name) runs is not known: \($0)") } ?? .done
    }
    guard run.uuid == uuid else { return .failed(reason: "\(id.name) was not stopped: what runs has the UUID \(run.uuid)") }
    return await run.stop(grace: grace)
  }

  func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    guard let run = runs[id.name], run.uuid == uuid else {
      return .failed(
        reason: "\(id.name) cannot come under protection while it runs. Stop it where it runs, and `holdfast apply` its parts")
    }
    return await run.mark(mark)
  }

  /// Starts are made by this process alone: one that is under way goes no further, and one that an earlier life made has a record, and is taken down.
  ///
  /// That parts of it are here refuses nothing: while they are frozen they cannot be taken down, and what is frozen may wait for the bar.
  func bar(_ id: DomainID) async -> OperationOutcome {
    if let trouble { return .unknown(reason: "starts of \(id.name) may not be barred: \(trouble)") }
    do { try records.bar(id.name) } catch { return .failed(reason: "starts of \(id.name) were not barred: \(error)") }
    await runs[id.name]?.startNoFurther()
    return .done
  }

  // MARK: what cannot run here

  /// nil: that could not be found out in time.
  func incompatibilities(of definitions: [StoredDefinition]) async -> [WorkloadName: Incompatibility]? {
    let place = place, files = files, units = units
    // Where the partition is none of systemd's slices, cgroup v2 keeps systemd from running anything in it.
    let canCover = hierarchy.version == .v1 || (try? Partition(place.partition, layout: place.layout))?.layout == .slices
    let looked = await race(until: ContinuousClock.now + Self.patience) {
      var found: [WorkloadName: Incompatibility] = await withCheckedContinuation { continuation in
        files.async {
          var found: [WorkloadName: Incompatibility] = [:]
          for definition in definitions where !definition.isRunningHere {
            if let lack = PartsLack.first(in: definition.xml, on: place) {
              found[definition.workload] = Incompatibility(.parts, lack)
            }
          }
          continuation.resume(returning: found)
        }
      }
      for definition in definitions where !definition.isRunningHere && found[definition.workload] == nil {
        if let lack = await PartsLack.first(in: definition.xml, by: units, canCover) {
          found[definition.workload] = Incompatibility(.parts, lack)
        }
      }
      return found
    }
    return try? looked?.get()
  }
}

/// What a workload's parts need that is not on this host.
enum PartsLack {
  /// As a noun; nil: nothing, as far as can be told beforehand. What lies on a file system that the workload itself mounts is not looked for.
  static func first(in text: String, on place: HostPlace) -> String? {
    let definition: HostDefinition
    do { definition = try HostDefinition(text) } catch { return error.reason }
    var mounted: [String] = []
    for part in definition.parts {
      switch part.kind {
      case .mount(let mount):
        if !isThere(mount.place, mounted, X_OK) { return "the directory \(mount.place)" }
        mounted.append(mount.place)
      case .script(let script):
        for command in [script.start, script.stop, script.status] {
          if let path = command.first, !isThere(path, mounted, X_OK) { return "the executable \(path)" }
        }
      case .ocf(let agent):
        if let path = agent.path, !isThere("\(place.agentRoot)/\(path)", mounted, X_OK) {
          return "the resource agent \(agent.agent)"
        }
      case .unit: break
      }
    }
    return nil
  }

  /// Of its units, which systemd knows.
  ///
  /// - Parameter canCover: systemd can run them under the guard's partition.
  static func first(in text: String, by desk: UnitDesk, _ canCover: Bool) async -> String? {
    let units = (try? HostDefinition(text))?.parts.units ?? []
    if !units.isEmpty, !canCover { return "systemd-machined, so that systemd can run units under the guard's partition" }
    for unit in units { if let lack = await desk.lack(of: unit, besides: Set(units)) { return lack } }
    return nil
  }

  private static func isThere(_ path: String, _ mounted: [String], _ mode: Int32) -> Bool {
    mounted.contains { path.hasPrefix($0 + "/") } || access(path, mode) == 0
  }
}

extension HostPart {
  /// nil: it is none of systemd's.
  var unitName: String? { if case .unit(let unit) = kind { unit.unit } else { nil } }
}

extension [HostPart] {
  /// The names of those that are units.
  var units: [String] { compactMap(\.unitName) }
}
