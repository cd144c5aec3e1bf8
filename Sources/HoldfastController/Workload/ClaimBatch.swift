import HoldfastModel

/// What one turn's workloads want written to claims, gathered so that many go in few transactions.
struct ClaimBatch: Sendable {
  private var claims: [WorkloadName] = []
  private var news: [(workload: WorkloadName, news: ClaimNews)] = []
  /// The workload at hand left protection: its records are to go.
  private var forgets: WorkloadName?

  mutating func claim(_ workload: WorkloadName) { claims.append(workload) }
  mutating func tell(_ workload: WorkloadName, _ told: ClaimNews) { news.append((workload, told)) }
  mutating func forget(_ workload: WorkloadName) { forgets = workload }

  mutating func takeForget() -> WorkloadName? {
    defer { forgets = nil }
    return forgets
  }

  /// Writes what was asked for.
  func submit(_ turn: borrowing Turn, _ facts: Facts, _ workloads: inout WorkloadTable, _ effects: inout Effects) {
    guard !claims.isEmpty || !news.isEmpty, turn.session.mayWrite, turn.session.isValid else { return }
    guard !turn.stance.decidesNothing else { return }
    var batch: [WorkloadName] = []
    for workload in claims {
      if workloads[workload]?.parts.line.goesAlone == true {
        take([workload], turn, facts, &workloads, &effects)
      } else {
        batch.append(workload)
      }
      if batch.count == Limits.claimsAtOnce {
        take(batch, turn, facts, &workloads, &effects)
        batch = []
      }
    }
    take(batch, turn, facts, &workloads, &effects)
    for start in stride(from: 0, to: news.count, by: Limits.claimsAtOnce) {
      let some = news[start..<min(start + Limits.claimsAtOnce, news.count)]
      record(some, turn, facts, &workloads, &effects)
    }
  }

  private func take(
    _ names: [WorkloadName], _ turn: borrowing Turn, _ facts: Facts, _ workloads: inout WorkloadTable,
    _ effects: inout Effects
  ) {
    guard let holder = turn.session.holder(on: facts.me) else { return }
    // Many claims were the same session's.
    var present: Set<Condition<RecordKey>> = []
    var conditions: [Condition<RecordKey>] = [], writes: [Write<RecordKey, Record>] = []
    var taken: [WorkloadName] = []
    for name in names {
      let own = facts.known(name, under: turn.session.incarnation)
      guard let part = Self.claim(own, for: holder) else { continue }
      for condition in part.conditions where present.insert(condition).inserted { conditions.append(condition) }
      writes.append(part.write)
      taken.append(name)
      workloads.change(name) { $0.claimSent() }
    }
    guard !taken.isEmpty, let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    effects.transact(.claim(taken), transaction)
  }

  /// The rule of a claim (Docs/safety.md, rule 4): the workload is under protection as it is known here; the placement names this node; the
  /// previous claim is released or its session is gone; this node's own session stands, as the permit sees to.
  private static func claim(
    _ own: WorkloadFacts, for holder: ClaimRecord.Holder
  ) -> (conditions: [Condition<RecordKey>], write: Write<RecordKey, Record>)? {
    guard let spec = own.spec, let placement = own.placement, placement.value.node == holder.node else { return nil }
    let key = RecordKey.claim(own.name)
    var conditions: [Condition<RecordKey>] = [
      .unchanged(.spec(own.name), modified: spec.modified), .unchanged(.placement(own.name), modified: placement.modified)
    ]
    var record = ClaimRecord(epoch: Epoch.none.next, holder: nil)
    if let present = own.claim {
      guard !own.isHeld else { return nil }
      conditions.append(.unchanged(key, modified: present.modified))
      if let last = present.value.holder { conditions.append(.absent(.session(last.incarnation))) }
      record = present.value
      record.epoch = record.epoch.next
      // How often it ended is counted on each node.
      if record.holder?.node != holder.node { record.ends = nil }
      record.releasedTo = nil
      record.migration = record.holder?.node == holder.node ? record.migration?.retaken(by: holder) : nil
    } else {
      conditions.append(.absent(key))
    }
    record.holder = holder
    record.activity = .starting
    return (conditions, .put(key, .claim(record)))
  }

  private func record(
    _ told: ArraySlice<(workload: WorkloadName, news: ClaimNews)>, _ turn: borrowing Turn, _ facts: Facts,
    _ workloads: inout WorkloadTable, _ effects: inout Effects
  ) {
    var conditions: [Condition<RecordKey>] = [], writes: [Write<RecordKey, Record>] = []
    for (name, news) in told {
      guard let present = facts.view.claims[name] else { continue }
      conditions.append(.unchanged(.claim(name), modified: present.modified))
      writes.append(.put(.claim(name), .claim(present.value.telling(news))))
      workloads.change(name) { $0.claimSent() }
    }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    effects.transact(.activity(told.map(\.workload)), transaction)
  }
}

/// What the holder of a claim tells in it.
struct ClaimNews: Hashable, Sendable {
  /// What is forgiven of the starts that failed, and the runs that ended.
  enum Forgiven: Hashable, Sendable {
    case nothing
    /// It runs well on a node that is to be emptied: what it cannot start on keeps it there, and is remembered.
    case ofNode(NodeName)
    case everything
  }
  var activity: ClaimRecord.Activity
  /// How often in a row it ended by itself here; nil: as the claim says.
  var ends: Int?
  var forgiven = Forgiven.nothing
  /// Disks that its definition lags behind; nil: as the claim says.
  var newerDisks: [String: OtherDisk]?

  init(
    _ activity: ClaimRecord.Activity, ends: Int? = nil, forgiven: Forgiven = .nothing, newerDisks: [String: OtherDisk]? = nil
  ) {
    self.activity = activity
    self.ends = ends
    self.forgiven = forgiven
    self.newerDisks = newerDisks
  }
}

extension ClaimRecord {
  /// The same, saying what the holder does with it.
  func telling(_ news: ClaimNews) -> ClaimRecord {
    var record = self
    record.activity = news.activity
    if let ends = news.ends { record.ends = ends > 0 ? ends : nil }
    if let disks = news.newerDisks { record.newerDisks = disks.isEmpty ? nil : disks }
    switch news.forgiven {
    case .nothing: break
    case .ofNode(let node): record.failures[node] = nil
    case .everything: record.failures = [:]
    }
    // What arrived goes on: nothing of the way matters any more.
    if news.activity == .running, record.migration?.step == .arrived { record.migration = nil }
    return record
  }
}
