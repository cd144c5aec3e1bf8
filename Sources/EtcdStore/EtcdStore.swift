import FoundationEssentials
import GRPCCore
import HoldfastModel
import HoldfastPorts
import Logging
import SwiftProtobuf
import Synchronization

/// The lease store on an etcd v3 cluster.
///
/// It uses etcd's transactions and watches and nothing else: no leases, no server's clock. A request is sent to one member,
/// at most once; another member is tried only while it is certain that the request never left.
/// Call `close()` when done: connections and watches live until then.
public final class EtcdStore: LeaseStore {
  public var executor: (any TaskExecutor)? { pool.executor }

  /// Records in one answer of etcd, far below its limit for a message.
  private static let pageSize: Int64 = 1000

  let pool: EndpointPool
  let tokens: Tokens
  let census: Mutex<Census>
  let calendar: CertificateCalendar
  let memberCertificates: MemberCertificates
  let peerCertificates: MemberCertificates
  let writeClock = WriteClock()
  private let watches = WatchRegistry()
  private let watchSilence: Duration

  /// Starts connecting to all members at once.
  ///
  /// - Throws: `StoreError.rejected` when the configuration cannot work, with what to change.
  public init(_ configuration: EtcdConfiguration, logger: Logger = Logger(label: "holdfast.etcd")) throws(StoreError) {
    let watches = watches
    tokens = Tokens(configuration.credentials)
    watchSilence = configuration.watchSilence
    calendar = CertificateCalendar(configuration)
    pool = try EndpointPool(configuration, logger: logger) { watches.follow(to: $0) }
    memberCertificates = MemberCertificates(pool.endpoints, configuration, on: pool.executor.loop)
    peerCertificates = MemberCertificates(amongMembers: configuration, on: pool.executor.loop)
    census = Mutex(Census(pool.endpoints, quota: configuration.quota))
  }

  public func transact(_ transaction: StoreTransaction, timeout: Duration) async throws(StoreError) -> StoreVerdict {
    let sent = ContinuousClock.now
    let response: Etcdserverpb_TxnResponse = try await call(
      Etcdserverpb_KV.Method.Txn.descriptor, Etcdserverpb_TxnRequest(transaction), until: sent + timeout, mayRepeat: false)
    writeClock.answered(sent: sent)
    return response.verdict
  }

  public func list(prefix: String, timeout: Duration) async throws(StoreError) -> StoreListing {
    let deadline = ContinuousClock.now + timeout
    while true {
      do throws(StoreError) {
        return try await listOnce(KeyRange(prefix: prefix), until: deadline)
      } catch {
        // The revision of the first page was compacted before the last page: begin again.
        guard case .compacted = error, ContinuousClock.now < deadline else { throw error }
      }
    }
  }

  private func listOnce(_ range: KeyRange, until deadline: ContinuousClock.Instant) async throws(StoreError) -> StoreListing {
    var request = Etcdserverpb_RangeRequest()
    request.key = range.first
    request.rangeEnd = range.end
    request.limit = Self.pageSize
    var listing = StoreListing(revision: .zero, entries: [:])
    while true {
      let page: Etcdserverpb_RangeResponse = try await call(
        Etcdserverpb_KV.Method.Range.descriptor, request, until: deadline, mayRepeat: true)
      for kv in page.kvs { if let key = kv.text { listing.entries[key] = kv.stored } }
      if request.revision == 0 {
        request.revision = page.header.revision
        listing.revision = Revision(page.header.revision)
      }
      guard page.more, let last = page.kvs.last else { return listing }
      request.key = last.key + [0]
    }
  }

  public func watch(prefix: String, after revision: Revision) -> AsyncThrowingStream<[StoreChange], any Error> {
    AsyncThrowingStream { continuation in
      let watch = Watch(
        KeyRange(prefix: prefix), after: revision, pool: pool, tokens: tokens, silence: watchSilence, continuation: continuation
      )
      guard let id = watches.add(watch) else {
        continuation.finish()
        return
      }
      let running = Task(executorPreference: pool.executor) { await watch.run() }
      continuation.onTermination = { [watches] _ in
        running.cancel()
        watches.remove(id)
      }
    }
  }

