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
  /// Lines that wait to be written while the store is away; then the oldest are dropped.
  private static let mostWaiting = 500

  private let node: NodeName
  private let codec: RecordCodec
  private let store: any LeaseStore
  private let logger: Logger
  private var lines: [NodeName: [Int64: HistoryRecord]] = [:]
  private var waiting: [(time: Int64, note: Note)] = []
  private var dropped = 0
  private var nextSerial: Int64?
  private var isWriting = false
  private var followers: [Int: AsyncStream<HistoryRecord>.Continuation] = [:]
  private var lastFollower = 0

  package init(node: NodeName, cluster: String, store: any LeaseStore, logger: Logger) {
    self.node = node
    self.store = store
    self.logger = logger
    codec = RecordCodec(cluster: cluster)
  }

  // MARK: reading

  func load(_ listing: ClusterListing) {
    lines = [:]
    for entry in listing.entries.values { if case .history(let line) = entry.value { keep(line) } }
    let last = lines[node]?.keys.max() ?? -1
    nextSerial = max(nextSerial ?? 0, last + 1)
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

  /// The last lines of the whole cluster, oldest first.
  package func last(_ limit: Int, workload: WorkloadName?) -> [HistoryRecord] {
    let all = lines.values.lazy.flatMap(\.values).filter { workload == nil || $0.note.workload == workload }
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

  func write(_ note: Note) {
    waiting.append((wallTime(), note))
    if waiting.count > Self.mostWaiting {
      waiting.removeFirst()
      dropped += 1
    }
    writeSoon()
  }

  private func writeSoon() {
    guard !isWriting, nextSerial != nil, !waiting.isEmpty else { return }
    isWriting = true
    // Behind what matters: claims and starts of the same moment go first.
    Task(priority: .low) {
      try? await Task.sleep(for: .milliseconds(100))
      while await self.writeBatch() {}
    }
  }

  /// Returns whether there is more to write.
  private func writeBatch() async -> Bool {
    guard let first = nextSerial, !waiting.isEmpty else {
      isWriting = false
      return false
    }
    let part = waiting.prefix(Self.batch)
    var writes: [Write<RecordKey, Record>] = []
    for (offset, line) in part.enumerated() {
      let serial = first + Int64(offset)
      let record = HistoryRecord(time: line.time, node: node, serial: serial, note: line.note)
      writes.append(.put(.history(node, slot: Int(serial % Self.ringSize)), .history(record)))
    }
    do {
      _ = try await store.transact(try codec.encode(ClusterTransaction(if: [], write: writes)), timeout: .seconds(2))
      waiting.removeFirst(min(part.count, waiting.count))
      nextSerial = first + Int64(writes.count)
      if dropped > 0 {
        logger.warning("lines of history were lost while the store was away", metadata: ["lines": "\(dropped)"])
        dropped = 0
      }
    } catch {
      // The same lines go to the same slots again: writing twice does no harm.
      try? await Task.sleep(for: .seconds(1))
    }
    return true
  }

  /// Writes what waits, for at most `limit`: before the program ends.
  package func flush(within limit: Duration) async {
    let end = BootClock.now + limit
    while !waiting.isEmpty, BootClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
  }
}
