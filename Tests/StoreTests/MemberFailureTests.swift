import EtcdStore
import Foundation
import HoldfastModel
import HoldfastPorts
import Testing

extension StoreTests {
  @Suite(.serialized, .timeLimit(.minutes(2))) struct MemberFailures {
    @Test(arguments: [TestCluster.Security.plaintext, .mutualTLS])
    func `time limits hold while the server is stopped`(security: TestCluster.Security) async throws {
      try await TestCluster.with(1, security) { cluster in
        let store = try cluster.store()
        try await store.commit(put("/a", "1"))
        try await cluster.stop(0)
        let limit = Duration.seconds(2)
        var taken: [Duration] = []
        for number in 0..<6 {
          let begin = ContinuousClock.now
          let error = await #expect(throws: StoreError.self) {
            if number % 2 == 0 {
              try await store.transact(write: put("/a", "2"), timeout: limit)
            } else {
              _ = try await store.list(prefix: "/", timeout: limit)
            }
          }
          taken.append(.now - begin)
          if number == 0, case .unknownOutcome? = error {} else if number == 0 { throw Trouble("\(String(describing: error))") }
        }
        print("stopped server, limit \(limit.milliseconds) ms (\(security)): \(summary(taken))")
        #expect(taken.allSatisfy { $0 < limit + .milliseconds(50) })
        await cluster.resume(0)
        let begin = ContinuousClock.now
        try await store.commit(put("/a", "3"))
        print("usable \((ContinuousClock.now - begin).milliseconds) ms after it goes on")
        await store.close()
      }
    }

