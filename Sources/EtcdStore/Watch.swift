import GRPCCore
import HoldfastModel
import HoldfastPorts
import Synchronization

/// One watch: a stream to one member at a time, resumed after the last delivered revision when it ends.
///
/// Every stream delivers all changes from its start in order, and starts no later than the change after the last delivered
/// one: so dropping what is not newer than that is all it takes against gaps, duplicates and members that go back in time
/// (etcd's issue 15271), even while an old stream still ends and a new one has begun.
final class Watch: Sendable {
  /// Why a stream ended.
  private enum End: Error {
    case failed(reason: String)
    case leaderless
    case unauthorized(reason: String)
    /// The calls moved to another member, or the caller asked for it.
    case moved
    /// For good.
    case over(StoreError)
  }

  private struct State {
    var last: Revision
    var stream: (index: Int, end: Finish<End>)?
    var avoided: Int?
  }

  private let range: KeyRange
  private let pool: EndpointPool
  private let tokens: Tokens
  private let silence: Duration
  private let continuation: AsyncThrowingStream<[StoreChange], any Error>.Continuation
  private let state: Mutex<State>

  init(
    _ range: KeyRange, after revision: Revision, pool: EndpointPool, tokens: Tokens, silence: Duration,
    continuation: AsyncThrowingStream<[StoreChange], any Error>.Continuation
  ) {
    self.range = range
    self.pool = pool
    self.tokens = tokens
    self.silence = silence
    self.continuation = continuation
    state = Mutex(State(last: revision))
  }

  /// Runs until the consumer goes, the history is gone, or the store will not have us.
  func run() async {
    var wasUnauthorized = false
    var pause = Duration.milliseconds(10)
    while !Task.isCancelled {
      let avoided = state.withLock { state in
        defer { state.avoided = nil }
        return state.avoided
      }
      guard let index = await pool.choose(needsLeader: true, avoiding: avoided, until: nil) else {
        if !Task.isCancelled { continuation.finish(throwing: pool.unreachable()) }
        return
      }
      let began = ContinuousClock.now
      switch await follow(index) {
      case .over(let error):
        continuation.finish(throwing: error)
        return
      case .unauthorized(let reason):
        if wasUnauthorized {
          continuation.finish(throwing: ServerError.denied(reason))
          return
        }
      case .failed(let reason): pool.failed(index, reason: "watch: \(reason)")
      case .leaderless: pool.lostLeader(index)
      case .moved: continue
      }
      wasUnauthorized = ContinuousClock.now - began < .seconds(1)
      // A member that ends every stream at once must not be asked in a tight loop.
      pause = ContinuousClock.now - began < .milliseconds(100) ? min(pause * 2, .milliseconds(500)) : .milliseconds(10)
      try? await Task.sleep(for: pause, clock: .continuous)
    }
  }

  /// The calls have moved to this member: a stream to another one may hang without knowing.
  func follow(to index: Int) {
    end { $0 != index }
  }

  /// Leaves the present member for another one, if there is one.
  func restart() {
    end { _ in true }
  }

  /// The store is closed.
  func finish() {
    continuation.finish()
  }

  private func end(where condition: (Int) -> Bool) {
    let end: Finish<End>? = state.withLock { state in
      guard let stream = state.stream, condition(stream.index) else { return nil }
      state.avoided = stream.index
      return stream.end
    }
    end?.settle(.moved)
  }

  // MARK: One stream

  private func follow(_ index: Int) async -> End {
    let end = Finish<End>()
    state.withLock { $0.stream = (index, end) }
    let stream = Task(executorPreference: pool.executor) {
      do { try await self.stream(from: self.pool.channel(index), end: end) } catch { end.settle(Self.end(for: error)) }
    }
    defer {
      state.withLock { $0.stream = nil }
      // Not waited for: what hangs there must not hold the next one up.
      stream.cancel()
    }
    return await end.value() ?? .moved
  }

