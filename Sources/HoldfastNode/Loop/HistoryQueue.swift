import HoldfastModel

/// What a node has still to write of its history, and which lines of it are one: what is said of many workloads at the same moment, and
/// what is said of a workload again and again. One event must not drive all others out of the node's ring.
///
/// A line that is written already and stands for one more is written again, under the same serial.
package struct HistoryQueue: Sendable {
  /// Milliseconds within which lines that say the same of several workloads are of one event.
  package static let sameMoment: Int64 = 1000
  /// So many workloads have a line each; of more that an event concerns there is one.
  package static let linesOfAnEvent = 4
  /// Milliseconds in which repeats about one workload are one line, so that a long loop fills at most half of what the status shows.
  package static let oneLoop: Int64 = 600_000
  /// So often a workload has a line of its own for the same within that time. Starts and stops of a person's are no loop.
  package static let linesOfItsOwn = 2
  /// Milliseconds between two writes of one line that is written again: what happens each moment does not fill the store's own history.
  package static let rewritePause: Int64 = 10_000
  /// Lines that wait; then the oldest are dropped, and counted.
  package static let mostWaiting = 500
  /// What a workload's lines are remembered of at most; then what is older than a loop is forgotten.
  static let mostRemembered = 2000

  /// What lines must have in common.
  fileprivate struct Kind: Hashable {
    var kind: Note.Kind
    var severity: Note.Severity
    var subject: NodeName?
    /// What is said before the workload's name, and after it.
    var before: String
    var after: String
  }

  fileprivate struct Line: Hashable {
    /// nil: it says the same of nothing else.
    var kind: Kind?
    /// Without a lead.
    var note: Note
    var time: Int64
    /// nil: it stands for itself.
    var folded: FoldedLines?
    /// nil: it was not written yet.
    var serial: Int64?
    /// It has the lines of a loop: more come.
    var isLoop = false
  }

  /// The lines that a workload had of one kind.
  private struct Remembered: Hashable {
    var kind: Kind
    var workload: WorkloadName
  }

  /// The serial of the next line; nil: what the store has is not known yet.
  package private(set) var next: Int64?
  package private(set) var dropped = 0
  private var waiting: [Line] = []
  /// So many of the first that wait are being written.
  private var taken = 0
  private var remembered: [Remembered: [Int64]] = [:]
  /// Loops that were written, by what they say: a line more is a line written again. What differs only in a number is the same.
  private var loops: [Kind: Line] = [:]
  /// The loops that stand for more than was written, and when each was written.
  private var changed: Set<Kind> = []
  private var writtenAt: [Kind: Int64] = [:]

  package init() {}

  // MARK: questions

  package var isEmpty: Bool { waiting.isEmpty && changed.isEmpty }
  package var canWrite: Bool { next != nil && !isEmpty }

  /// The lines that wait, as they would be written now. Until the store was read their serials are not known: they are counted from 0 then.
  package func waitingLines(at now: Int64, as node: NodeName) -> [HistoryRecord] {
    var copy = self
    if copy.next == nil { copy.begin(after: nil) }
    return copy.take(.max, at: now, isLast: true, as: node)
  }

  // MARK: steps

  /// - Parameter last: the newest serial of this node that the store has; nil: it has none.
  package mutating func begin(after last: Int64?) { next = max(next ?? 0, (last ?? -1) + 1) }

  /// - Parameter time: milliseconds since 1970.
  package mutating func add(_ note: Note, at time: Int64) {
    let kind = Self.kind(of: note)
    defer { dropOldest() }
    guard let kind, let workload = note.workload else { return waiting.append(Line(kind: kind, note: note, time: time)) }
    if rememberAndCount(Remembered(kind: kind.withoutNumbers, workload: workload), at: time) >= Self.linesOfItsOwn {
      return addToLoop(kind.withoutNumbers, note, workload, at: time)
    }
    waiting.append(Line(kind: kind, note: note, time: time))
  }

  /// What is written now: it stays until `wrote`.
  ///
  /// - Parameter isLast: nothing is written later, so no pause is made.
  package mutating func take(_ most: Int, at now: Int64, isLast: Bool = false, as node: NodeName) -> [HistoryRecord] {
    guard let next else { return [] }
    for kind in changed where isLast || abs(now - (writtenAt[kind] ?? 0)) >= Self.rewritePause {
      changed.remove(kind)
      if let line = loops[kind] { waiting.append(line) }
    }
    gather()
    taken = min(most, waiting.count)
    // What could not be written has its serials already.
    var serial = max(next, (waiting.compactMap(\.serial).max() ?? -1) + 1)
    for index in waiting.indices.prefix(taken) where waiting[index].serial == nil {
      waiting[index].serial = serial
      serial += 1
    }
    return waiting.prefix(taken).compactMap { $0.record(of: node) }
  }

  /// What was taken is in the store.
  package mutating func wrote(at now: Int64) {
    for line in waiting.prefix(taken) {
      next = max(next ?? 0, (line.serial ?? -1) + 1)
      // One of the same serial may stand for more by now, and one of an earlier serial is over.
      guard line.isLoop, let kind = line.kind, let serial = line.serial, serial >= loops[kind]?.serial ?? 0 else { continue }
      writtenAt[kind] = now
      if loops[kind]?.serial != serial { loops[kind] = line }
    }
    waiting.removeFirst(taken)
    (taken, dropped) = (0, 0)
  }

  /// What was taken may be in the store or not: it is written again. The same lines go to the same serials: twice does no harm.
  package mutating func failed() { taken = 0 }

  // MARK: events

  /// Of each event that concerns many workloads makes one line, at the place of its first.
  private mutating func gather() {
    var groups: [Kind: [Int]] = [:], gone: Set<Int> = []
    for index in waiting.indices.dropFirst(taken) where waiting[index].serial == nil && !waiting[index].isLoop {
      guard let kind = waiting[index].kind?.inBrief else { continue }
      guard let first = groups[kind]?.first else {
        groups[kind] = [index]
        continue
      }
      guard abs(waiting[index].time - waiting[first].time) <= Self.sameMoment else {
        gone.formUnion(fold(groups[kind] ?? []))
        groups[kind] = [index]
        continue
      }
      groups[kind]?.append(index)
    }
    for indices in groups.values { gone.formUnion(fold(indices)) }
    guard !gone.isEmpty else { return }
    waiting = waiting.indices.filter { !gone.contains($0) }.map { waiting[$0] }
  }

  /// - Returns: the lines that the first of them stands for now.
  private mutating func fold(_ indices: [Int]) -> ArraySlice<Int> {
    guard let first = indices.first, indices.count > (waiting[first].folded == nil ? Self.linesOfAnEvent : 1) else { return [] }
    for index in indices.dropFirst() { waiting[first].take(waiting[index]) }
    return indices.dropFirst()
  }

  // MARK: loops

  /// Remembers the line.
  ///
  /// - Returns: how many like it there were of late; no more than a workload has of its own are counted.
  private mutating func rememberAndCount(_ key: Remembered, at time: Int64) -> Int {
    if remembered.count >= Self.mostRemembered {
      remembered = remembered.filter { abs(time - ($0.value.last ?? time)) <= Self.oneLoop }
    }
    let before = (remembered[key] ?? []).filter { abs(time - $0) <= Self.oneLoop }
    remembered[key] = (before + [time]).suffix(Self.linesOfItsOwn)
    return before.count
  }

  private mutating func addToLoop(_ kind: Kind, _ note: Note, _ workload: WorkloadName, at time: Int64) {
    let index = waiting.indices.dropFirst(taken).first {
      waiting[$0].isLoop && waiting[$0].kind == kind && waiting[$0].serial == nil
    }
    if let index {
      waiting[index].repeats(note, workload, at: time)
    } else if var line = loops[kind], isOpen(line, at: time) {
      line.repeats(note, workload, at: time)
      loops[kind] = line
      changed.insert(kind)
    } else {
      close(kind)
      waiting.append(Line(kind: kind, note: note, time: time, folded: FoldedLines(workload, since: time), isLoop: true))
    }
  }

  /// The line is not so old that it should not grow any more, and its slot is its own for long.
  private func isOpen(_ line: Line, at time: Int64) -> Bool {
    guard let serial = line.serial, let next, let since = line.folded?.since else { return false }
    return abs(time - since) <= Self.oneLoop && next - serial < HistoryBook.ringSize / 2
  }

  /// The loop is over: its line is written once more where it stands for more than was written, and the next one is another.
  private mutating func close(_ kind: Kind) {
    if changed.remove(kind) != nil, let line = loops[kind], let serial = line.serial, let next,
      next - serial < HistoryBook.ringSize / 2
    {
      waiting.append(line)
    }
    (loops[kind], writtenAt[kind]) = (nil, nil)
  }

  private mutating func dropOldest() {
    guard waiting.count > Self.mostWaiting else { return }
    gather()
    guard waiting.count > Self.mostWaiting else { return }
    // What is being written is not dropped under its writer's hands.
    waiting.remove(at: min(taken, waiting.count - 1))
    dropped += 1
  }

  private static func kind(of note: Note) -> Kind? {
    guard let workload = note.workload, let place = note.text.place(of: workload) else { return nil }
    return Kind(
      kind: note.kind, severity: note.severity, subject: note.subject, before: String(note.text[..<place.lowerBound]),
      after: String(note.text[place.upperBound...]))
  }
}

