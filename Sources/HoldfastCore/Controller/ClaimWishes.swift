import GuardProtocol

/// What one round of decisions wants written to claims, gathered so that many go in few transactions.
struct ClaimWishes {
  var claims: [WorkloadName] = []
  var activities: [(WorkloadName, ClaimRecord.Activity)] = []
  var isEmpty: Bool { claims.isEmpty && activities.isEmpty }
}

/// Claims: taken, released, kept up to date. Each by a transaction that proves it is still right.
extension Controller {
  /// Four conditions each at most, one session besides, under etcd's limit of 128 operations.
  private static let claimsAtOnce = 30

  /// The rule of a claim (Docs/safety.md, rule 4): the workload is under protection as it is known here; the placement names me; the
  /// previous claim is released or its session is gone; my own session stands.
  private func claim(_ workload: WorkloadName, as own: OwnSession.Standing) -> (
    conditions: [Condition<RecordKey>], write: Write<RecordKey, Record>
  )? {
    guard let spec = view.specs[workload], let placement = view.placements[workload], placement.value.node == me else {
      return nil
    }
    let key = RecordKey.claim(workload)
    var conditions: [Condition<RecordKey>] = [
      .unchanged(.spec(workload), modified: spec.modified), .unchanged(.placement(workload), modified: placement.modified)
    ]
    let holder = ClaimRecord.Holder(node: me, incarnation: own.incarnation)
    var record = ClaimRecord(epoch: Epoch.none.next, holder: nil)
    if let present = view.claims[workload] {
      guard !view.isHeld(present.value) else { return nil }
      conditions.append(.unchanged(key, modified: present.modified))
      if let last = present.value.holder { conditions.append(.absent(.session(last.incarnation))) }
      record = present.value
      record.epoch = record.epoch.next
      record.left = nil
      record.migration = record.holder?.node == me ? record.migration?.retaken(by: holder) : nil
    } else {
      conditions.append(.absent(key))
    }
    record.holder = holder
    record.activity = .starting
    return (conditions, .put(key, .claim(record)))
  }

  mutating func submit(_ wishes: ClaimWishes) {
    if wishes.isEmpty { return }
    guard let own = session.acting, session.isValid(at: now) else { return }
    var batch: [WorkloadName] = []
    for workload in wishes.claims {
      if agents[workload]?.alone == true { take([workload], as: own) } else { batch.append(workload) }
      if batch.count == Self.claimsAtOnce {
        take(batch, as: own)
        batch = []
      }
    }
    take(batch, as: own)
    for start in stride(from: 0, to: wishes.activities.count, by: Self.claimsAtOnce) {
      let some = Array(wishes.activities[start..<min(start + Self.claimsAtOnce, wishes.activities.count)])
      record(some, .activity(some.map(\.0)), as: own)
    }
  }

  private mutating func take(_ workloads: [WorkloadName], as own: OwnSession.Standing) {
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    // Many claims were the same session's.
    var present = Set(conditions)
    var writes: [Write<RecordKey, Record>] = []
    var taken: [WorkloadName] = []
    for workload in workloads {
      guard let part = claim(workload, as: own) else { continue }
      for condition in part.conditions where present.insert(condition).inserted { conditions.append(condition) }
      writes.append(part.write)
      taken.append(workload)
      agents[workload, default: Agent()].writing = true
    }
    guard !taken.isEmpty else { return }
    transact(.claim(taken), ClusterTransaction(if: conditions, write: writes))
  }

  mutating func claimed(_ workloads: [WorkloadName], at revision: Revision) {
    for workload in workloads {
      written(workload)
      agents[workload, default: Agent()].alone = false
      agents[workload]?.proven = revision
      // What was killed before was another run of it; and whoever gave it up, it was placed here again since.
      agents[workload]?.condemned = nil
      agents[workload]?.giveUp = nil
      agents[workload]?.failedStarts = 0
      if let epoch = view.claims[workload]?.value.epoch {
        note(.claimed, "\(me) holds \(workload) at epoch \(epoch.value)", workload: workload)
      }
    }
  }

  private mutating func record(
    _ activities: [(WorkloadName, ClaimRecord.Activity)], _ purpose: Purpose, as own: OwnSession.Standing
  ) {
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    var writes: [Write<RecordKey, Record>] = []
    for (workload, activity) in activities {
      guard let present = view.claims[workload] else { continue }
      var record = present.value
      record.activity = activity
      if activity == .running {
        record.failures = [:]
        // What arrived goes on: nothing of the way matters any more.
        if record.migration?.step == .arrived { record.migration = nil }
      }
      conditions.append(.unchanged(.claim(workload), modified: present.modified))
      writes.append(.put(.claim(workload), .claim(record)))
      agents[workload, default: Agent()].writing = true
    }
    transact(purpose, ClusterTransaction(if: conditions, write: writes))
  }

