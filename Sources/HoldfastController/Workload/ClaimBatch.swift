import HoldfastModel

/// Writes to claims that one turn's workloads want, gathered so that many go in few transactions.
struct ClaimBatch: Sendable {
  private(set) var claims: [WorkloadName] = []
  private(set) var news: [(workload: WorkloadName, news: ClaimNews)] = []
  /// The workload at hand left protection: its records are to go.
  private var forgets: WorkloadName?

  mutating func claim(_ workload: WorkloadName) { claims.append(workload) }
  mutating func tell(_ workload: WorkloadName, _ told: ClaimNews) { news.append((workload, told)) }
  mutating func forget(_ workload: WorkloadName) { forgets = workload }

  mutating func takeForget() -> WorkloadName? {
    defer { forgets = nil }
    return forgets
  }
}

/// The holder's news of a workload, told in its claim.
struct ClaimNews: Hashable, Sendable {
  /// The failed starts and ended runs that are forgiven.
  enum Forgiven: Hashable, Sendable {
    case nothing
    /// The workload runs well on a node that is to be emptied: what it cannot start on keeps it there, and is remembered.
    case ofNode(NodeName)
    /// The workload runs well here. That its checks failed on other nodes is remembered for longer: it would soon be back there, and fail again.
    case butChecksElsewhere(NodeName)
    case everything

    init(_ wellness: Wellness, on me: NodeName, isEmptied: Bool) {
      self =
        switch wellness {
        case .unproven: .nothing
        case .forAWhile: isEmptied ? .ofNode(me) : .butChecksElsewhere(me)
        case .forLong: isEmptied ? .ofNode(me) : .everything
        }
    }
  }
  var activity: ClaimRecord.Activity
  /// How often in a row it ended by itself here; nil: as the claim says.
  var ends: Int?
  /// The cause of the last of them, where a check failed; nothing without `ends`.
  var unwell: Unwell?
  var forgiven = Forgiven.nothing
  /// Disks that its definition lags behind; nil: as the claim says.
  var newerDisks: [String: OtherDisk]?

  init(
    _ activity: ClaimRecord.Activity, ends: Int? = nil, unwell: Unwell? = nil, forgiven: Forgiven = .nothing,
    newerDisks: [String: OtherDisk]? = nil
  ) {
    self.activity = activity
    self.ends = ends
    self.unwell = unwell
    self.forgiven = forgiven
    self.newerDisks = newerDisks
  }
}

extension ClaimRecord {
  /// The same, saying what the holder does with it.
  func telling(_ news: ClaimNews) -> ClaimRecord {
    var record = self
    record.activity = news.activity
    if let ends = news.ends { (record.ends, record.unwell) = ends > 0 ? (ends, news.unwell) : (nil, nil) }
    if let disks = news.newerDisks { record.newerDisks = disks.isEmpty ? nil : disks }
    switch news.forgiven {
    case .nothing: break
    case .ofNode(let node): record.failures[node] = nil
    case .butChecksElsewhere(let node): record.failures = record.failures.filter { $0.key != node && $0.value.check != nil }
    case .everything: record.failures = [:]
    }
    // It runs: where it is now is its place, and no node that it was moved off before is owed anything.
    if news.activity == .running { record.evacuatedFrom = nil }
    // What arrived goes on: nothing of the way matters any more.
    if news.activity == .running, record.migration?.step == .arrived { record.migration = nil }
    return record
  }
}
