import GuardProtocol

/// What one round of decisions wants written to claims, gathered so that many go in few transactions.
struct ClaimWishes {
  var claims: [WorkloadName] = []
  var activities: [(WorkloadName, ClaimRecord.Activity)] = []
}

/// Claims: taken, released, kept up to date. Each by a transaction that proves it is still right.
extension Controller {
  /// Two conditions each, one session besides, under etcd's limit of 128 operations.
  private static let claimsAtOnce = 40

  /// The rule of a claim (Docs/safety.md, rule 3): the placement names me; the previous claim is released or its session is gone;
  /// my own session stands.
  private func claim(_ workload: WorkloadName, as own: OwnSession.Standing) -> (
    conditions: [Condition<RecordKey>], write: Write<RecordKey, Record>
  )? {
    guard let placement = view.placements[workload], placement.value.node == me else { return nil }
    let key = RecordKey.claim(workload)
    var conditions: [Condition<RecordKey>] = [.unchanged(.placement(workload), modified: placement.modified)]
    var record = ClaimRecord(epoch: Epoch.none.next, holder: nil)
    if let present = view.claims[workload] {
      guard !view.isHeld(present.value) else { return nil }
      conditions.append(.unchanged(key, modified: present.modified))
      if let holder = present.value.holder { conditions.append(.absent(.session(holder.incarnation))) }
      record = present.value
      record.epoch = record.epoch.next
    } else {
      conditions.append(.absent(key))
    }
    record.holder = ClaimRecord.Holder(node: me, incarnation: own.incarnation)
    record.activity = .starting
    return (conditions, .put(key, .claim(record)))
  }

  mutating func submit(_ wishes: ClaimWishes) {
    guard let own = session.standing, session.isValid(at: now) else { return }
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
      record(Array(wishes.activities[start..<min(start + Self.claimsAtOnce, wishes.activities.count)]), as: own)
    }
  }

  private mutating func take(_ workloads: [WorkloadName], as own: OwnSession.Standing) {
    var conditions: Set<Condition<RecordKey>> = [.stands(.session(own.incarnation), created: own.created)]
    var writes: [Write<RecordKey, Record>] = []
    var taken: [WorkloadName] = []
    for workload in workloads {
      guard let part = claim(workload, as: own) else { continue }
      conditions.formUnion(part.conditions)
      writes.append(part.write)
      taken.append(workload)
      agents[workload, default: Agent()].writing = true
    }
    guard !taken.isEmpty else { return }
    transact(.claim(taken), ClusterTransaction(if: Self.ordered(conditions), write: writes))
  }

  mutating func claimed(_ workloads: [WorkloadName]) {
    for workload in workloads {
      agents[workload, default: Agent()].writing = false
      agents[workload]?.alone = false
      dirty.insert(workload)
      if let epoch = view.claims[workload]?.value.epoch {
        note(.claimed, "\(me) holds \(workload) at epoch \(epoch.value)", workload: workload)
      }
    }
  }

  private mutating func record(_ activities: [(WorkloadName, ClaimRecord.Activity)], as own: OwnSession.Standing) {
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    var writes: [Write<RecordKey, Record>] = []
    for (workload, activity) in activities {
      guard let present = view.claims[workload] else { continue }
      var record = present.value
      record.activity = activity
      if activity == .running { record.failures = [:] }
      conditions.append(.unchanged(.claim(workload), modified: present.modified))
      writes.append(.put(.claim(workload), .claim(record)))
      agents[workload, default: Agent()].writing = true
    }
    transact(.activity(activities.map(\.0)), ClusterTransaction(if: conditions, write: writes))
  }

  /// Gives the claim up. Only after the domain was observed to be gone.
  mutating func release(_ workload: WorkloadName, why: String, failure: ClaimRecord.Failure? = nil) {
    guard let own = session.standing, let present = view.claims[workload], holds(present.value) else { return }
    var record = present.value
    record.holder = nil
    record.activity = nil
    if let failure {
      record.failures[me] = ClaimRecord.Failure(
        count: (record.failures[me]?.count ?? 0) + failure.count, reason: failure.reason)
    }
    agents[workload, default: Agent()].writing = true
    transact(
      .release(workload, why: why),
      ClusterTransaction(
        if: [
          .stands(.session(own.incarnation), created: own.created), .unchanged(.claim(workload), modified: present.modified)
        ],
        write: [.put(.claim(workload), .claim(record))]))
  }

  mutating func released(_ workload: WorkloadName, why: String) {
    agents[workload] = nil
    timers[workload] = nil
    dirty.insert(workload)
    note(.released, "\(me) gave \(workload) up: \(why)", workload: workload)
  }

  /// Removes a workload that left protection; its claim's epoch stays, released.
  mutating func forget(_ workload: WorkloadName) {
    guard let own = session.standing, agents[workload]?.writing != true else { return }
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    var writes: [Write<RecordKey, Record>] = []
    if let present = view.claims[workload] {
      var record = present.value
      record.holder = nil
      record.activity = nil
      conditions.append(.unchanged(.claim(workload), modified: present.modified))
      writes.append(.put(.claim(workload), .claim(record)))
    }
    if let intent = view.intents[workload] { conditions.append(.unchanged(.intent(workload), modified: intent.modified)) }
    writes += [.delete(.spec(workload)), .delete(.intent(workload)), .delete(.placement(workload))]
    agents[workload, default: Agent()].writing = true
    transact(.forget(workload), ClusterTransaction(if: conditions, write: writes))
  }

  mutating func forgotten(_ workload: WorkloadName) {
    if agents[workload]?.guarded != nil { tellGuard(.forget(workload: workload.text)) }
    agents[workload] = nil
    timers[workload] = nil
    note(.unprotected, "\(workload) is out of protection", workload: workload)
  }

  /// One order for equal sets, so that a replay is exact.
  private static func ordered(_ conditions: Set<Condition<RecordKey>>) -> [Condition<RecordKey>] {
    conditions.map { ($0, "\($0)") }.sorted { $0.1 < $1.1 }.map(\.0)
  }
}
