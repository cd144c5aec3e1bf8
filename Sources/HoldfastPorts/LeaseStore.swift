import HoldfastModel

/// The store as bytes, as its adapters see it.
public typealias StoreTransaction = Transaction<String, [UInt8]>
public typealias StoreVerdict = Verdict<String, [UInt8]>
public typealias StoreChange = Change<String, [UInt8]>
public typealias StoreListing = Listing<String, [UInt8]>

/// A linearizable key-value store with compare-and-swap and watch.
///
/// Holdfast's safety rests on two of its properties and no other: transactions are linearizable, and a watch delivers every
/// change of its keys once, in order. It uses no server-side lease and no server's clock.
public protocol LeaseStore: Sendable {
  /// Where answers arrive: what follows from them is best done there, without waking another thread. Never blocked. nil: anywhere.
  var executor: (any TaskExecutor)? { get }

  /// All entries whose keys start with `prefix`, linearizable.
  func list(prefix: String, timeout: Duration) async throws(StoreError) -> StoreListing

  /// Applies `transaction` if all its conditions hold.
  ///
  /// Never retries by itself once the request may have left this host: what happened is the caller's to find out.
  func transact(_ transaction: StoreTransaction, timeout: Duration) async throws(StoreError) -> StoreVerdict

  /// Every change under `prefix` after `revision`, in order, in batches that hold whole revisions; then live.
  ///
  /// The adapter resumes from its last revision when a connection is lost. It ends with `StoreError.compacted` when the
  /// history it needs is gone: list again and watch from there. Cancelling the consuming task ends the watch.
  func watch(prefix: String, after revision: Revision) -> AsyncThrowingStream<[StoreChange], any Error>

  /// The caller saw that a watch lags behind its own writes: reconnect every watch, to another server if there is one.
  /// Nothing is lost or delivered twice by it.
  func restartWatches()

  /// The faults that are known of the server that answers and make it unsafe, each as a sentence that names the issue; empty when nothing is known.
  func warnings(timeout: Duration) async throws(StoreError) -> [String]

  /// Ends all connections. Nothing is called afterwards.
  func close() async
}

/// Why the store did not answer, and what that means for the request.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The request certainly did not happen: it was not sent, or the store refused it as a whole.
  case notApplied(reason: String)
  /// The transaction may have happened: a time-out, or the connection was lost after the request was sent.
  case unknownOutcome(reason: String)
  /// The watched history is gone.
  case compacted(upTo: Revision)
  /// The store answered, but not what the protocol allows; or it refuses us (credentials, certificates, version).
  case rejected(reason: String, remedy: String)

  public var description: String {
    switch self {
    case .notApplied(let reason): "the store did not take the request: \(reason)"
    case .unknownOutcome(let reason): "the store did not answer, the request may have been applied: \(reason)"
    case .compacted(let revision): "the store has compacted its history up to revision \(revision.value)"
    case .rejected(let reason, let remedy): "the store refuses: \(reason). \(remedy)"
    }
  }
}
