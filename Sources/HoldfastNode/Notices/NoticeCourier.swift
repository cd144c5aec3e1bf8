import HoldfastModel
import HoldfastOperator
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Logging

/// A note, and when it was written: milliseconds since 1970.
package struct TimedNote: Sendable {
  package var note: Note
  package var time: Int64

  package init(_ note: Note, at time: Int64) { (self.note, self.time) = (note, time) }
}

/// The shell of the notices: gathers what the history tells, has it delivered, and keeps what waits. Decides nothing, and nobody waits for it.
///
/// What one event says of many workloads is one notice, and so is what is said of a workload again and again within ten minutes, as in the history.
package actor NoticeCourier {
  package typealias Deliver = @Sendable (Notice, NoticeReceiver) async -> Outbox.Ending

  /// Lines of one event are gathered for so long.
  private static let gathering: Duration = .milliseconds(100)
  /// Characters of a failure's reason in the node's report.
  private static let mostReason = 200
  /// The end of the program waits so long for the disk.
  private static let closingPatience: Duration = .seconds(1)

  private let node: NodeName
  private let cluster: String
  private let notes: AsyncStream<TimedNote>
  private let file: OutboxFile
  private let deliver: Deliver
  /// Writes a line of the history that is no notice.
  private let tell: @Sendable (Note) async -> Void
  private let logger: Logger
  /// Of this start: ids of another are other ones, whatever became of its file.
  private let series = String(UInt64.random(in: 0..<1 << 48), radix: 36)

  private var queue = HistoryQueue()
  private var lastSerial: Int64 = -1
  private var gatherer: Task<Void, Never>?
  private var outbox: Outbox
  private var deliveries: [Int: Task<Void, Never>] = [:]
  private var alarm: Task<Void, Never>?
  /// What waited is being read; nil: it was, and may be written.
  private var loading: Task<Void, Never>?
  private var saving: Task<Void, Never>?
  private var isStale = false
  private var cannotSave = false
  private var saidUnsound = false

  /// - Parameters:
  ///   - notes: everything that the history of this node tells.
  ///   - tell: writes a line of the history that is no notice.
  package init(
    node: NodeName, cluster: String, receivers: [NoticeReceiver], notes: AsyncStream<TimedNote>, file: OutboxFile,
    deliver: @escaping Deliver, tell: @escaping @Sendable (Note) async -> Void, logger: Logger
  ) {
    self.node = node
    self.cluster = cluster
    self.notes = notes
    self.file = file
    self.deliver = deliver
    self.tell = tell
    self.logger = logger
    outbox = Outbox(receivers)
    queue.begin(after: nil)
  }

  /// Delivers until its task is cancelled. Once.
  package func run() async {
    loading = Task { await load() }
    for await note in notes { take(note) }
    await close()
  }

  /// Waits until nothing waits any more, for at most `limit`: before the program ends.
  package func flush(within limit: Duration) async {
    gather()
    let end = BootClock.now + limit
    while !outbox.isEmpty, BootClock.now < end, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
  }

  /// What people should know of this node's receivers. The words stay the same while the trouble does: each change is a write to the store.
  package func flaws() -> [NodeFlaw] {
    let now = BootClock.now, time = WallClock.milliseconds
    return outbox.troubles(at: now).map { trouble in
      let minute = (time - Int64((now - trouble.since).inSeconds * 1000)) / 60_000 * 60_000
      let since = timestamp(milliseconds: minute).prefix(16).replacing("T", with: " ")
      let notices = trouble.waiting == 1 ? "1 notice" : "\(trouble.waiting) notices"
      return NodeFlaw(
        NodeFlaw.notices,
        "cannot deliver \(notices) to '\(trouble.receiver)', since \(since) UTC: \(trouble.last.prefix(Self.mostReason))")
    }
  }

  // MARK: beginning and end

  /// A disk that does not answer holds up what waited, and nothing that is said now.
  private func load() async {
    var found: Outbox.Kept?
    do {
      switch try await file.load() {
      case .nothing: break
      case .kept(let kept): found = kept
      case .unreadable(let reason):
        logger.error("the notices that waited cannot be read, and are lost", metadata: ["reason": "\(InWords.oneLine(reason))"])
      }
    } catch {
      say(unkept: "\(error)")
    }
    loading = nil
    if let found { act(on: .found(found)) } else if isStale { save() }
  }

  private func close() async {
    gather()
    alarm?.cancel()
    // What is under way comes again after the next start.
    for delivery in deliveries.values { delivery.cancel() }
    // Not in this task, which is cancelled and would not wait.
    await Task { _ = await race(until: .now + Self.closingPatience) { await self.settle() } }.value
  }

  /// Has what waits on the disk. Where that hangs, nobody waits for it.
  private func settle() async {
    await loading?.value
    await saving?.value
    await file.close()
  }

  // MARK: notes

  private func take(_ timed: TimedNote) {
    queue.add(timed.note, at: timed.time)
    guard gatherer == nil else { return }
    gatherer = Task {
      try? await Task.sleep(for: Self.gathering)
      gather()
    }
  }

  private func gather() {
    gatherer = nil
    let now = WallClock.milliseconds
    for record in queue.take(HistoryQueue.mostWaiting, at: now, as: node) where record.serial > lastSerial {
      // One that is written again stands for more of the same: that was told.
      lastSerial = record.serial
      act(on: .post(Notice(record, cluster: cluster, series: series)))
    }
    if queue.dropped > 0 {
      logger.warning(
        "so much happened at once that lines of history became no notices", metadata: ["lines": "\(queue.dropped)"])
    }
    queue.wrote(at: now)
  }

  // MARK: actions

  private func act(on event: Outbox.Event) {
    for action in outbox.receive(event, now: BootClock.now) {
      switch action {
      case .deliver(let attempt): begin(attempt)
      case .save: save()
      case .tell(let losses): say(losses)
      case .wake(let instant): wake(at: instant)
      }
    }
    if let breach = outbox.breach, !saidUnsound {
      saidUnsound = true
      logger.error("the notices found themselves wrong: some may be lost", metadata: ["reason": "\(breach)"])
    }
  }

  private func begin(_ attempt: Outbox.Attempt) {
    deliveries[attempt.serial] = Task {
      let ending = await deliver(attempt.notice, attempt.receiver)
      deliveries[attempt.serial] = nil
      guard !Task.isCancelled else { return }
      if case .failed(let reason) = ending {
        logger.warning(
          "a notice was not delivered: it is tried again",
          metadata: ["id": "\(attempt.notice.id)", "to": "\(attempt.receiver)", "reason": "\(reason)"])
      }
      act(on: .ended(serial: attempt.serial, ending))
    }
  }

  private func wake(at instant: BootInstant) {
    alarm?.cancel()
    alarm = Task {
      guard (try? await BootClock.sleep(until: instant)) != nil else { return }
      act(on: .tick)
    }
  }

  /// Written by one at a time: what changes meanwhile is in the next. Never over what was not read yet.
  private func save() {
    isStale = true
    guard saving == nil, loading == nil else { return }
    saving = Task {
      while isStale {
        isStale = false
        do {
          try await file.save(outbox.kept(now: BootClock.now))
          cannotSave = false
        } catch {
          say(unkept: "\(error)")
        }
      }
      saving = nil
    }
  }

  // MARK: what people are told

  private func say(unkept reason: String) {
    guard !cannotSave else { return }
    cannotSave = true
    logger.error(
      "notices that wait cannot be kept: a restart would lose them", metadata: ["reason": "\(InWords.oneLine(reason))"])
  }

  private func say(_ losses: [Outbox.Loss]) {
    for loss in losses {
      logger.error("\(loss)")
      Task { [tell] in await tell(Note(.unreadable, "\(loss)", severity: .warning)) }
    }
  }
}
