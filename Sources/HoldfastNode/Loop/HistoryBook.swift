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
  /// `lines` in their order; nil: not sorted since the last of them came.
  private var sorted: [Stored<HistoryRecord>]?
  /// As the store has them: only its revisions say which line came before which. The clocks of two nodes do not.
  private var lines: [NodeName: [Int64: Stored<HistoryRecord>]] = [:]
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

  package func load(_ listing: ClusterListing) {
    (lines, sorted) = ([:], nil)
    for entry in listing.entries.values { if case .history(let line) = entry.value { keep(line, entry.modified) } }
    queue.begin(after: lines[node]?.keys.max())
    writeSoon()
  }

  package func take(_ changes: [ClusterChange]) {
    for change in changes {
      if case .history(let node, let slot) = change.key, change.entry == nil {
        // A node that was removed.
        lines[node] = lines[node]?.filter { $0.key % Self.ringSize != Int64(slot) }
        sorted = nil
      }
      guard let entry = change.entry, case .history(let line) = entry.value else { continue }
      keep(line, entry.modified)
      for follower in followers.values { follower.yield(line) }
    }
  }

  private func keep(_ line: HistoryRecord, _ revision: Revision) {
    lines[line.node, default: [:]][line.serial] = Stored(value: line, created: revision, modified: revision)
    lines[line.node]?[line.serial - Self.ringSize] = nil
    sorted = nil
  }

  /// The last lines of the whole cluster, oldest first: in the order in which the store took them. Lines of one revision are one node's, by their serial.
  /// Asked for one workload, what a line says of it alone.
  ///
  /// What this node has not written yet comes last: one that is cut off tells of its own freeze, though the store has never heard of it.
  package func last(_ limit: Int, workload: WorkloadName?) -> [HistoryRecord] {
    let waiting = queue.waitingLines(at: wallTime(), as: node), serials = Set(waiting.map(\.serial))
    // A line that stands for more by now than was written is told as it is now.
    let written = inOrder().lazy.map(\.value).filter { [node] line in line.node != node || !serials.contains(line.serial) }
    let known = Array(written) + waiting
    let last = known.filter { line in workload.map { line.isAbout($0) } ?? true }.suffix(limit)
    return last.compactMap { line in workload.map { line.told(of: $0) } ?? line }
  }

  private func inOrder() -> [Stored<HistoryRecord>] {
    if let sorted { return sorted }
    let fresh = lines.values.joined().map(\.value).sorted {
      ($0.modified, $0.value.node, $0.value.serial) < ($1.modified, $1.value.node, $1.value.serial)
    }
    sorted = fresh
    return fresh
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
      let verdict = try await store.transact(try codec.encode(ClusterTransaction(if: [], write: writes)), timeout: .seconds(2))
      // The watch tells of them a little later: meanwhile they are neither lost nor waiting.
      if case .committed(let revision) = verdict { for record in records { keep(record, revision) } }
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
