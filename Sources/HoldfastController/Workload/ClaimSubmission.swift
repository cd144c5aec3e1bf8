import HoldfastModel

/// Writes what a turn's workloads want of their claims: many in few transactions.
enum ClaimSubmission {
  /// Writes what was asked for.
  static func write(
    _ batch: ClaimBatch, _ turn: borrowing Turn, _ facts: Facts, _ workloads: inout WorkloadTable, _ effects: inout Effects
  ) {
    guard !batch.claims.isEmpty || !batch.news.isEmpty, turn.session.mayWrite, turn.session.isValid else { return }
    guard !turn.stance.decidesNothing else { return }
    var together: [WorkloadName] = []
    for workload in batch.claims {
      if workloads[workload]?.parts.line.goesAlone == true {
        take([workload], turn, facts, &workloads, &effects)
      } else {
        together.append(workload)
      }
      if together.count == Limits.claimsAtOnce {
        take(together, turn, facts, &workloads, &effects)
        together = []
      }
    }
    take(together, turn, facts, &workloads, &effects)
    for start in stride(from: 0, to: batch.news.count, by: Limits.claimsAtOnce) {
      let some = batch.news[start..<min(start + Limits.claimsAtOnce, batch.news.count)]
      record(some, turn, facts, &workloads, &effects)
    }
  }

  private static func take(
    _ names: [WorkloadName], _ turn: borrowing Turn, _ facts: Facts, _ workloads: inout WorkloadTable,
    _ effects: inout Effects
  ) {
    guard let holder = turn.session.holder(on: facts.me) else { return }
    // Many claims were the same session's.
    var present: Set<Condition<RecordKey>> = []
    var conditions: [Condition<RecordKey>] = [], writes: [Write<RecordKey, Record>] = []
    var taken: [WorkloadName] = []
    for name in names {
      let own = WorkloadFacts(name, facts, under: turn.session.incarnation)
      guard let part = claim(own, for: holder) else { continue }
      effects.check(part.claim.epoch > own.epoch, "a claim of \(name) without a later epoch")
      for condition in part.conditions where present.insert(condition).inserted { conditions.append(condition) }
      writes.append(.put(.claim(name), .claim(part.claim)))
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
  ) -> (conditions: [Condition<RecordKey>], claim: ClaimRecord)? {
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
      if record.holder?.node != holder.node { (record.ends, record.unwell) = (nil, nil) }
      record.releasedTo = nil
      record.migration = record.holder?.node == holder.node ? record.migration?.retaken(by: holder) : nil
    } else {
      conditions.append(.absent(key))
    }
    record.holder = holder
    record.activity = .starting
    return (conditions, record)
  }

  private static func record(
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
