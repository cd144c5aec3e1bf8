import FoundationEssentials
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Logging

/// The cluster's history: writes this node's lines to its ring in the store, keeps everybody's for reading.
///
/// History never holds anything up: lines are written behind, in batches, and dropped (and counted) when the store is away for long.
package actor HistoryBook {
  /// Lines that a node keeps in the store.
  package static let ringSize: Int64 = 256
  /// Lines that wait for one reader; then the oldest are dropped.
  static let mostUnread = 1000
  /// Lines in one write to the store.
  private static let batch = 50
  /// Lines of one event are gathered for so long, so that those that say the same are one.
  private static let gathering: Duration = .milliseconds(100)

  private let node: NodeName
  private let codec: RecordCodec
  private let store: any LeaseStore
  private let logger: Logger
  /// Takes what is to become notices; nil: nobody wants any.
  private let notes: AsyncStream<TimedNote>.Continuation?
  private var lines: [NodeName: [Int64: HistoryRecord]] = [:]
  private var queue = HistoryQueue()
  private var isWriting = false
  /// The program ends: nothing waits for more like it.
  private var isClosing = false
  private var followers: [Int: AsyncStream<HistoryRecord>.Continuation] = [:]
  private var lastFollower = 0

  /// - Parameter notes: takes what is to become notices; nil: nobody wants any.
  package init(
    node: NodeName, cluster: String, store: any LeaseStore, notes: AsyncStream<TimedNote>.Continuation? = nil, logger: Logger
  ) {
    self.node = node
    self.store = store
    self.notes = notes
    self.logger = logger
    codec = RecordCodec(cluster: cluster)
  }

  // MARK: reading

  func load(_ listing: ClusterListing) {
    lines = [:]
    for entry in listing.entries.values { if case .history(let line) = entry.value { keep(line) } }
    queue.begin(after: lines[node]?.keys.max())
    writeSoon()
  }

  func take(_ changes: [ClusterChange]) {
    for change in changes {
      if case .history(let node, let slot) = change.key, change.entry == nil {
        // A node that was removed.
        lines[node] = lines[node]?.filter { $0.key % Self.ringSize != Int64(slot) }
      }
      guard case .history(let line)? = change.entry?.value else { continue }
      keep(line)
      for follower in followers.values { follower.yield(line) }
    }
  }

  private func keep(_ line: HistoryRecord) {
    lines[line.node, default: [:]][line.serial] = line
    lines[line.node]?[line.serial - Self.ringSize] = nil
  }

  /// The last lines of the whole cluster, oldest first. Asked for one workload, what a line says of it alone.
  package func last(_ limit: Int, workload: WorkloadName?) -> [HistoryRecord] {
    let all = lines.values.lazy.flatMap(\.values).compactMap { line in workload.map { line.told(of: $0) } ?? line }
    return Array(all.sorted { ($0.time, $0.node, $0.serial) < ($1.time, $1.node, $1.serial) }.suffix(limit))
  }

  package func follow() -> AsyncStream<HistoryRecord> {
    lastFollower += 1
    let number = lastFollower
    let (stream, continuation) = AsyncStream.makeStream(
      of: HistoryRecord.self, bufferingPolicy: .bufferingNewest(Self.mostUnread))
    followers[number] = continuation
    continuation.onTermination = { _ in Task { await self.unfollow(number) } }
    return stream
  }

  private func unfollow(_ number: Int) { followers[number] = nil }

  // MARK: writing

  /// Writes a line, and has it told as a notice.
  package func write(_ note: Note) {
    notes?.yield(TimedNote(note, at: wallTime()))
    record(note)
  }

  /// Writes a line that is no notice.
  package func record(_ note: Note) {
    queue.add(note, at: wallTime())
    writeSoon()
  }

  private func writeSoon() {
    guard !isWriting, queue.canWrite else { return }
    isWriting = true
    // Behind what matters: claims and starts of the same moment go first.
    Task(priority: .low) {
      repeat { try? await Task.sleep(for: Self.gathering) } while await self.writeBatch()
    }
  }

  /// Returns whether there is more to write.
  private func writeBatch() async -> Bool {
    guard queue.canWrite else {
      isWriting = false
      return false
    }
    let records = queue.take(Self.batch, at: wallTime(), isLast: isClosing, as: node), dropped = queue.dropped
    // What is written again waits for its pause.
    guard !records.isEmpty else { return true }
    let writes: [Write<RecordKey, Record>] = records.map { record in
      .put(.history(node, slot: Int(record.serial % Self.ringSize)), .history(record))
    }
    do {
      _ = try await store.transact(try codec.encode(ClusterTransaction(if: [], write: writes)), timeout: .seconds(2))
      queue.wrote(at: wallTime())
      if dropped > 0 {
        logger.warning("lines of history were lost while the store was away", metadata: ["lines": "\(dropped)"])
      }
    } catch {
      queue.failed()
      try? await Task.sleep(for: .seconds(1))
    }
    return true
  }

  /// Writes what waits, for at most `limit`: before the program ends.
  package func flush(within limit: Duration) async {
    isClosing = true
    let end = BootClock.now + limit
    while !queue.isEmpty, BootClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
  }
}
