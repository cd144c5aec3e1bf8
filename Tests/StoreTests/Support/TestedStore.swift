import EtcdStore
import Foundation
import HoldfastModel
import HoldfastPorts
import MemoryStore
import Testing

/// Everything about stores, one test after the other: many of them measure time.
@Suite(.serialized) struct StoreTests {}

/// The adapters that the conformance suite runs over.
enum Adapter: CaseIterable, CustomTestStringConvertible {
  case memory
  /// One member, plaintext on loopback.
  case etcd
  /// Three members, mutual TLS.
  case cluster

  var testDescription: String { "\(self)" }

  /// A store of this kind with a prefix that nobody else uses; closed when `body` ends.
  func with(_ body: (any LeaseStore, String) async throws -> Void) async throws {
    let store: any LeaseStore =
      switch self {
      case .memory: MemoryStore()
      case .etcd: try await SharedClusters.shared.single().store()
      case .cluster: try await SharedClusters.shared.three().store()
      }
    do { try await body(store, "/test/\(UUID().uuidString)/") } catch {
      await store.close()
      throw error
    }
    await store.close()
  }

  /// Compacts the store that `with` gave.
  func compact(_ store: any LeaseStore, upTo revision: Revision) async throws {
    switch self {
    case .memory: try await (store as? MemoryStore)?.compact(upTo: revision, timeout: ample)
    case .etcd: try await SharedClusters.shared.single().etcdctl("compaction", "\(revision.value)")
    case .cluster: try await SharedClusters.shared.three().etcdctl("compaction", "\(revision.value)")
    }
  }
}

/// Clusters that harmless tests share: started when first needed, gone with this process.
actor SharedClusters {
  static let shared = SharedClusters()
  private var clusters: [Int: Task<TestCluster, any Error>] = [:]

  func single() async throws -> TestCluster { try await cluster(1, .plaintext) }
  func three() async throws -> TestCluster { try await cluster(3, .mutualTLS) }

  private func cluster(_ size: Int, _ security: TestCluster.Security) async throws -> TestCluster {
    let task = clusters[size] ?? Task { try await TestCluster.start(size, security) }
    clusters[size] = task
    return try await task.value
  }
}

/// For every call where the time limit is not the matter.
let ample = Duration.seconds(10)

extension LeaseStore {
  @discardableResult
  func transact(
    if conditions: Condition<String>..., write writes: Write<String, [UInt8]>..., timeout: Duration = ample
  ) async throws -> StoreVerdict {
    try await transact(StoreTransaction(if: conditions, write: writes), timeout: timeout)
  }

  /// Writes that must be committed.
  @discardableResult
  func commit(_ writes: Write<String, [UInt8]>...) async throws -> Revision {
    try await transact(StoreTransaction(if: [], write: writes), timeout: ample).revision()
  }
}

extension Verdict {
  /// The revision that it was committed at; an error if it was refused.
  func revision() throws -> Revision {
    guard case .committed(let revision) = self else { throw Trouble("refused: \(self)") }
    return revision
  }
}

extension Stored<[UInt8]> {
  var text: String { String(decoding: value, as: UTF8.self) }
}

func put(_ key: String, _ value: String) -> Write<String, [UInt8]> { .put(key, Array(value.utf8)) }

/// What a watch delivered, in order.
actor Watched {
  private(set) var batches: [[StoreChange]] = []
  private(set) var end: Result<Void, any Error>?
  private var arrivals: [ContinuousClock.Instant] = []
  private var reader: Task<Void, Never>?

  init(_ store: any LeaseStore, _ prefix: String, after revision: Revision) async {
    let stream = store.watch(prefix: prefix, after: revision)
    reader = Task {
      do {
        for try await batch in stream { take(batch) }
        finish(.success(()))
      } catch { finish(.failure(error)) }
    }
  }

  private func take(_ batch: [StoreChange]) {
    batches.append(batch)
    arrivals.append(.now)
  }

  private func finish(_ result: Result<Void, any Error>) { end = result }

  func cancel() { reader?.cancel() }

  var changes: [StoreChange] { batches.flatMap { $0 } }

  /// When the batch with this revision came.
  func arrival(of revision: Revision) -> ContinuousClock.Instant? {
    zip(batches, arrivals).first { $0.0.contains { $0.revision == revision } }?.1
  }

  /// Waits until `condition` holds of everything delivered so far.
  func expect(_ what: String, within limit: Duration = ample, _ condition: ([StoreChange]) -> Bool) async throws {
    try await until(what, within: limit) { condition(changes) }
  }

  /// Waits until the watch has ended.
  func expectEnd(within limit: Duration = ample) async throws -> Result<Void, any Error> {
    try await until("the end of the watch", within: limit) { end != nil }
    return end ?? .success(())
  }

  private func until(_ what: String, within limit: Duration, _ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while !condition() {
      guard ContinuousClock.now < deadline else {
        throw Trouble("expected \(what) within \(limit); \(changes.count) changes, end \(String(describing: end))")
      }
      try await Task.sleep(for: .milliseconds(1))
    }
  }
}

/// Waits until `condition` holds.
func eventually(_ what: String, within limit: Duration = ample, _ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw Trouble("expected \(what) within \(limit)") }
    try await Task.sleep(for: .milliseconds(20))
  }
}

extension Duration {
  var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15 }
}

/// The middle, the 99th of a hundred and the largest, for the test's output.
func summary(_ durations: [Duration]) -> String {
  let sorted = durations.map(\.milliseconds).sorted()
  guard let last = sorted.last else { return "none" }
  func shown(_ value: Double) -> String { String(format: "%.2f", value) }
  return "median \(shown(sorted[sorted.count / 2])) ms, p99 \(shown(sorted[sorted.count * 99 / 100])) ms, max \(shown(last)) ms"
}
