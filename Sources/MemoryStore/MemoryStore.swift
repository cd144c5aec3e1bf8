import HoldfastModel
import HoldfastPorts
import Housekeeping
import Synchronization

/// The store inside one process: for tests, and for a node that stands alone. Nothing survives the process.
///
/// It behaves as etcd does, limits included, so that what works on it works there. Time limits do not matter to it: every
/// call answers at once.
public final class MemoryStore: LeaseStore, StoreHousekeeping {
  public var executor: (any TaskExecutor)? { nil }

  /// etcd's default for operations of one kind in a transaction.
  public static let operationLimit = 128

  private struct State {
    var model = StoreModel<String, [UInt8]>()
    var watches: [UInt64: Watch] = [:]
    var nextWatch: UInt64 = 0
    var isClosed = false
  }

  private struct Watch {
    var prefix: String
    /// Where it was asked to begin: a revision that is still to come is waited for.
    var after: Revision
    var continuation: AsyncThrowingStream<[StoreChange], any Error>.Continuation
  }

  private let state = Mutex(State())
  private let historyLimit: Int

  /// - Parameter historyLimit: how many changes are kept for watches from the past; at twice as many the older half is forgotten.
  public init(historyLimit: Int = 100_000) {
    self.historyLimit = max(1, historyLimit)
  }

  public func list(prefix: String, timeout: Duration) async throws(StoreError) -> StoreListing {
    try state.withLock { state throws(StoreError) in
      try Self.checkOpen(state)
      return state.model.list(prefix: prefix)
    }
  }

  public func transact(_ transaction: StoreTransaction, timeout: Duration) async throws(StoreError) -> StoreVerdict {
    if let flaw = Self.flaw(of: transaction) { throw .notApplied(reason: flaw) }
    return try state.withLock { state throws(StoreError) in
      try Self.checkOpen(state)
      let before = state.model.revision
      let verdict = state.model.apply(transaction)
      if state.model.revision > before { deliver(&state, after: before) }
      return verdict
    }
  }

  public func watch(prefix: String, after revision: Revision) -> AsyncThrowingStream<[StoreChange], any Error> {
    AsyncThrowingStream { continuation in
      let end: Result<UInt64, StoreError>? = state.withLock { state in
        if state.isClosed { return nil }
        guard let missed = state.model.changes(after: revision) else {
          return .failure(.compacted(upTo: state.model.compacted))
        }
        let batch = missed.filter { $0.key.utf8.starts(with: prefix.utf8) }
        if !batch.isEmpty { continuation.yield(Array(batch)) }
        let id = state.nextWatch
        state.nextWatch += 1
        state.watches[id] = Watch(prefix: prefix, after: revision, continuation: continuation)
        return .success(id)
      }
      switch end {
      case nil: continuation.finish()
      case .failure(let error): continuation.finish(throwing: error)
      case .success(let id):
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.watches[id] = nil } }
      }
    }
  }

  /// Nothing to reconnect: a watch here is delivered before the transaction answers.
  public func restartWatches() {}

  public func warnings(timeout: Duration) async throws(StoreError) -> [String] { [] }

  public func close() async {
    // Finished outside the lock: the end of a stream calls back into it.
    let watches = state.withLock { state in
      state.isClosed = true
      defer { state.watches = [:] }
      return Array(state.watches.values)
    }
    for watch in watches { watch.continuation.finish() }
  }

  /// One member, which is this process. The size is that of keys and values; there is no quota.
  public func health(timeout: Duration) async -> StoreHealth {
    state.withLock { state in
      let size = state.model.entries.reduce(0) { $0 + $1.key.utf8.count + $1.value.value.count }
      let member = StoreMember(
        name: "memory", standing: .answers, isLeader: true, size: Int64(size), sizeInUse: Int64(size))
      return StoreHealth(members: [member], revision: state.model.revision)
    }
  }

  public func compact(upTo revision: Revision, timeout: Duration) async throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      try Self.checkOpen(state)
      guard revision <= state.model.revision else { throw .notApplied(reason: "revision \(revision.value) is still to come") }
      state.model.compact(upTo: revision)
    }
  }

  private func deliver(_ state: inout State, after before: Revision) {
    guard let changes = state.model.changes(after: before) else { return }
    for watch in state.watches.values {
      let batch = changes.filter { $0.revision > watch.after && $0.key.utf8.starts(with: watch.prefix.utf8) }
      if !batch.isEmpty { watch.continuation.yield(Array(batch)) }
    }
    if state.model.remembered >= 2 * historyLimit,
      let kept = state.model.changes(after: state.model.compacted)?.dropFirst(historyLimit),
      let oldest = kept.first
    {
      state.model.compact(upTo: Revision(oldest.revision.value - 1))
    }
  }

  private static func checkOpen(_ state: borrowing State) throws(StoreError) {
    if state.isClosed { throw .notApplied(reason: "the store is closed") }
  }

  /// What etcd would refuse in the transaction whatever the store holds; nil when nothing.
  private static func flaw(of transaction: StoreTransaction) -> String? {
    if transaction.operations > operationLimit {
      return "\(transaction.operations) operations in one transaction; the limit is \(operationLimit)"
    }
    if transaction.writes.contains(where: { $0.key.isEmpty }) || transaction.conditions.contains(where: { $0.key.isEmpty }) {
      return "a key of the transaction is empty"
    }
    var put: Set<String> = []
    var deleted: Set<String> = []
    for write in transaction.writes {
      switch write {
      case .put(let key, _):
        if deleted.contains(key) || !put.insert(key).inserted { return "the transaction writes key \(key) twice" }
      case .delete(let key):
        if put.contains(key) { return "the transaction writes key \(key) twice" }
        deleted.insert(key)
      }
    }
    return nil
  }
}
