import HoldfastController
import HoldfastModel
import Testing

/// What people are told of a check that changes.
@Suite struct `The health of a workload` {
  private static let failing = WorkloadHealth(.failing, [.init("web", "refused", isUnknown: false, reaction: .report)])
  private static let fails = "w1 fails its check 'web' on n1: refused", well = "w1 is healthy again on n1"

  /// n1 runs w1; what its check tells is the test's.
  private func running() -> (Rig, run: Int) {
    var rig = Rig.running()
    rig.domainsObey = true
    var spec = Rig.spec()
    spec.checks = [
      HealthCheck(name: "web", probe: .tcp(TCPProbe(port: 80)), interval: .seconds(1), reaction: .report)
    ]
    rig.write([.put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))])
    rig.pass(.seconds(2))
    var run = 0
    for case .check(let subject) in rig.actions { run = subject.run }
    rig.send(.health("w1", run: run, WorkloadHealth(.healthy)))
    rig.actions = []
    return (rig, run)
  }

  private func texts(_ rig: Rig) -> [String] {
    rig.actions.compactMap { if case .note(let note) = $0, note.kind == .health { note.text } else { nil } }
  }

  /// How often it changes, seconds from one change to the next, seconds that pass afterwards, and what is told.
  static let courses: [(Int, Int, Int, [String])] = [
    (1, 5, 300, [fails]), (2, 5, 300, [fails, well]), (4, 70, 300, [fails, well, fails, well]),
    (
      8, 5, 180,
      [
        fails, well, "w1 changes again and again on n1, 6 times within 60 s, and now is healthy",
        "w1 has not changed on n1 for 60 s: it is healthy"
      ]
    ),
    (
      5, 2, 180,
      [
        fails, well, "w1 changes again and again on n1, 3 times within 60 s, and now fails its check 'web': refused",
        "w1 has not changed on n1 for 60 s: it fails its check 'web': refused"
      ]
    )
  ]

  @Test(arguments: courses.indices) func `is told at once, and where it flaps a line a minute`(_ index: Int) {
    let (changes, pause, rest, told) = Self.courses[index]
    var (rig, run) = running()
    for change in 0..<changes {
      rig.send(.health("w1", run: run, change.isMultiple(of: 2) ? Self.failing : WorkloadHealth(.healthy)))
      rig.pass(.seconds(pause), step: .milliseconds(200))
    }
    rig.pass(.seconds(rest), step: .milliseconds(200))
    #expect(texts(rig) == told)
  }

  @Test func `that flaps for an hour is told in a line a minute, and all of its changes are counted`() {
    var (rig, run) = running()
    for change in 0..<900 {
      rig.send(.health("w1", run: run, change.isMultiple(of: 2) ? Self.failing : WorkloadHealth(.healthy)))
      rig.pass(.seconds(4), step: .milliseconds(500))
    }
    #expect(texts(rig).count <= 62)
    rig.pass(.seconds(121), step: .milliseconds(500))
    let lines = texts(rig)
    let counted = lines.compactMap { line in
      line.split(separator: " ").enumerated().first { $1 == "times" }.flatMap { Int(line.split(separator: " ")[$0.offset - 1]) }
    }
    #expect(counted.reduce(2, +) == 900)
    #expect(lines.last == "w1 has not changed on n1 for 60 s: it is healthy")
    // After that it is told at once again.
    rig.actions = []
    rig.send(.health("w1", run: run, Self.failing))
    #expect(texts(rig) == [Self.fails])
  }

  @Test func `that fails steadily in the end is said to be well again when it is`() {
    var (rig, run) = running()
    for change in 0..<5 {
      rig.send(.health("w1", run: run, change.isMultiple(of: 2) ? Self.failing : WorkloadHealth(.healthy)))
    }
    rig.pass(.seconds(180), step: .milliseconds(200))
    rig.actions = []
    rig.send(.health("w1", run: run, WorkloadHealth(.healthy)))
    #expect(texts(rig) == [Self.well])
  }
}