extension String {
  /// Where the name stands as a word of its own, the first time.
  fileprivate func place(of workload: WorkloadName) -> Range<String.Index>? {
    ranges(of: workload.text).first { range in
      let isBegun = range.lowerBound == startIndex || self[index(before: range.lowerBound)] == " "
      return isBegun && (range.upperBound == endIndex || [" ", ":"].contains(self[range.upperBound]))
    }
  }
}

extension HistoryQueue.Kind {
  /// What counts (`3 times in a row now`) says the same with every number.
  fileprivate var withoutNumbers: Self {
    var kind = self
    kind.after = after.split(separator: " ", omittingEmptySubsequences: false)
      .map { word in Double(word) == nil ? String(word) : "#" }.joined(separator: " ")
    return kind
  }

  fileprivate var inBrief: Self {
    var kind = self
    kind.after = String(self.kind.brief(after[...], severity))
    return kind
  }
}

extension HistoryQueue.Line {
  /// Stands for that one, too. Where the two do not say the same to the end, it is said as far as they do.
  fileprivate mutating func take(_ other: Self) {
    guard let first = note.workload, let one = other.note.workload else { return }
    var all = folded ?? FoldedLines(first, since: time)
    all.take(one)
    (folded, time) = (all, max(time, other.time))
    guard kind != other.kind, let brief = kind?.inBrief else { return }
    kind = brief
    note.text = brief.before + first.text + brief.after
  }

  /// One line more of a loop: the newest is what is shown.
  fileprivate mutating func repeats(_ note: Note, _ workload: WorkloadName, at time: Int64) {
    folded?.take(workload)
    self.time = time
    if folded?.workloads[workload] != nil { self.note = note }
  }

  fileprivate func record(of node: NodeName) -> HistoryRecord? {
    guard let serial else { return nil }
    guard let folded, folded.count > 1, let workload = note.workload, let place = note.text.place(of: workload) else {
      return HistoryRecord(time: time, node: node, serial: serial, note: note)
    }
    var note = note
    note.text.replaceSubrange(place, with: folded.lead(workload))
    return HistoryRecord(time: time, node: node, serial: serial, note: note, folded: folded)
  }
}
