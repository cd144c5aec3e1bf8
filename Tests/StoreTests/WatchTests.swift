import EtcdStore
import HoldfastModel
import HoldfastPorts
import Testing

extension StoreTests {
  @Suite(.serialized) struct Watches {
    @Test(arguments: Adapter.allCases)
    func `a watch tells puts and deletions, and nothing outside its prefix`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let start = try await store.list(prefix: prefix, timeout: ample).revision
        let watched = await Watched(store, prefix, after: start)
        let one = try await store.commit(put(prefix + "a", "1"), put("/elsewhere" + prefix, "x"))
        let two = try await store.commit(put(prefix + "a", "2"))
        let three = try await store.commit(.delete(prefix + "a"), .delete("/elsewhere" + prefix))
        try await watched.expect("three changes") { $0.count == 3 }
        #expect(
          await watched.changes == [
            StoreChange(key: prefix + "a", entry: Stored(value: Array("1".utf8), created: one, modified: one), revision: one),
            StoreChange(key: prefix + "a", entry: Stored(value: Array("2".utf8), created: one, modified: two), revision: two),
            StoreChange(key: prefix + "a", entry: nil, revision: three)
          ])
      }
    }

    @Test(arguments: Adapter.allCases)
    func `concurrent writers: every change once, in order, whole revisions`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let start = try await store.list(prefix: prefix, timeout: ample).revision
        let watched = await Watched(store, prefix, after: start)
        let committed = try await withThrowingTaskGroup(of: [Revision].self) { group in
          for writer in 0..<8 {
            group.addTask {
              var revisions: [Revision] = []
              for round in 0..<40 {
                revisions.append(
                  try await store.commit(
                    put(prefix + "\(writer)/a", "\(round)"), put(prefix + "\(writer)/b", "\(round)"),
                    put(prefix + "\(writer)/c", "\(round)")))
              }
              return revisions
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        // One that began late catches up and sees the same.
        let late = await Watched(store, prefix, after: start)
        for watch in [watched, late] {
          try await watch.expect("all changes") { $0.count == 960 }
          let revisions = await watch.changes.map(\.revision)
          #expect(revisions == committed.sorted().flatMap { [$0, $0, $0] })
          for batch in await watch.batches { #expect(batch.count % 3 == 0, "a revision was torn apart") }
        }
        #expect(await watched.changes == late.changes)
      }
    }

    @Test(arguments: Adapter.allCases)
    func `a watch from the past begins after its revision, one from the future waits`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        var revisions: [Revision] = []
        for number in 0..<10 { revisions.append(try await store.commit(put(prefix + "k", "\(number)"))) }
        let past = await Watched(store, prefix, after: revisions[3])
        let future = await Watched(store, prefix, after: Revision(revisions[9].value + 2))
        try await past.expect("six changes") { $0.count == 6 }
        for number in 10..<14 { revisions.append(try await store.commit(put(prefix + "k", "\(number)"))) }
        try await past.expect("ten changes") { $0.count == 10 }
        #expect(await past.changes.map(\.revision) == Array(revisions[4...]))
        try await future.expect("two changes") { $0.count == 2 }
        #expect(await future.changes.map(\.revision) == Array(revisions[12...]))
      }
    }

    @Test(arguments: Adapter.allCases)
    func `a compacted watch ends with the error, and list and watch go on from there`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let first = try await store.commit(put(prefix + "k", "0"))
        var last = first
        for number in 1..<10 { last = try await store.commit(put(prefix + "k", "\(number)")) }
        try await adapter.compact(store, upTo: last)
        let lost = await Watched(store, prefix, after: Revision(first.value - 1))
        let end = try await lost.expectEnd()
        #expect(throws: StoreError.compacted(upTo: last)) { try end.get() }
        let listing = try await store.list(prefix: prefix, timeout: ample)
        #expect(listing.entries[prefix + "k"]?.text == "9")
        let again = await Watched(store, prefix, after: listing.revision)
        let next = try await store.commit(put(prefix + "k", "10"))
        try await again.expect("the next change") { $0.map(\.revision) == [next] }
      }
    }

    @Test(arguments: Adapter.allCases)
    func `restarting watches and cancelling one disturbs nobody`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let start = try await store.list(prefix: prefix, timeout: ample).revision
        let staying = await Watched(store, prefix, after: start)
        let leaving = await Watched(store, prefix, after: start)
        var revisions: [Revision] = []
        for number in 0..<200 {
          revisions.append(try await store.commit(put(prefix + "k", "\(number)")))
          if number % 20 == 10 { store.restartWatches() }
          if number == 100 { await leaving.cancel() }
        }
        try await staying.expect("all changes") { $0.count >= 200 }
        #expect(await staying.changes.map(\.revision) == revisions)
        let seen = await leaving.changes.map(\.revision)
        #expect(seen == Array(revisions.prefix(seen.count)))
      }
    }

    @Test(arguments: Adapter.allCases)
    func `closing the store ends its watches and refuses calls`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let watched = await Watched(store, prefix, after: try await store.list(prefix: prefix, timeout: ample).revision)
        await store.close()
        _ = try await watched.expectEnd().get()
        let error = await #expect(throws: StoreError.self) { try await store.transact(write: put(prefix + "k", "")) }
        guard case .notApplied? = error else { throw Trouble("\(String(describing: error))") }
        _ = try await Watched(store, prefix, after: .zero).expectEnd().get()
      }
    }

    @Test func `a transaction's changes have come before it answers, from memory`() async throws {
      try await Adapter.memory.with { store, prefix in
        var watch = store.watch(prefix: prefix, after: Revision(1)).makeAsyncIterator()
        let revision = try await store.commit(put(prefix + "k", ""))
        #expect(try await watch.next()?.first?.revision == revision)
      }
    }
  }
}
