import HoldfastModel
import HoldfastTime

/// Keeps the node's own report in the store: what people and the planner need and no claim tells.
///
///     still ──differs──▶ waiting ──pause over──▶ under way ──written──▶ still
struct NodeReport: Hashable, Sendable {
  /// The report that is known to stand in the store; nil: not known.
  private var published: ReportRecord?
  private var notBefore: BootInstant = .zero
  private var course = StateCourse(Writing.still)
  /// A connection that was not heard of in the first moments counts as silent.
  private var isPastFirstWords = false

  private enum Writing: StateList {
    /// The store has what is to be told, as far as was seen.
    case still
    /// There is something to tell, and the last write was just now.
    case waiting
    case underWay

    func mayBecome(_ next: Writing) -> Bool {
      switch (self, next) {
      case (.still, .waiting), (.still, .underWay), (.waiting, .underWay), (.underWay, .still), (.underWay, .waiting): true
      // What differed is as it was before the pause was over.
      case (.waiting, .still): true
      case (.still, .still), (.waiting, .waiting), (.underWay, .underWay): false
      }
    }
  }

  var breach: String? { course.breach }
  var nextLook: BootInstant? { course.state == .waiting ? notBefore : nil }

  // MARK: what becomes of a write

  mutating func written(_ record: ReportRecord, at revision: Revision, _ facts: Facts, _ effects: inout Effects) {
    let now = facts.now, seen = facts.view.reports[facts.me]
    if let seen, seen.modified == revision, seen.value != record {
      // Nothing is executed by it: people are told, and what runs here runs on.
      effects.noteOnce(.unreadable, "the report of \(facts.me) is not read back as it was written", severity: .error)
    }
    published = record
    course.move(to: .still)
    notBefore = now + Limits.reportPause
  }

  mutating func failed(at now: BootInstant) {
    // It may have been written all the same.
    published = nil
    course.move(to: .waiting)
    notBefore = now + Limits.reportPause
  }

  /// The store is an earlier one than it was: it may lack what was written to it.
  mutating func storeWentBack(_ effects: inout Effects) {
    published = nil
    effects.agenda.note(.report)
  }

  // MARK: a turn

  mutating func step(
    _ turn: borrowing Turn, _ facts: Facts, _ workloads: WorkloadTable, _ guardLink: GuardLink, _ effects: inout Effects
  ) {
    awaitFirstWords(facts, &effects)
    guard turn.session.isValid, turn.session.mayWrite, !turn.stance.decidesNothing else { return }
    guard effects.agenda.isReportDue || nextLook.map({ facts.now >= $0 }) ?? false else { return }
    effects.agenda.takeReport()
    let record = Self.record(turn, facts, workloads, guardLink)
    let next = next(record, now: facts.now)
    guard next != course.state else { return }
    course.move(to: next)
    guard next == .underWay,
      let transaction = turn.session.transaction(write: [.put(.report(facts.me), .report(record))])
    else { return }
    effects.transact(.report(record), transaction)
  }

  private mutating func awaitFirstWords(_ facts: Facts, _ effects: inout Effects) {
    guard !isPastFirstWords, !facts.local.unheard.isEmpty else { return }
    guard facts.now >= facts.firstWordsBy else { return effects.agenda.look(at: facts.firstWordsBy) }
    isPastFirstWords = true
    effects.agenda.note(.report)
  }

  /// - Parameter leaving: the domain of a workload that is about to be forgotten.
  static func record(
    _ turn: borrowing Turn, _ facts: Facts, _ workloads: WorkloadTable, _ guardLink: GuardLink,
    outside leaving: DomainObservation? = nil
  ) -> ReportRecord {
    var record = ReportRecord(
      unmanaged: .none, unmanagedDomains: 0, unreachable: facts.silentConnections, guardPhase: guardLink.summary, strays: [],
      freeze: guardLink.freeze)
    (record.flaws, record.incompatible) = (flaws(guardLink.flaws, ofHost(facts)), incompatible(facts, guardLink))
    (record.ownDisks, record.runningCPUs) = (ownDisks(facts), facts.guestCPUs.running.unlessEmpty)
    record.lackingCPUs = facts.guestCPUs.lacking.unlessEmpty
    record.nodeChecks = nodeChecks(facts)
    record.slowBridges = facts.slowBridges.isEmpty ? nil : facts.slowBridges
    for domain in facts.local.domains.values {
      let workload = WorkloadName(domain.id.name)
      let own = WorkloadFacts(workload, facts, under: turn.session.incarnation)
      if domain.id != leaving?.id, let spec = own.spec?.value, spec.connection == domain.id.connection, !own.isAdopting,
        own.isCopy(domain, spec)
      {
        let parts = workloads.asKnown(workload).parts
        if !parts.isUnmanagedDuplicate(domain, own, spec, turn.guardWord) {
          tell(of: domain, own, spec, parts.watch, facts, guardLink, in: &record)
          if spec.addresses != nil { tellAddresses(own, spec, parts.addresses.troubles, facts, guardLink, in: &record) }
          continue
        }
      }
      // Before the store was read, what is under protection is known by its mark alone.
      guard facts.view.isLoaded || !facts.isMarked(domain) else { continue }
      record.unmanaged += Resources(memory: domain.memory, cpus: 0)
      record.unmanagedDomains += 1
      record.unmanagedUUIDs.append(domain.uuid)
      if facts.isMarked(domain), !own.isAdopting { record.strays.append(domain.id.description) }
    }
    tellMigrations(workloads, turn, facts, in: &record)
    sortLists(in: &record)
    if !facts.leftovers.isEmpty { tellLeftovers(facts, under: turn.session.incarnation, in: &record) }
    boundDifferences(in: &record)
    boundHealth(in: &record)
    (record.addresses, record.partTroubles) = (bounded(record.addresses), bounded(record.partTroubles))
    return record
  }