    @Test func `a stopped member costs one time limit, then the next answers`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let victim = try await cluster.follower()
        let store = try cluster.store(first: victim)
        for _ in 0..<20 { try await store.commit(put("/a", "0")) }
        try await cluster.stop(victim)
        let limit = Duration.seconds(2)
        let begin = ContinuousClock.now
        // Sent to the stopped member its outcome is unknown; the store may also have gone elsewhere already, and then it is committed.
        do {
          _ = try await store.transact(write: put("/a", "1"), timeout: limit)
        } catch let error as StoreError {
          guard case .unknownOutcome = error else { throw error }
        }
        try await store.transact(write: put("/a", "2"), timeout: limit)
        let taken = ContinuousClock.now - begin
        print("stopped member: committed elsewhere after \(taken.milliseconds) ms, limit \(limit.milliseconds) ms")
        #expect(taken < limit * 2)
        // It stays with the one that answers.
        var calls: [Duration] = []
        for _ in 0..<20 {
          let begin = ContinuousClock.now
          try await store.transact(write: put("/a", "3"), timeout: limit)
          calls.append(.now - begin)
        }
        #expect(calls.allSatisfy { $0 < limit })
        await store.close()
      }
    }

    @Test func `a killed member costs nothing that counts`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let victim = try await cluster.follower()
        let store = try cluster.store(first: victim)
        try await store.commit(put("/a", "0"))
        await cluster.kill(victim)
        let begin = ContinuousClock.now
        while (try? await store.transact(write: put("/a", "1"), timeout: .seconds(2))) == nil {}
        let taken = ContinuousClock.now - begin
        print("killed member: committed elsewhere after \(taken.milliseconds) ms")
        #expect(taken < .seconds(2), "no call waited for its time limit")
        await store.close()
      }
    }

    @Test func `no member at all: not applied, in time, with every member's reason`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let store = try cluster.store()
        try await store.commit(put("/a", "0"))
        for index in 0..<3 { await cluster.kill(index) }
        var sent = 0
        for _ in 0..<8 {
          let begin = ContinuousClock.now
          let error = await #expect(throws: StoreError.self) {
            try await store.transact(write: put("/a", "1"), timeout: .milliseconds(200))
          }
          #expect(ContinuousClock.now - begin < .seconds(5))
          guard case .notApplied(let reason)? = error else {
            sent += 1
            continue
          }
          for index in 0..<3 { #expect(reason.contains(cluster.url(index))) }
        }
        #expect(sent <= 3, "at most one call found each connection still up")
        for index in 0..<3 { try await cluster.start(index) }
        try await store.commit(put("/a", "2"))
        await store.close()
      }
    }

    @Test func `a watch goes on elsewhere when its member is killed`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let victim = try await cluster.follower()
        let watching = try cluster.store(first: victim)
        let writing = try cluster.store(first: try await cluster.leader())
        let start = try await watching.list(prefix: "/w/", timeout: ample).revision
        let watched = await Watched(watching, "/w/", after: start)
        let sent = try await steadily(writing, "/w/k", count: 150) { number in
          if number == 50 { await cluster.kill(victim) }
        }
        try await watched.expect("all changes") { $0.count >= sent.count }
        #expect(await watched.changes.map(\.revision) == sent.map(\.revision))
        let latest = await lateness(of: sent, in: watched)
        print("watch, member killed: event after commit, \(summary(latest))")
        #expect((latest.max() ?? .zero) < .seconds(5))
        await watching.close()
        await writing.close()
      }
    }

    @Test func `a watch follows the transactions away from a stopped member`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let victim = try await cluster.follower()
        let store = try cluster.store(first: victim)
        let start = try await store.list(prefix: "/w/", timeout: ample).revision
        let watched = await Watched(store, "/w/", after: start)
        let first = try await store.commit(put("/w/k", "1"))
        try await watched.expect("the first change") { $0.last?.revision == first }
        try await cluster.stop(victim)
        _ = try? await store.transact(write: put("/other", ""), timeout: .milliseconds(300))
        let second = try await store.commit(put("/w/k", "2"))
        let committed = ContinuousClock.now
        try await watched.expect("the second change") { $0.last?.revision == second }
        let taken = (await watched.arrival(of: second) ?? .now) - committed
        print("watch, member stopped: moved \(taken.milliseconds) ms after the first commit elsewhere")
        #expect(taken < .seconds(5))
        #expect(await watched.changes.map(\.revision) == [first, second])
        await store.close()
      }
    }

    @Test func `a watch alone notices that its member is stopped`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let victim = try await cluster.follower()
        let watching = try cluster.store(first: victim)
        let writing = try cluster.store(first: try await cluster.leader())
        let start = try await watching.list(prefix: "/w/", timeout: ample).revision
        let watched = await Watched(watching, "/w/", after: start)
        try await Task.sleep(for: .milliseconds(1500))
        let stopped = ContinuousClock.now
        try await cluster.stop(victim)
        let revision = try await writing.commit(put("/w/k", "1"))
        try await watched.expect("the change") { $0.last?.revision == revision }
        let taken = ContinuousClock.now - stopped
        print("watch without transactions, member stopped: event after \(taken.milliseconds) ms")
        #expect(taken < .seconds(10))
        await watching.close()
        await writing.close()
      }
    }

    @Test func `losing the leader costs an election, not more`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        var gaps: [Duration] = []
        for round in 0..<5 {
          let leader = try await cluster.leader()
          let store = try cluster.store(first: round % 2 == 0 ? leader : (leader + 1) % 3)
          let start = try await store.list(prefix: "/w/", timeout: ample).revision
          let watched = await Watched(store, "/w/", after: start)
          try await store.commit(put("/w/k", "before"))
          await cluster.kill(leader)
          let begin = ContinuousClock.now
          var after: Revision?
          while after == nil {
            let transaction = StoreTransaction(if: [], write: [put("/w/k", "after")])
            after = try? await store.transact(transaction, timeout: .milliseconds(400)).revision()
          }
          gaps.append(.now - begin)
          try await watched.expect("the change") { $0.last?.revision == after }
          try await cluster.start(leader)
          await store.close()
          try await Task.sleep(for: .milliseconds(500))
        }
        print("leader killed: committed again after \(summary(gaps))")
        #expect(gaps.allSatisfy { $0 < .seconds(15) })
      }
    }

    /// Commits every 10 ms, telling `before` the number of each.
    private func steadily(
      _ store: EtcdStore, _ key: String, count: Int, before: (Int) async -> Void
    ) async throws -> [(revision: Revision, at: ContinuousClock.Instant)] {
      var sent: [(revision: Revision, at: ContinuousClock.Instant)] = []
      for number in 0..<count {
        await before(number)
        sent.append((try await store.commit(put(key, "\(number)")), .now))
        try await Task.sleep(for: .milliseconds(10))
      }
      return sent
    }

    private func lateness(of sent: [(revision: Revision, at: ContinuousClock.Instant)], in watched: Watched) async -> [Duration]
    {
      var late: [Duration] = []
      for one in sent { if let at = await watched.arrival(of: one.revision) { late.append(at - one.at) } }
      return late
    }
  }
}