  mutating func recorded(_ workloads: [WorkloadName], at revision: Revision) {
    for workload in workloads {
      written(workload)
      agents[workload, default: Agent()].proven = revision
    }
  }

  /// Writes the claim as it is. Whatever was sent on its earlier revision, by this life or the one before, is refused from then on.
  mutating func prove(_ workload: WorkloadName) {
    guard let own = session.acting, session.isValid(at: now), mayWrite(workload) else { return }
    record([(workload, .starting)], .prove(workload), as: own)
  }

  // MARK: giving up

  /// Gives the claim up. Only after the domain was observed to be gone.
  mutating func release(_ workload: WorkloadName, why: String, failure: ClaimRecord.Failure? = nil) {
    guard let own = session.acting, let present = view.claims[workload], holds(present.value), mayWrite(workload) else {
      return
    }
    var record = present.value
    record.release()
    if let failure {
      agents[workload, default: Agent()].gaveUp = view.placements[workload]?.modified
      record.failures[me] = ClaimRecord.Failure(
        count: (record.failures[me]?.count ?? 0) + failure.count, reason: failure.reason)
    }
    agents[workload, default: Agent()].writing = true
    transact(
      .release(workload, of: present.modified, why: why),
      ClusterTransaction(
        if: [
          .stands(.session(own.incarnation), created: own.created), .unchanged(.claim(workload), modified: present.modified)
        ],
        write: [.put(.claim(workload), .claim(record))]))
  }

  mutating func released(_ workload: WorkloadName, why: String) {
    let gaveUp = agents[workload]?.gaveUp
    retire(workload)
    if let gaveUp { agents[workload, default: Agent()].gaveUp = gaveUp }
    timers[workload] = nil
    dirty.insert(workload)
    note(.released, "\(me) gave \(workload) up: \(why)", workload: workload)
  }

  /// Removes a workload that left protection; its claim's epoch stays, released.
  mutating func forget(_ workload: WorkloadName) {
    guard let own = session.acting, mayWrite(workload) else { return }
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    var writes: [Write<RecordKey, Record>] = []
    if let present = view.claims[workload] {
      var record = present.value
      let node = isSeen(workload) ? me : record.holder?.node
      record.left = view.specs[workload].map { .init(node: node, connection: $0.value.connection, uuid: $0.value.uuid) }
      record.release()
      conditions.append(.unchanged(.claim(workload), modified: present.modified))
      writes.append(.put(.claim(workload), .claim(record)))
    } else {
      conditions.append(.absent(.claim(workload)))
    }
    if let intent = view.intents[workload] { conditions.append(.unchanged(.intent(workload), modified: intent.modified)) }
    writes += [.delete(.spec(workload)), .delete(.intent(workload)), .delete(.placement(workload))]
    // What goes on here outside protection is told with that, so that nobody takes its room for free.
    if let domain = observation(of: workload) { writes.append(.put(.report(me), .report(currentReport(outside: domain)))) }
    agents[workload, default: Agent()].writing = true
    transact(.forget(workload, of: view.claims[workload]?.modified), ClusterTransaction(if: conditions, write: writes))
  }

  mutating func forgotten(_ workload: WorkloadName) {
    letGo(workload)
    retire(workload)
    timers[workload] = nil
    note(.unprotected, "\(workload) is out of protection", workload: workload)
  }

  // MARK: one write at a time

  /// Nothing about the workload is on its way to the store, and the last thing did not just fail.
  mutating func mayWrite(_ workload: WorkloadName) -> Bool {
    guard let agent = agents[workload] else { return true }
    guard !agent.writing else { return false }
    guard let at = agent.writeAt, at > now else { return true }
    retry(workload, at: at)
    return false
  }

  mutating func written(_ workload: WorkloadName) {
    agents[workload]?.writing = false
    agents[workload]?.failedWrites = 0
    agents[workload]?.writeAt = nil
    agents[workload]?.tellAt = nil
    dirty.insert(workload)
  }

  mutating func writeFailed(_ workload: WorkloadName, wasOnlyTold: Bool = false) {
    var agent = agents[workload] ?? Agent()
    agent.writing = false
    let until = now + timing.renewInterval / 4 * (1 << min(agent.failedWrites, 3))
    agent.failedWrites += 1
    if wasOnlyTold { agent.tellAt = until } else { agent.writeAt = until }
    agents[workload] = agent
    dirty.insert(workload)
  }
}