  /// How far live migrations are, and what is kept here though it is to be elsewhere.
  private static func tellMigrations(
    _ workloads: WorkloadTable, _ turn: borrowing Turn, _ facts: Facts, in record: inout ReportRecord
  ) {
    for machine in workloads.all {
      if let progress = machine.progress {
        record.migrations = [machine.name: progress].merging(record.migrations ?? [:]) { $1 }
      }
      guard let kept = machine.parts.migration.kept else { continue }
      let own = WorkloadFacts(machine.name, facts, under: turn.session.incarnation)
      if machine.parts.line.isMine(own), !own.isWantedHere {
        record.kept = [machine.name: kept.description].merging(record.kept ?? [:]) { $1 }
      }
    }
  }

  /// Of too many the first by name.
  private static func bounded<Value>(_ all: [WorkloadName: Value]?) -> [WorkloadName: Value]? {
    guard let all, all.count > Limits.unwellTold else { return all }
    return Dictionary(uniqueKeysWithValues: all.sorted { $0.key < $1.key }.prefix(Limits.unwellTold).map { ($0.key, $0.value) })
  }

  /// Of the node's own checks those that fail, or of which nothing is known; nil: it has none.
  private static func nodeChecks(_ facts: Facts) -> [NodeFinding]? {
    facts.nodeChecks.isEmpty ? nil : facts.nodeHealth.findings(of: facts.nodeChecks)
  }

  private static func sortLists(in record: inout ReportRecord) {
    record.strays.sort()
    record.unmanagedUUIDs.sort()
    record.unfrozen?.sort()
    record.outdated?.sort()
    record.suspended?.sort()
    record.crashed?.sort()
  }

  /// What libvirt cannot run, and what the guard that is there cannot raise the addresses of. What the report of an earlier life says of a guard is over.
  private static func incompatible(_ facts: Facts, _ guardLink: GuardLink) -> [IncompatibleWorkloads]? {
    let found = (facts.incompatible ?? []).filter { $0.reason.kind != .addresses }
    guard guardLink.lacksAddresses else { return found.unlessEmpty }
    var all: [WorkloadName: Incompatibility] = [:]
    for (name, spec) in facts.view.specs where spec.value.addresses != nil && facts.rules.isExclusive(name, spec.value) {
      all[name] = Incompatibility(.addresses, "")
    }
    for group in found { for workload in group.workloads { all[workload] = group.reason } }
    return IncompatibleWorkloads.grouped(all).unlessEmpty
  }

  /// Addresses of what is here and to run that are not up.
  private static func tellAddresses(
    _ own: WorkloadFacts, _ spec: SpecRecord, _ troubles: [AddressTrouble], _ facts: Facts, _ guardLink: GuardLink,
    in record: inout ReportRecord
  ) {
    guard let defined = spec.addresses, own.claim?.value.holder?.node == facts.me, own.desired == .running else { return }
    var found = troubles
    if guardLink.lacksAddresses {
      found = defined.map { AddressTrouble($0.address, reason: "\(StartFailure.guardTooOld(facts.me))") }
    } else if !facts.rules.isExclusive(own.name, spec), !guardLink.workloads.contains(own.name.text) {
      let reason = "its policy lets it run more than once (`exclusive: no`), and an address has one node"
      found = defined.map { AddressTrouble($0.address, reason: reason) }
    }
    guard !found.isEmpty else { return }
    record.addresses = [own.name: found].merging(record.addresses ?? [:]) { $1 }
  }

  /// Sorted.
  private static func ofHost(_ facts: Facts) -> [NodeFlaw] {
    facts.clockFlaw.map { (facts.hostFlaws + [$0]).sorted() } ?? facts.hostFlaws
  }

  /// Both sorted, and so are they together; nil: there is none.
  private static func flaws(_ ofGuard: [NodeFlaw], _ ofHost: [NodeFlaw]) -> [NodeFlaw]? {
    if ofGuard.isEmpty { return ofHost.isEmpty ? nil : ofHost }
    return ofHost.isEmpty ? ofGuard : (ofGuard + ofHost).sorted()
  }

