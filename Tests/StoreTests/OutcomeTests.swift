import EtcdStore
import Foundation
import HoldfastModel
import HoldfastPorts
import Testing

extension StoreTests {
  /// The key check of the adapter: what it says of a transaction's outcome is so, whatever happens to the servers.
  @Suite(.serialized) struct Outcomes {
    /// What the writers were told.
    private struct Told: Sendable {
      var committed: [String: Revision] = [:]
      var notApplied: [String: String] = [:]
      var unknown: [String: String] = [:]
      var other: [String] = []
      var increments = 0
      var perhapsIncrements = 0

      mutating func add(_ more: Told) {
        committed.merge(more.committed) { old, _ in old }
        notApplied.merge(more.notApplied) { old, _ in old }
        unknown.merge(more.unknown) { old, _ in old }
        other += more.other
        increments += more.increments
        perhapsIncrements += more.perhapsIncrements
      }
    }

    @Test(.timeLimit(.minutes(3)))
    func `committed is there, not applied is not, while members are killed and stopped`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let prefix = "/outcome/"
        let observer = try cluster.store(first: 1)
        let start = try await observer.list(prefix: prefix, timeout: ample).revision
        let watched = await Watched(observer, prefix, after: start)
        let seconds = Double(ProcessInfo.processInfo.environment["STORE_CHAOS_SECONDS"] ?? "") ?? 25
        let end = ContinuousClock.now + .seconds(seconds)

        let told = try await withThrowingTaskGroup(of: Told.self) { group in
          for writer in 0..<3 {
            let store = try cluster.store(first: writer)
            for lane in 0..<4 {
              group.addTask { await write("\(prefix)\(writer)-\(lane)-", store, until: end) }
            }
            group.addTask { await count(prefix + "counter", store, until: end) }
          }
          group.addTask {
            try await disturb(cluster, until: end)
            return Told()
          }
          var told = Told()
          for try await one in group { told.add(one) }
          return told
        }
        try await judge(told, observer: observer, watched: watched, prefix: prefix)
        await observer.close()
      }
    }

    /// Numbered writes, each key once.
    private func write(_ prefix: String, _ store: EtcdStore, until end: ContinuousClock.Instant) async -> Told {
      var told = Told()
      var number = 0
      while ContinuousClock.now < end {
        number += 1
        let key = "\(prefix)\(number)"
        do {
          let verdict = try await store.transact(
            StoreTransaction(if: [.absent(key)], write: [put(key, "\(number)")]), timeout: .milliseconds(300))
          switch verdict {
          case .committed(let revision): told.committed[key] = revision
          case .refused: told.other.append("\(key): refused, so it was written twice")
          }
        } catch {
          switch error {
          case .notApplied(let reason): told.notApplied[key] = reason
          case .unknownOutcome(let reason): told.unknown[key] = reason
          case .compacted, .rejected: told.other.append("\(key): \(error)")
          }
        }
        try? await Task.sleep(for: .milliseconds(5))
      }
      return told
    }

    /// Counts up by compare and swap, against the others that do so.
    private func count(_ key: String, _ store: EtcdStore, until end: ContinuousClock.Instant) async -> Told {
      var told = Told()
      while ContinuousClock.now < end {
        try? await Task.sleep(for: .milliseconds(5))
        guard let listing = try? await store.list(prefix: key, timeout: .milliseconds(300)) else { continue }
        let present = listing.entries[key]
        let condition: Condition<String> = present.map { .unchanged(key, modified: $0.modified) } ?? .absent(key)
        let next = (present.flatMap { Int($0.text) } ?? 0) + 1
        do {
          let verdict = try await store.transact(
            StoreTransaction(if: [condition], write: [put(key, "\(next)")]), timeout: .milliseconds(300))
          if case .committed = verdict { told.increments += 1 }
        } catch {
          if case .unknownOutcome = error { told.perhapsIncrements += 1 }
        }
      }
      return told
    }

    /// Kills or stops a member (mostly the leader) for a while, then another.
    private func disturb(_ cluster: TestCluster, until end: ContinuousClock.Instant) async throws {
      var round = 0
      while ContinuousClock.now < end - .seconds(2) {
        round += 1
        let victim = round % 4 == 0 ? round % 3 : try await cluster.leader()
        if round % 3 == 0 {
          try await cluster.stop(victim)
          try await Task.sleep(for: .milliseconds(900))
          await cluster.resume(victim)
        } else {
          await cluster.kill(victim)
          try await Task.sleep(for: .milliseconds(200))
          try await cluster.start(victim)
        }
        try await Task.sleep(for: .milliseconds(700))
      }
    }

    private func judge(_ told: Told, observer: EtcdStore, watched: Watched, prefix: String) async throws {
      // What was under way has ended; the last word is a transaction behind all of it.
      try await Task.sleep(for: .seconds(1))
      let last = try await observer.commit(put(prefix + "last", ""))
      let listing = try await observer.list(prefix: prefix, timeout: ample)
      let lateApplied = told.unknown.keys.count { listing.entries[$0] != nil }
      let counter = Int(listing.entries[prefix + "counter"]?.text ?? "") ?? 0
      print(
        """
        outcomes: \(told.committed.count) committed, \(told.notApplied.count) not applied, \(told.unknown.count) unknown \
        (\(lateApplied) of them applied); counter \(counter), told \(told.increments) and perhaps \(told.perhapsIncrements)
        """)
      print("not applied because: \(reasons(told.notApplied))\nunknown because: \(reasons(told.unknown))")

      #expect(told.other.isEmpty)
      let missing = told.committed.count { listing.entries[$0.key]?.modified != $0.value }
      let present = told.notApplied.keys.count { listing.entries[$0] != nil }
      #expect(missing == 0, "committed, but not there")
      #expect(present == 0, "not applied, but there")
      #expect((told.increments...told.increments + told.perhapsIncrements).contains(counter))
      // The disturbance must have been one.
      #expect(told.committed.count > 500 && lateApplied > 0)

      try await watched.expect("the last change") { $0.last?.revision == last }
      let changes = await watched.changes
      #expect(changes.map(\.revision) == changes.map(\.revision).sorted())
      let keys = changes.map(\.key).filter { $0 != prefix + "counter" }
      #expect(keys.count == Set(keys).count, "a change was delivered twice")
      #expect(Set(keys) == Set(listing.entries.keys).subtracting([prefix + "counter"]))
      let counted = changes.filter { $0.key == prefix + "counter" }.compactMap { $0.entry.flatMap { Int($0.text) } }
      #expect(counted == Array(1...max(1, counter)), "the counter's history has a gap")
    }

    private func reasons(_ outcomes: [String: String]) -> String {
      let kinds = Dictionary(grouping: outcomes.values) { reason in
        reason.replacing(/[0-9]+/, with: "N").prefix(110)
      }
      return kinds.sorted { $0.value.count > $1.value.count }.prefix(8).map { "\($0.value.count)× \($0.key)" }.joined(
        separator: " | ")
    }
  }
}
