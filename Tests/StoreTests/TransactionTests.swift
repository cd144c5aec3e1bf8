import EtcdStore
import HoldfastModel
import HoldfastPorts
import MemoryStore
import Testing

extension StoreTests {
  @Suite(.serialized) struct Transactions {
    /// A condition on key `k`, in words, and whether it holds in each of the states that the test makes.
    enum Case: CaseIterable {
      case absentBefore, absentPresent, absentDeleted
      case unchangedSame, unchangedChanged, unchangedDeleted, unchangedRecreated, unchangedAbsent
      case standsSame, standsChanged, standsDeleted, standsRecreated, standsAbsent

      var holds: Bool {
        switch self {
        case .absentBefore, .absentDeleted, .unchangedSame, .standsSame, .standsChanged: true
        default: false
        }
      }
    }

    @Test(arguments: Adapter.allCases, Case.allCases)
    func `every condition holds exactly when it should`(adapter: Adapter, kind: Case) async throws {
      try await adapter.with { store, prefix in
        let key = prefix + "k"
        let condition: Condition<String>
        switch kind {
        case .absentBefore, .absentPresent, .absentDeleted: condition = .absent(key)
        case .unchangedAbsent: condition = .unchanged(key, modified: Revision(1))
        case .standsAbsent: condition = .stands(key, created: Revision(1))
        case .unchangedSame, .unchangedChanged, .unchangedDeleted, .unchangedRecreated:
          condition = .unchanged(key, modified: try await store.commit(put(key, "old")))
        case .standsSame, .standsChanged, .standsDeleted, .standsRecreated:
          condition = .stands(key, created: try await store.commit(put(key, "old")))
        }
        switch kind {
        case .absentPresent, .unchangedChanged, .standsChanged: try await store.commit(put(key, "new"))
        case .absentDeleted:
          try await store.commit(put(key, "old"))
          try await store.commit(.delete(key))
        case .unchangedDeleted, .standsDeleted: try await store.commit(.delete(key))
        case .unchangedRecreated, .standsRecreated:
          try await store.commit(.delete(key))
          try await store.commit(put(key, "old"))
        default: break
        }
        let verdict = try await store.transact(if: condition, write: put(prefix + "done", "yes"))
        let done = try await store.list(prefix: prefix, timeout: ample).entries[prefix + "done"]
        if kind.holds {
          #expect(try verdict.revision() == done?.modified)
        } else {
          guard case .refused = verdict else { throw Trouble("committed: \(verdict)") }
          #expect(done == nil)
        }
      }
    }

