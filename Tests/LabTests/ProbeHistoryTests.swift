import Glibc
import HoldfastTime
import Lab
import Testing

private func ms(_ value: Int64) -> BootInstant { BootInstant(nanoseconds: value * 1_000_000) }
private func answer(_ node: String, _ epoch: String, _ counter: Int64) -> ProbeAnswer {
  ProbeAnswer(name: "web1", node: node, epoch: epoch, counter: counter)
}

@Suite struct ProbeHistoryTests {
  @Test func `answers of one process are one time`() {
    var history = ProbeHistory()
    for at in stride(from: Int64(20), through: 100, by: 20) {
      history.answered(answer("h1", "3", at), asked: ms(at - 1), now: ms(at))
    }
    #expect(
      history.answers == [.init(node: "h1", epoch: "3", from: ms(20), to: ms(100), firstCounter: 20, lastCounter: 100)])
    #expect(history.gaps.isEmpty)
    #expect(history.silentSince == nil)
  }

  @Test(arguments: [
    ("h1", "3", Int64(50), ProbeHistory.Gap.Kind.pause),
    ("h1", "3", 1, .restart),
    ("h1", "4", 50, .restart),
    ("h2", "4", 1, .move(from: "h1", to: "h2"))
  ])
  func `what comes after silence tells what it was`(node: String, epoch: String, counter: Int64, kind: ProbeHistory.Gap.Kind) {
    var history = ProbeHistory()
    history.answered(answer("h1", "3", 10), asked: ms(99), now: ms(100))
    history.missed(asked: ms(120))
    history.missed(asked: ms(140))
    #expect(history.silentSince == ms(120))
    history.answered(answer(node, epoch, counter), asked: ms(900), now: ms(901))
    #expect(history.silentSince == nil)
    #expect(history.gaps == [.init(kind: kind, from: ms(100), to: ms(901))])
  }

  @Test func `a restart between two questions is seen without any silence`() {
    var history = ProbeHistory()
    history.answered(answer("h1", "3", 10), asked: ms(99), now: ms(100))
    history.answered(answer("h1", "3", 2), asked: ms(119), now: ms(120))
    #expect(history.gaps.map(\.kind) == [.restart])
  }

  @Test func `an answer overtaken by a later question's is no restart`() {
    var history = ProbeHistory()
    history.answered(answer("h1", "3", 10), asked: ms(100), now: ms(110))
    history.answered(answer("h1", "3", 9), asked: ms(80), now: ms(111))
    #expect(history.answers.count == 1)
  }

  @Test func `an unanswered question counts only when none got an answer since`() {
    var history = ProbeHistory()
    history.answered(answer("h1", "3", 10), asked: ms(150), now: ms(151))
    history.missed(asked: ms(100))
    #expect(history.silentSince == nil)
    history.missed(asked: ms(160))
    #expect(history.silentSince == ms(160))
  }

  @Test func `what never answered is silent since the first question`() {
    var history = ProbeHistory()
    history.missed(asked: ms(40))
    history.missed(asked: ms(20))
    #expect(history.silentSince == ms(20))
    #expect(history.answers.isEmpty)
  }

  @Test(arguments: ["", "web1", "web1 h1 3", "web1 h1 3 x", "web1 h1 3 4 5"])
  func `another text is no answer`(text: String) { #expect(ProbeAnswer(text) == nil) }

  @Test func `an answer is taken apart`() {
    #expect(ProbeAnswer("web1 h1 3 42\n") == ProbeAnswer(name: "web1", node: "h1", epoch: "3", counter: 42))
  }
}

@Suite struct TimelineTests {
  @Test func `events are in the order of their instants, whenever they were marked`() {
    var timeline = Timeline()
    timeline.mark("h2 declared dead", at: ms(2300))
    timeline.mark("h2 off", at: ms(1000))
    timeline.mark("web1 answers", at: ms(2500))
    timeline.mark("web4 answers", at: ms(2500))
    #expect(timeline.events.map(\.what) == ["h2 off", "h2 declared dead", "web1 answers", "web4 answers"])
    #expect(timeline.time(from: { $0 == "h2 off" }, to: { $0.hasSuffix("answers") }) == .milliseconds(1500))
    #expect(timeline.time(from: { $0 == "web1 answers" }, to: { $0 == "h2 off" }) == nil)
    #expect(
      timeline.description == """
            0.000 s    +0.000  h2 off
            1.300 s    +1.300  h2 declared dead
            1.500 s    +0.200  web1 answers
            1.500 s    +0.000  web4 answers
        """)
  }
}

@Suite struct LabClockTests {
  @Test func `a wall clock's text becomes an instant of the boot clock`() throws {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let micro = String(time.tv_nsec / 1000)
    let text = "\(time.tv_sec)." + String(repeating: "0", count: 6 - micro.count) + micro
    let instant = try #require(LabClock.instant(wallClock: text))
    #expect(instant <= LabClock.now)
    #expect(LabClock.now - instant < .seconds(1))
  }

  @Test(arguments: ["", "1", "1.5", "x.000000", "1.00000x"])
  func `another text is none`(text: String) { #expect(LabClock.instant(wallClock: text) == nil) }
}
