import HoldfastModel
import Testing

/// A line of history that stands for several.
@Suite struct `A folded line` {
  private static func line(_ workloads: [WorkloadName], _ text: String, from since: Int64 = 1000, to time: Int64 = 9000)
    -> HistoryRecord
  {
    var folded = FoldedLines(workloads[0], since: since)
    for workload in workloads.dropFirst() { folded.take(workload) }
    return HistoryRecord(
      time: time, node: "n1", serial: 4,
      note: Note(.vanished, folded.lead(workloads[0]) + text, severity: .warning, workload: workloads[0]), folded: folded)
  }

  @Test func `names its workloads up to a bound, and counts the rest`() {
    let names = (0..<300).map { WorkloadName("w\($0)") }
    let line = Self.line(names, " ended")
    #expect(line.note.text == "w0 (and 299 more) ended")
    #expect(line.workloads.count == FoldedLines.mostNamed && line.folded?.unnamed == 300 - FoldedLines.mostNamed)
    #expect(line.isAbout("w255") && !line.isAbout("w256"))
  }

  static let tellings: [([WorkloadName], WorkloadName, String?, Int)] = [
    (["a", "b", "c"], "b", "b ended", 1), (["a", "b", "c"], "a", "a ended", 1), (["a", "b"], "d", nil, 0),
    (["a", "a", "a"], "a", "a (3 times) ended", 3), (["a", "b", "b", "a", "a"], "b", "b (2 times) ended", 2)
  ]

  @Test(arguments: tellings.indices) func `is told of one of its workloads as if it were a line of its own`(_ index: Int) {
    let (workloads, asked, text, times) = Self.tellings[index]
    let line = Self.line(workloads, " ended"), told = line.told(of: asked)
    #expect(told?.note.text == text && told?.note.workload == text.map { _ in asked })
    #expect(told?.folded?.count == (times > 1 ? times : nil))
    #expect(line.times(of: asked, since: 0) == times)
  }

  @Test func `is told of a workload in the middle of its sentence`() {
    var folded = FoldedLines("a", since: 1)
    folded.take("b")
    let line = HistoryRecord(
      time: 2, node: "n1", serial: 0, note: Note(.claimed, "n1 holds \(folded.lead("a"))", workload: "a"), folded: folded)
    #expect(line.note.text == "n1 holds a (and 1 more)" && line.told(of: "b")?.note.text == "n1 holds b")
  }

  @Test func `says how often of late, as if it had happened evenly`() {
    let line = Self.line(Array(repeating: "a", count: 80), " ended", from: 0, to: 8000)
    for (start, times) in [(0, 80), (4000, 40), (7000, 10), (8000, 1), (8001, 0)] as [(Int64, Int)] {
      #expect(line.times(of: "a", since: start) == times, "since \(start)")
    }
  }
}