    @Test(arguments: Adapter.allCases)
    func `a refusal tells the present entries of all keys that the conditions name`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let first = try await store.commit(put(prefix + "a", "1"), put(prefix + "b", "2"))
        let second = try await store.commit(put(prefix + "b", "3"))
        let verdict = try await store.transact(
          if: .unchanged(prefix + "b", modified: first), .stands(prefix + "b", created: first), .absent(prefix + "c"),
          .stands(prefix + "a", created: first), write: .delete(prefix + "a"))
        #expect(
          verdict
            == .refused(
              second,
              current: [
                prefix + "a": Stored(value: Array("1".utf8), created: first, modified: first),
                prefix + "b": Stored(value: Array("3".utf8), created: first, modified: second)
              ]))
      }
    }

    @Test(arguments: Adapter.allCases)
    func `all writes of a transaction share one revision, and the next has the next`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let writes = (0..<128).map { put(prefix + "\($0)", "\($0)") }
        let one = try await store.transact(StoreTransaction(if: [], write: writes), timeout: ample).revision()
        let two = try await store.commit(put(prefix + "0", "new"), .delete(prefix + "1"))
        #expect(two.value == one.value + 1)
        let listing = try await store.list(prefix: prefix, timeout: ample)
        #expect(listing.revision == two)
        #expect(listing.entries.count == 127)
        #expect(listing.entries[prefix + "0"] == Stored(value: Array("new".utf8), created: one, modified: two))
        #expect(listing.entries.values.filter { $0.modified == one && $0.created == one }.count == 126)
      }
    }

    @Test(arguments: Adapter.allCases)
    func `what changes nothing takes no revision`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let revision = try await store.commit(put(prefix + "a", "1"))
        #expect(try await store.commit(.delete(prefix + "absent")) == revision)
        #expect(try await store.transact(if: .stands(prefix + "a", created: revision)) == .committed(revision))
        #expect(try await store.transact(if: .absent(prefix + "a")).isRefused(at: revision))
        #expect(try await store.list(prefix: prefix, timeout: ample).revision == revision)
      }
    }

    @Test(arguments: Adapter.allCases)
    func `too large and malformed transactions are certainly not applied`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let key = prefix + "k"
        let malformed: [StoreTransaction] = [
          StoreTransaction(if: [], write: (0..<129).map { put(prefix + "\($0)", "x") }),
          StoreTransaction(if: (0..<129).map { .absent(prefix + "\($0)") }, write: [put(key, "x")]),
          StoreTransaction(if: [], write: [put(key, "x"), put(key, "y")]),
          StoreTransaction(if: [], write: [put(key, "x"), .delete(key)]),
          StoreTransaction(if: [], write: [put("", "x")])
        ]
        for transaction in malformed {
          let error = await #expect(throws: StoreError.self) { try await store.transact(transaction, timeout: ample) }
          guard case .notApplied? = error else { throw Trouble("\(String(describing: error))") }
        }
        #expect(try await store.list(prefix: prefix, timeout: ample).entries.isEmpty)
      }
    }

    @Test(arguments: Adapter.allCases)
    func `values are bytes, keys are compared byte by byte`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let odd: [UInt8] = [0xff, 0x00, 0xc3, 0x28, 0x80]
        try await store.commit(
          .put(prefix + "odd", odd), .put(prefix + "empty", []), put(prefix + "e\u{301}", "two code points"))
        try await store.commit(put(prefix.dropLast() + "0", "a neighbour of the prefix"))
        let entries = try await store.list(prefix: prefix, timeout: ample).entries
        #expect(entries[prefix + "odd"]?.value == odd)
        #expect(entries[prefix + "empty"]?.value == [])
        #expect(entries.count == 3)
        #expect(try await store.list(prefix: prefix + "\u{e9}", timeout: ample).entries.isEmpty)
        try await store.commit(.delete(prefix.dropLast() + "0"))
      }
    }

    @Test(arguments: [Adapter.etcd, .cluster])
    func `a listing of several pages is of one revision`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        for page in 0..<25 {
          let writes = (0..<100).map { put(prefix + "\(page)-\($0)", "0") }
          _ = try await store.transact(StoreTransaction(if: [], write: writes), timeout: ample)
        }
        // Every transaction raises all of a row's numbers: a listing that mixes revisions shows two of them.
        let keys = (0..<25).map { prefix + "\($0)-0" }
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            for round in 1...40 {
              _ = try await store.transact(StoreTransaction(if: [], write: keys.map { put($0, "\(round)") }), timeout: ample)
            }
          }
          for _ in 0..<20 {
            let listing = try await store.list(prefix: prefix, timeout: ample)
            #expect(listing.entries.count == 2500)
            #expect(Set(keys.map { listing.entries[$0]?.text }).count == 1)
            #expect(listing.entries.values.allSatisfy { $0.modified <= listing.revision })
          }
          try await group.waitForAll()
        }
      }
    }

    @Test(arguments: [Adapter.etcd, .cluster])
    func `random transactions end the same in etcd and in memory`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let model = MemoryStore()
        var random = Seeded(seed: 7)
        // Revisions differ by a constant: etcd's store has a past.
        let base = try await store.commit(put(prefix + "start", "")).value
        let modelBase = try await model.commit(put(prefix + "start", "")).value
        for step in 0..<400 {
          let transaction = random.transaction(prefix: prefix, upTo: modelBase + Int64(step))
          let expected = try await model.transact(transaction, timeout: ample)
          let got = try await store.transact(transaction.shifted(by: base - modelBase), timeout: ample)
          #expect(got == expected.shifted(by: base - modelBase), "step \(step): \(transaction)")
        }
        let listing = try await store.list(prefix: prefix, timeout: ample)
        let modelled = try await model.list(prefix: prefix, timeout: ample)
        #expect(listing.entries == modelled.entries.mapValues { $0.shifted(by: base - modelBase) })
      }
    }
  }
}

extension Verdict {
  fileprivate func isRefused(at revision: Revision) -> Bool {
    if case .refused(revision, _) = self { true } else { false }
  }
}

/// A small generator of its own, so that a failing step can be had again.
private struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func transaction(prefix: String, upTo revision: Int64) -> StoreTransaction {
    var conditions: [Condition<String>] = []
    for _ in 0..<Int.random(in: 0...2, using: &self) {
      let key = prefix + "\(Int.random(in: 0..<6, using: &self))"
      let guess = Revision(Int64.random(in: max(2, revision - 8)...max(2, revision), using: &self))
      switch Int.random(in: 0..<3, using: &self) {
      case 0: conditions.append(.absent(key))
      case 1: conditions.append(.unchanged(key, modified: guess))
      default: conditions.append(.stands(key, created: guess))
      }
    }
    let keys = (0..<6).shuffled(using: &self).prefix(Int.random(in: 0...3, using: &self)).map { prefix + "\($0)" }
    let writes: [Write<String, [UInt8]>] = keys.map { key in
      Bool.random(using: &self) ? .put(key, [UInt8.random(in: 0...255, using: &self)]) : .delete(key)
    }
    return StoreTransaction(if: conditions, write: writes)
  }
}

extension Revision {
  fileprivate func shifted(by offset: Int64) -> Revision { Revision(value + offset) }
}
extension Stored {
  fileprivate func shifted(by offset: Int64) -> Stored {
    Stored(value: value, created: created.shifted(by: offset), modified: modified.shifted(by: offset))
  }
}
extension StoreTransaction {
  fileprivate func shifted(by offset: Int64) -> StoreTransaction {
    StoreTransaction(
      if: conditions.map { condition in
        switch condition {
        case .absent: condition
        case .unchanged(let key, let modified): .unchanged(key, modified: modified.shifted(by: offset))
        case .stands(let key, let created): .stands(key, created: created.shifted(by: offset))
        }
      }, write: writes)
  }
}
extension StoreVerdict {
  fileprivate func shifted(by offset: Int64) -> StoreVerdict {
    switch self {
    case .committed(let revision): .committed(revision.shifted(by: offset))
    case .refused(let revision, let current):
      .refused(revision.shifted(by: offset), current: current.mapValues { $0.shifted(by: offset) })
    }
  }
}
