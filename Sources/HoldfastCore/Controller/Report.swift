import GuardProtocol

/// Keeps the node's own report in the store: what people and the planner need and no claim tells.
struct ReportState: Hashable, Sendable {
  private static let pause: Duration = .seconds(1)

  /// What is known to stand in the store; nil: not known.
  private(set) var published: ReportRecord?
  private var notBefore: BootInstant = .zero
  private(set) var underWay = false
  private(set) var waiting = false

  var nextLook: BootInstant? { waiting ? notBefore : nil }

  mutating func written(_ record: ReportRecord, at now: BootInstant) {
    published = record
    underWay = false
    notBefore = now + Self.pause
  }
  mutating func failed(at now: BootInstant) {
    // It may have been written all the same.
    published = nil
    underWay = false
    notBefore = now + Self.pause
    waiting = true
  }
  /// True when the record should be written now.
  mutating func wants(_ record: ReportRecord, now: BootInstant) -> Bool {
    waiting = false
    guard record != published, !underWay else { return false }
    guard now >= notBefore else {
      waiting = true
      return false
    }
    underWay = true
    return true
  }
}

/// Something that is tried, one attempt at a time, and after a failure not at once again.
struct Attempt: Hashable, Sendable {
  private var underWay = false
  private var notBefore: BootInstant?

  /// When the next attempt may be made, if one waits.
  var nextLook: BootInstant? { underWay ? nil : notBefore }

  /// True when an attempt is to be made now.
  mutating func begins(at now: BootInstant) -> Bool {
    guard !underWay, notBefore.map({ now >= $0 }) ?? true else { return false }
    underWay = true
    return true
  }
  mutating func succeeded() { self = Attempt() }
  mutating func failed(until instant: BootInstant) {
    underWay = false
    notBefore = instant
  }
}

extension Controller {
  mutating func reportIfChanged() {
    guard session.isValid(at: now), let own = session.acting else { return }
    guard reportIsDue || report.nextLook.map({ now >= $0 }) ?? false else { return }
    reportIsDue = false
    let record = currentReport()
    guard report.wants(record, now: now) else { return }
    transact(
      .report(record),
      ClusterTransaction(
        if: [.stands(.session(own.incarnation), created: own.created)], write: [.put(.report(me), .report(record))]))
  }

  /// - Parameter leaving: the domain of a workload that is about to be forgotten.
  func currentReport(outside leaving: DomainObservation? = nil) -> ReportRecord {
    var record = ReportRecord(
      unmanaged: .none, unmanagedDomains: 0, unreachable: local.unreachable, guardPhase: guardian.summary, strays: [])
    for domain in local.domains.values {
      let workload = WorkloadName(domain.id.name)
      if domain.id != leaving?.id, let spec = view.specs[workload]?.value, spec.connection == domain.id.connection {
        let isOther = isNamesake(domain, of: workload, spec) || isAdopting(workload)
        if !isOther, isCopy(domain, of: workload, spec) { continue }
      }
      record.unmanaged += Resources(memory: domain.memory, cpus: 0)
      record.unmanagedDomains += 1
      record.unmanagedUUIDs.append(domain.uuid)
      if domain.mark?.cluster == configuration.cluster, !isAdopting(workload) { record.strays.append(domain.id.description) }
    }
    let migrations = agents.compactMapValues { $0.operation?.kind == .migrate ? $0.migration.progress : nil }
    if !migrations.isEmpty { record.migrations = migrations }
    let kept = agents.filter { isMine($0.key) && !isWantedHere($0.key) }.compactMapValues(\.kept)
    if !kept.isEmpty { record.kept = kept }
    record.strays.sort()
    record.unmanagedUUIDs.sort()
    return record
  }
}
