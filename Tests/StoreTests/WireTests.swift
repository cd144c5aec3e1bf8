import EtcdStore
import Foundation
import HoldfastCore
import HoldfastPorts
import Testing

extension StoreTests {
  @Suite(.serialized, .timeLimit(.minutes(2))) struct Wire {
    /// swift-nio-http2 drops a connection after 200 control frames in 30 s; etcd sends one PING per plaintext request.
    @Test func `thousands of plaintext calls in a row, with large values among them`() async throws {
      let store = try await SharedClusters.shared.single().store()
      let prefix = "/ping/\(UUID().uuidString)/"
      let large = [UInt8](repeating: 7, count: 700_000)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for lane in 0..<4 {
          group.addTask {
            for number in 0..<500 {
              let value = number % 100 == 99 ? large : [UInt8(number % 256)]
              _ = try await store.transact(
                StoreTransaction(if: [], write: [.put(prefix + "\(lane)", value)]), timeout: ample)
              if number % 100 == 99 {
                #expect(try await store.list(prefix: prefix + "\(lane)", timeout: ample).entries.first?.value.value == large)
              }
            }
          }
        }
        try await group.waitForAll()
      }
      try await store.commit(.delete(prefix + "0"), .delete(prefix + "1"), .delete(prefix + "2"), .delete(prefix + "3"))
      await store.close()
    }

    @Test func `a request beyond etcd's limit is certainly not applied`() async throws {
      let store = try await SharedClusters.shared.single().store()
      let error = await #expect(throws: StoreError.self) {
        try await store.transact(
          StoreTransaction(if: [], write: [.put("/large", [UInt8](repeating: 1, count: 2_000_000))]), timeout: ample)
      }
      guard case .notApplied(let reason)? = error else { throw Trouble("\(String(describing: error))") }
      #expect(reason.contains("too large"))
      try await store.commit(put("/still-there", ""))
      await store.close()
    }

    @Test(arguments: [Adapter.etcd, .cluster])
    func `round trips and watch latency`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        var last = try await store.commit(put(prefix + "k", ""))
        let watched = await Watched(store, prefix, after: last)
        var calls: [Duration] = []
        var answers: [(Revision, ContinuousClock.Instant)] = []
        for number in 0..<600 {
          let begin = ContinuousClock.now
          let transaction = StoreTransaction(
            if: [.unchanged(prefix + "k", modified: last)], write: [put(prefix + "k", "\(number)")])
          last = try await store.transact(transaction, timeout: ample).revision()
          answers.append((last, begin))
          calls.append(.now - begin)
        }
        try await watched.expect("all changes") { $0.count == 600 }
        var events: [Duration] = []
        for (revision, begin) in answers { if let at = await watched.arrival(of: revision) { events.append(at - begin) } }
        print("\(adapter): transaction \(summary(calls)); event after the request \(summary(events))")
      }
    }

    /// What a node costs at rest: 5 transactions and 15 changes of others a second, through three members over TLS.
    @Test func `processor time at rest`() async throws {
      let cluster = try await SharedClusters.shared.three()
      let store = try cluster.store()
      let prefix = "/rest/"
      let watched = await Watched(store, prefix, after: try await store.list(prefix: prefix, timeout: ample).revision)
      guard let certificates = cluster.certificates else { throw Trouble("no certificates") }
      let key = Data((prefix + "other").utf8).base64EncodedString()
      let others = try Supervised(
        [
          "curl", "-s", "--rate", "15/s", "--cacert", certificates.authority, "--cert", certificates.certificate("client"),
          "--key",
          certificates.key("client"), "-d", #"{"key":"\#(key)","value":"\#(key)"}"#, "\(cluster.url(1))/v3/kv/put?[1-1000]"
        ], log: "/dev/null")
      try await Task.sleep(for: .seconds(1))
      let before = await watched.changes.count
      let begin = ContinuousClock.now
      let used = processorTime()
      for number in 0..<50 {
        try await store.commit(put(prefix + "own", "\(number)"))
        try await Task.sleep(until: begin + .milliseconds(200 * (number + 1)), clock: .continuous)
      }
      let share = (processorTime() - used) / (ContinuousClock.now - begin)
      others.end()
      let changes = await watched.changes.count - before
      print("at rest: \(changes) changes in 10 s, \(String(format: "%.2f", share * 100)) % of a core")
      #expect(changes > 150)
      #expect(share < 0.01)
      await store.close()
    }

    private func processorTime() -> Duration {
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      func duration(_ time: timeval) -> Duration { .seconds(time.tv_sec) + .microseconds(time.tv_usec) }
      return duration(usage.ru_utime) + duration(usage.ru_stime)
    }
  }
}
