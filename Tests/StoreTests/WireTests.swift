import EtcdStore
import Foundation
import HoldfastModel
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
  }
}