  /// Definitions here beside the workloads there are. That one runs which has a workload's UUID is believed only where it was seen: while it comes
  /// under protection here, it is no leftover.
  private static func tellLeftovers(_ facts: Facts, under incarnation: Incarnation?, in record: inout ReportRecord) {
    let unmanaged = Set(record.unmanagedUUIDs)
    let found = facts.leftovers.filter { leftover in
      let own = WorkloadFacts(leftover.workload, facts, under: incarnation)
      guard let spec = own.spec?.value, own.desired != .unprotected else { return false }
      guard leftover.isRunning, leftover.otherUUID == nil else { return true }
      return !own.isAdopting && unmanaged.contains(spec.uuid)
    }
    if !found.isEmpty { record.leftovers = found }
  }

  /// Of what this node holds; of too many the first by name.
  private static func ownDisks(_ facts: Facts) -> [WorkloadName: String]? {
    let held = facts.ownDisks.filter { facts.view.claims[$0.key]?.value.holder?.node == facts.me }
    guard held.count > Limits.ownDisksTold else { return held.isEmpty ? nil : held }
    return Dictionary(
      uniqueKeysWithValues: held.sorted { $0.key < $1.key }.prefix(Limits.ownDisksTold).map { ($0.key, $0.value) })
  }

  /// Whether a workload's domain that is here executes, what, and how well.
  private static func tell(
    of domain: DomainObservation, _ own: WorkloadFacts, _ spec: SpecRecord, _ watch: HealthWatch, _ facts: Facts,
    _ guardLink: GuardLink, in record: inout ReportRecord
  ) {
    if let health = watch.report(own.name, facts) {
      record.health = [own.name: health].merging(record.health ?? [:]) { $1 }
    }
    // What a migration brings is paused until this node lets it go on.
    if domain.state == .paused, own.claim?.value.holder?.node == facts.me, !own.hasArrived {
      let why = domain.reason.map { " (\($0.words))" } ?? ""
      record.paused = [own.name: "libvirt has paused it\(why)"].merging(record.paused ?? [:]) { $1 }
      if domain.isSuspended { record.suspended = (record.suspended ?? []) + [own.name] }
    }
    if domain.state == .crashed, own.claim?.value.holder?.node == facts.me {
      record.crashed = (record.crashed ?? []) + [own.name]
    }
    if !spec.isWhatRuns(startedFrom: domain.mark?.definition) {
      record.outdated = (record.outdated ?? []) + [own.name]
    }
    if let differences = own.hardware?.differences, !differences.isEmpty, own.claim?.value.holder?.node == facts.me {
      record.differing = [own.name: differences].merging(record.differing ?? [:]) { $1 }
    }
    if let snapshots = domain.snapshots, own.claim?.value.holder?.node == facts.me {
      record.snapshots = [own.name: snapshots].merging(record.snapshots ?? [:]) { $1 }
    }
    if let troubles = domain.partTroubles, own.claim?.value.holder?.node == facts.me {
      record.partTroubles = [own.name: troubles].merging(record.partTroubles ?? [:]) { $1 }
    }
    let isLeftAlone = !facts.rules.isExclusive(own.name, spec) && !guardLink.workloads.contains(own.name.text)
    if record.freeze != nil, isLeftAlone { record.unfrozen = (record.unfrozen ?? []) + [own.name] }
  }

  /// So many are told that people can act on them, and the record stays small: those about other disks first.
  private static func boundDifferences(in record: inout ReportRecord) {
    guard let all = record.differing else { return }
    var room = Limits.differencesTold
    let order = all.sorted { a, b in
      let (first, second) = (a.value.contains { $0.isOtherDisk }, b.value.contains { $0.isOtherDisk })
      return first == second ? a.key < b.key : first
    }
    for (name, differences) in order {
      let told = differences.prefix(min(Limits.differencesOfOne, room))
      room -= told.count
      record.differing?[name] = Array(told)
    }
  }

  /// Workloads that fail come first.
  private static func boundHealth(in record: inout ReportRecord) {
    guard let all = record.health, all.count > Limits.unwellTold else { return }
    let order = all.sorted { a, b in a.value.isFailing == b.value.isFailing ? a.key < b.key : a.value.isFailing }
    record.health = Dictionary(uniqueKeysWithValues: order.prefix(Limits.unwellTold).map { ($0.key, $0.value) })
  }

  /// The record's next state: `underWay` means that it is to be written now, unless one is already.
  private func next(_ record: ReportRecord, now: BootInstant) -> Writing {
    if course.state == .underWay { return .underWay }
    guard record != published else { return .still }
    return now >= notBefore ? .underWay : .waiting
  }
}

extension Array {
  fileprivate var unlessEmpty: [Element]? { isEmpty ? nil : self }
}