  private func stream(from channel: EndpointChannel, end: Finish<End>) async throws {
    var metadata = try await tokens.metadata(from: channel, until: .now + silence * 2)
    let plain = metadata
    // etcd then ends the stream when the member has lost its leader, instead of going on silently.
    metadata.addString("true", forKey: "hasleader")
    var create = Etcdserverpb_WatchRequest()
    create.createRequest.key = range.first
    create.createRequest.rangeEnd = range.end
    create.createRequest.startRevision = state.withLock { $0.last.value + 1 }
    let heard = Heard()
    do {
      try await channel.watch(metadata: metadata) { [create, silence] writer in
        try await writer.write(create)
        while true {
          try await Task.sleep(for: silence / 2, clock: .continuous)
          let quiet = heard.quiet
          if quiet > silence * 2 {
            end.settle(.failed(reason: "nothing was heard for \(quiet)"))
            return
          }
          if quiet >= silence {
            var sign = Etcdserverpb_WatchRequest()
            sign.progressRequest = Etcdserverpb_WatchProgressRequest()
            try await writer.write(sign)
          }
        }
      } receive: { response in
        heard.now()
        try self.take(response)
      }
      throw End.failed(reason: "the server ended the stream")
    } catch {
      let reason = Self.end(for: error)
      if case .unauthorized = reason { await tokens.invalidate(plain) }
      throw reason
    }
  }

  private func take(_ response: Etcdserverpb_WatchResponse) throws {
    if response.canceled {
      if response.compactRevision > 0 { throw End.over(.compacted(upTo: Revision(response.compactRevision))) }
      throw Self.end(saying: response.cancelReason)
    }
    guard let newest = response.events.last?.kv.modRevision else { return }
    state.withLock { state in
      let changes = response.events.compactMap(\.change).filter { $0.revision > state.last }
      state.last = max(state.last, Revision(newest))
      // Under the lock, so that two streams cannot deliver in the wrong order.
      if !changes.isEmpty { continuation.yield(changes) }
    }
  }

  private static func end(for error: any Error) -> End {
    switch error {
    case let end as End: end
    case let failure as CallFailure: end(saying: failure.reason)
    case let rpc as RPCError where ServerError.isServers(rpc.message): end(saying: rpc.message)
    default: .failed(reason: brief(error))
    }
  }

  /// Cancel reasons are error texts, sometimes with gRPC's code before them.
  private static func end(saying reason: String) -> End {
    if reason.contains("no leader") { return .leaderless }
    if reason.contains("permission denied") || reason.contains("auth token") || reason.contains("revision of auth store is old")
      || reason.contains("user name is empty")
    {
      return .unauthorized(reason: reason)
    }
    return .failed(reason: reason)
  }
}

/// When a stream was heard last.
private final class Heard: Sendable {
  private let last = Mutex(ContinuousClock.now)

  func now() { last.withLock { $0 = .now } }
  var quiet: Duration { last.withLock { .now - $0 } }
}

/// All watches of one store.
final class WatchRegistry: Sendable {
  private struct State {
    var watches: [UInt64: Watch] = [:]
    var next: UInt64 = 0
    var isClosed = false
  }
  private let state = Mutex(State())

  /// nil after the end.
  func add(_ watch: Watch) -> UInt64? {
    state.withLock { state in
      if state.isClosed { return nil }
      defer { state.next += 1 }
      state.watches[state.next] = watch
      return state.next
    }
  }

  func remove(_ id: UInt64) {
    state.withLock { $0.watches[id] = nil }
  }

  func follow(to index: Int) {
    for watch in all { watch.follow(to: index) }
  }

  func restart() {
    for watch in all { watch.restart() }
  }

  func close() {
    let watches = state.withLock { state in
      state.isClosed = true
      defer { state.watches = [:] }
      return Array(state.watches.values)
    }
    for watch in watches { watch.finish() }
  }

  private var all: [Watch] { state.withLock { Array($0.watches.values) } }
}