  public func restartWatches() {
    watches.restart()
  }

  public func warnings(timeout: Duration) async throws(StoreError) -> [String] {
    let answers = await withTaskGroup(of: (Int, Etcdserverpb_StatusResponse?).self) { group in
      for index in pool.endpoints.indices {
        group.addTask { [pool] in (index, try? await pool.status(index, timeout: timeout)) }
      }
      var answers: [(Int, Etcdserverpb_StatusResponse)] = []
      for await (index, status) in group { if let status { answers.append((index, status)) } }
      return answers.sorted { $0.0 < $1.0 }
    }
    if answers.isEmpty { throw pool.unreachable() }
    return answers.flatMap { index, status in
      let member = "\(pool.endpoints[index])"
      return KnownIssue.warnings(version: status.version, member: member)
        + status.errors.map { "The etcd member \(member) reports: \($0)." }
    }
  }

  public func close() async {
    watches.close()
    pool.close()
  }

  // MARK: Calls

  /// - Parameter mayRepeat: the request changes nothing, so another member may be asked after its answer was lost.
  private func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
    _ method: MethodDescriptor, _ request: Request, until deadline: ContinuousClock.Instant, mayRepeat: Bool
  ) async throws(StoreError) -> Response {
    var tokenWasRefused = false
    while true {
      guard let index = await pool.choose(needsLeader: false, until: deadline) else { throw pool.unreachable() }
      let channel = pool.channel(index)
      var metadata: Metadata = [:]
      do throws(CallFailure) {
        metadata = try await tokens.metadata(from: channel, until: deadline)
        let response: Response = try await channel.call(method, request, metadata: metadata, until: deadline)
        pool.succeeded(index)
        return response
      } catch {
        switch decide(error, index: index, mayRepeat: mayRepeat, tokenWasRefused: tokenWasRefused) {
        case .fail(let error): throw error
        case .elsewhere:
          if ContinuousClock.now >= deadline { throw .notApplied(reason: "\(channel.endpoint): \(error.reason)") }
        case .withNewToken:
          tokenWasRefused = true
          await tokens.invalidate(metadata)
        }
      }
    }
  }

  private enum Decision {
    case fail(StoreError)
    /// It is certain that nothing happened, or it does not matter: ask another member.
    case elsewhere
    case withNewToken
  }

  private func decide(_ failure: CallFailure, index: Int, mayRepeat: Bool, tokenWasRefused: Bool) -> Decision {
    let endpoint = pool.endpoints[index]
    switch failure {
    case .notSent(let reason):
      // A caller that went away says nothing about the member.
      if Task.isCancelled { return .fail(.notApplied(reason: "cancelled")) }
      pool.failed(index, reason: reason)
      return .elsewhere
    case .lost(let reason):
      if Task.isCancelled { return .fail(.unknownOutcome(reason: "cancelled")) }
      pool.failed(index, reason: reason)
      return mayRepeat ? .elsewhere : .fail(.unknownOutcome(reason: "\(endpoint): \(reason)"))
    case .answered(let message):
      switch ServerError(message) {
      case .refused(let error): return .fail(error)
      case .compacted: return .fail(.compacted(upTo: .zero))
      case .tokenInvalid:
        if !tokenWasRefused { return .withNewToken }
        return .fail(.rejected(reason: "etcd: \(message)", remedy: "Check that the members' clocks and auth settings agree."))
      case .memberCannot(let reason):
        pool.failed(index, reason: reason)
        return .elsewhere
      case .unclear(let reason, let memberAtFault):
        if memberAtFault { pool.failed(index, reason: reason) }
        return mayRepeat && memberAtFault ? .elsewhere : .fail(.unknownOutcome(reason: "\(endpoint): \(reason)"))
      }
    }
  }
}
