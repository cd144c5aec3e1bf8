/// One line of the cluster's history.
public struct HistoryRecord: Hashable, Sendable, Codable {
  /// Milliseconds since 1970 on the writer's wall clock: for people, never for decisions. Of a folded line: the last of those it stands for.
  public var time: Int64
  public var node: NodeName
  /// Grows by one with each line of this node.
  public var serial: Int64
  /// What was said; of a folded line: what was said, with its lead.
  public var note: Note
  /// The line stands for several that said the same; nil: for itself alone.
  @LaterField public var folded: FoldedLines?

  public init(time: Int64, node: NodeName, serial: Int64, note: Note, folded: FoldedLines? = nil) {
    self.time = time
    self.node = node
    self.serial = serial
    self.note = note
    self.folded = folded
  }
}

/// The lines that said the same of several workloads at once, or again and again of some, and are one line of the history.
public struct FoldedLines: Hashable, Sendable, Codable {
  /// So many workloads are named. The names of as many fit into a transaction with a batch of lines.
  public static let mostNamed = 256

  /// How often it was said of each workload.
  public private(set) var workloads: [WorkloadName: Int]
  /// Lines about workloads that are not named.
  public private(set) var unnamed: Int
  /// When the first of them was said, in milliseconds since 1970.
  public private(set) var since: Int64

  public init(_ workload: WorkloadName, since: Int64) { (workloads, unnamed, self.since) = ([workload: 1], 0, since) }

  /// Takes in one more line.
  public mutating func take(_ workload: WorkloadName) {
    if let times = workloads[workload] {
      workloads[workload] = times + 1
    } else if workloads.count < Self.mostNamed {
      workloads[workload] = 1
    } else {
      unnamed += 1
    }
  }

  /// How many lines it stands for.
  public var count: Int { workloads.values.reduce(unnamed, +) }

  /// What a line says in place of the workload's name: `web1 (and 3 more, 7 times)`. Of workloads that are not named each line counts as one.
  public func lead(_ workload: WorkloadName) -> String {
    Self.lead(workload.text, workloads: workloads.count + unnamed, times: count)
  }

  /// - Parameter times: in how many lines.
  public static func lead(_ workload: String, workloads: Int, times: Int) -> String {
    var more: [String] = []
    if workloads > 1 { more.append("and \(workloads - 1) more") }
    if times > workloads { more.append("\(times) times") }
    return more.isEmpty ? workload : "\(workload) (\(more.joined(separator: ", ")))"
  }
}

extension HistoryRecord {
  /// The workloads that it names.
  public var workloads: [WorkloadName] {
    folded.map { $0.workloads.keys.sorted() } ?? note.workload.map { [$0] } ?? []
  }

  /// Whether it is about that workload.
  public func isAbout(_ workload: WorkloadName) -> Bool {
    folded.map { $0.workloads[workload] != nil } ?? (note.workload == workload)
  }

  /// The same, told of that workload alone; nil: it is not about it.
  public func told(of workload: WorkloadName) -> HistoryRecord? {
    guard isAbout(workload) else { return nil }
    guard let folded, let first = note.workload, let times = folded.workloads[workload] else { return self }
    var line = self
    if let place = note.text.firstRange(of: folded.lead(first)) {
      line.note.text.replaceSubrange(place, with: FoldedLines.lead(workload.text, workloads: 1, times: times))
    }
    line.note.workload = workload
    line.folded = times > 1 ? folded.of(workload, times) : nil
    return line
  }

  /// How often it was said of that workload since then. Where it began before, as often as there is of its time: it is not known when each was said.
  ///
  /// - Parameter start: milliseconds since 1970.
  public func times(of workload: WorkloadName, since start: Int64) -> Int {
    guard isAbout(workload), time >= start else { return 0 }
    guard let folded, let times = folded.workloads[workload] else { return 1 }
    guard folded.since < start else { return times }
    // In doubles: a clock that is off by years times a count is beyond an integer.
    return max(1, Int(Double(times) * Double(time - start) / Double(time - folded.since)))
  }
}

extension FoldedLines {
  fileprivate func of(_ workload: WorkloadName, _ times: Int) -> FoldedLines {
    var one = self
    (one.workloads, one.unnamed) = ([workload: times], 0)
    return one
  }
}
