import HoldfastModel
import HoldfastNode
import Testing

/// What a node writes of its history, on virtual time.
@Suite struct `What waits to be written to the history` {
  private var queue: HistoryQueue = {
    var queue = HistoryQueue()
    queue.begin(after: 9)
    return queue
  }()

  private static func ended(_ workload: String, _ times: Int = 1) -> Note {
    let again = times > 1 ? ", \(times) times in a row now" : ""
    return Note(
      .vanished, "\(workload) ended on n1 without being told to\(again)", severity: .warning, workload: WorkloadName(workload))
  }

  private static func lost(_ workload: String) -> Note {
    Note(
      .killed, "\(workload) lost its claim while it was frozen here: killed", severity: .warning,
      workload: WorkloadName(workload))
  }

  /// What is written now.
  private mutating func written(at now: Int64, isLast: Bool = false) -> [HistoryRecord] {
    defer { queue.wrote(at: now) }
    return queue.take(50, at: now, isLast: isLast, as: "n1")
  }

  @Test func `is one line for an event that concerns many workloads, and each is found in it`() {
    var test = self
    for index in 0..<200 {
      test.queue.add(Self.lost("w\(index)"), at: 1000)
      test.queue.add(
        Note(.killed, "w\(index): every process is gone", severity: .warning, workload: WorkloadName("w\(index)")), at: 1300)
    }
    test.queue.add(Note(.guardBack, "the guard is back"), at: 1400)
    let lines = test.written(at: 1500)
    #expect(
      lines.map(\.note.text) == [
        "w0 (and 199 more) lost its claim while it was frozen here: killed", "w0 (and 199 more): every process is gone",
        "the guard is back"
      ])
    #expect(lines.map(\.serial) == [10, 11, 12])
    for index in 0..<200 {
      let told = lines.compactMap { $0.told(of: WorkloadName("w\(index)"))?.note.text }
      #expect(
        told == ["w\(index) lost its claim while it was frozen here: killed", "w\(index): every process is gone"])
    }
    #expect(test.queue.isEmpty)
  }

  /// Times and notes, and how many lines they are.
  static let events: [(String, [(Int64, Note)], Int)] = [
    ("few workloads have a line each", (0..<4).map { (0, lost("w\($0)")) }, 4),
    ("more have one", (0..<5).map { (0, lost("w\($0)")) }, 1),
    ("not so at different times", (0..<6).map { (Int64($0) * 1500, lost("w\($0)")) }, 6),
    (
      "not so with different reasons of trouble",
      (0..<6).map {
        (0, Note(.startFailed, "w\($0) did not start: \($0)", severity: .error, workload: WorkloadName("w\($0)")))
      }, 6
    ),
    (
      "so with different reasons of what is none",
      (0..<6).map {
        (0, Note(.placed, "w\($0) goes to n2: \($0) % with it", workload: WorkloadName("w\($0)"), subject: "n2"))
      }, 1
    ),
    (
      "so where the name is not the first word",
      (0..<6).map { (0, Note(.claimed, "n1 holds w\($0) at epoch \($0)", workload: WorkloadName("w\($0)"))) }, 1
    ),
    (
      "not so to different nodes",
      (0..<6).map {
        (0, Note(.placed, "w\($0) goes to n\($0)", workload: WorkloadName("w\($0)"), subject: NodeName("n\($0)")))
      }, 6
    )
  ]

  @Test(arguments: events.indices) func `is told in as many lines as it needs`(_ index: Int) {
    var test = self
    let (what, notes, count) = Self.events[index]
    for (time, note) in notes { test.queue.add(note, at: time) }
    let lines = test.written(at: 20_000)
    #expect(lines.count == count, "\(what): \(lines.map(\.note.text))")
    #expect(lines.reduce(0) { $0 + ($1.folded?.count ?? 1) } == notes.count)
  }

  @Test func `is one line for a loop, however long it goes on, and the rest of the ring stays`() {
    var test = self, ring: [Int64: HistoryRecord] = [:]
    // A start and an end every eight seconds, for an hour.
    for round in 1...450 {
      let now = Int64(round) * 8000
      test.queue.add(Self.ended("web1", round), at: now)
      test.queue.add(Note(.started, "web1 runs on n1", workload: "web1"), at: now + 1000)
      for line in test.written(at: now + 1100) { ring[line.serial] = line }
    }
    for line in test.written(at: 4_000_000, isLast: true) { ring[line.serial] = line }
    #expect(test.queue.isEmpty && ring.count < 24, "\(ring.count) lines")
    let ends = ring.values.filter { $0.note.kind == .vanished }.map { $0.times(of: "web1", since: 0) }
    #expect(ends.reduce(0, +) == 450, "none is lost")
    let late = ring.values.filter { $0.note.kind == .vanished }.reduce(0) { $0 + $1.times(of: "web1", since: 3_000_000) }
    #expect((70...80).contains(late), "of the last ten minutes: \(late)")
  }

  @Test func `keeps the first lines of a loop apart, and its line is written again only after a pause`() {
    var test = self, lines: [HistoryRecord] = []
    for round in 1...6 {
      test.queue.add(Self.ended("web1"), at: Int64(round) * 1000)
      lines += test.written(at: Int64(round) * 1000 + 100)
    }
    #expect(lines.map { $0.folded?.count ?? 1 } == [1, 1, 1] && lines.map(\.serial) == [10, 11, 12])
    #expect(!test.queue.isEmpty && test.written(at: 12_000).isEmpty)
    let later = test.written(at: 13_200)
    #expect(later.map(\.serial) == [12] && later.first?.note.text == "web1 (4 times) ended on n1 without being told to")
    #expect(later.first?.time == 6000 && later.first?.folded?.since == 3000)
  }

  @Test func `has the loops of many workloads in one line`() {
    var test = self, ring: [Int64: HistoryRecord] = [:]
    for round in 1...60 {
      for index in 0..<100 {
        let now = Int64(round) * 8000 + Int64(index) * 70
        test.queue.add(Self.ended("w\(index)", round), at: now)
        if index % 3 == 0 { for line in test.written(at: now) { ring[line.serial] = line } }
      }
    }
    for line in test.written(at: 900_000, isLast: true) { ring[line.serial] = line }
    #expect(ring.values.count { $0.time > 60_000 } <= 4)
    #expect(ring.values.reduce(0) { $0 + $1.times(of: "w42", since: 0) } == 60)
  }

  @Test func `goes to the same places again when nobody knows whether it was written`() {
    var test = self
    test.queue.add(Note(.guardLost, "the guard is lost"), at: 0)
    let first = test.queue.take(50, at: 100, as: "n1")
    test.queue.failed()
    test.queue.add(Note(.guardBack, "the guard is back"), at: 200)
    let second = test.written(at: 300)
    #expect(second.prefix(1) == first.prefix(1) && second.map(\.serial) == [10, 11] && test.queue.next == 12)
  }

  @Test func `is dropped and counted when there is too much of it, the oldest first, but not what is being written`() {
    var test = self
    test.queue.add(Note(.guardLost, "0"), at: 0)
    _ = test.queue.take(1, at: 0, as: "n1")
    for index in 1...HistoryQueue.mostWaiting { test.queue.add(Note(.guardLost, "\(index)"), at: 0) }
    #expect(test.queue.dropped == 1)
    test.queue.wrote(at: 0)
    #expect(test.written(at: 1).first?.note.text == "2")
  }
}
