import HoldfastTime
import Lab
import Testing

/// Instants in these traces are small numbers of milliseconds.
private func ms(_ value: Int64) -> BootInstant { BootInstant(nanoseconds: value * 1_000_000) }
private func line(_ node: String, _ epoch: String, _ at: Int64, start: Int64, first: Bool = false) -> String {
  "\(node) \(epoch) \(at * 1_000_000) \(start * 1_000_000)\(first ? " first" : "")\n"
}
/// The trace of one life that beats every 10 ms and started 5 ms before its first beat.
private func life(_ node: String, _ epoch: String, from: Int64, to: Int64) -> String {
  stride(from: from, through: to, by: 10).map { line(node, epoch, $0, start: from - 5, first: $0 == from) }.joined()
}
private func log(_ text: String) -> BeatLog { BeatLog(container: "web1", contents: Array(text.utf8)) }

@Suite struct BeatLogTests {
  @Test func `a life reaches from its first to its last beat`() {
    let read = log(life("h1", "3", from: 100, to: 150) + line("h1", "3", 400, start: 95))
    #expect(read.garbage.isEmpty)
    #expect(
      read.lives == [
        .init(
          node: "h1", epoch: "3", start: ms(95), first: ms(100), last: ms(400), beats: 7, longestPause: .milliseconds(250),
          spans: [.init(from: ms(100), to: ms(150)), .init(from: ms(400), to: ms(400))])
      ])
  }

  @Test func `a restart on the same node and epoch is another life`() {
    let read = log(life("h1", "3", from: 100, to: 150) + life("h1", "3", from: 300, to: 320))
    #expect(read.lives.map(\.start) == [ms(95), ms(295)])
    #expect(read.lives.map(\.last) == [ms(150), ms(320)])
  }

  @Test func `a container that Holdfast did not start has dashes`() {
    let read = log(life("-", "-", from: 100, to: 120))
    #expect(read.lives.map(\.node) == ["-"])
    #expect(read.garbage.isEmpty)
  }

  @Test(arguments: [
    "", "h", "h1", "h1 ", "h1 3", "h1 3 ", "h1 3 1", "h1 3 160000000", "h1 3 160000000 95", "h1 3 160000000 95000000",
    "h1 3 160000000 95000000 ", "h2 4 160000000 150000000 fir", "h2 4 160000000 150000000 first"
  ])
  func `a torn line at the end is passed over`(torn: String) {
    let read = log(life("h1", "3", from: 100, to: 150) + torn)
    #expect(read.garbage.isEmpty)
    #expect(read.lives.map(\.last) == [ms(150)])
  }

  @Test(arguments: [
    "h", "h1", "h1 3", "h1 3 ", "h1 3 1", "h1 3 160000000", "h1 3 160000000 ", "h1 3 160000000 95", "h2 4 160000000 15",
    "h2 4 160000000 150000000", "h2 4 160000000 150000000 fir"
  ])
  func `a torn line that the next life has ended is passed over`(torn: String) {
    let read = log(life("h1", "3", from: 100, to: 150) + torn + "\n" + life("h2", "4", from: 300, to: 320))
    #expect(read.garbage.isEmpty)
    #expect(read.lives.last == log(life("h2", "4", from: 300, to: 320)).lives.first)
  }

  @Test(arguments: [
    ("garbage\n", "it is not NODE EPOCH BOOTTIME_NS START_NS"),
    ("h1 3 12x 95000000\n", "it is not NODE EPOCH BOOTTIME_NS START_NS"),
    ("h1 3 160000000\n", "it is not NODE EPOCH BOOTTIME_NS START_NS"),
    ("h1 3 160000000 95000000 last\n", "it is not NODE EPOCH BOOTTIME_NS START_NS"),
    ("h1 three 160000000 95000000\n", "it is not NODE EPOCH BOOTTIME_NS START_NS"),
    ("\u{0}\u{0}\u{0}\n", "it is not NODE EPOCH BOOTTIME_NS START_NS"),
    (line("h1", "3", 140, start: 95), "it is older than the beat before it"),
    (line("h1", "3", 160, start: 95, first: true), "it begins a life that has begun before"),
    (line("h2", "4", 160, start: 155), "it belongs to no life that began before it")
  ])
  func `garbage elsewhere is reported with its line`(text: String, reason: String) {
    for after in ["", line("h1", "3", 170, start: 95)] {
      let read = log(life("h1", "3", from: 100, to: 150) + text + after)
      #expect(read.garbage.map(\.line) == [7])
      #expect(read.garbage.map(\.reason) == [reason])
      #expect(BeatCheck([read]).violations == read.garbage.map { .garbage(container: "web1", $0) })
    }
  }

  @Test func `an empty trace has no lives`() {
    #expect(log("") == BeatLog(container: "web1", lives: []))
  }
}

@Suite struct BeatCheckTests {
  @Test func `lives one after the other are no violation`() {
    let check = BeatCheck([log(life("h1", "3", from: 100, to: 150) + life("h2", "4", from: 160, to: 200))])
    #expect(check.violations.isEmpty)
    #expect(check.handovers.map(\.gap) == [.milliseconds(10)])
  }

  @Test func `a planted overlap is found, with its nodes, instants and length`() throws {
    // Interleaved as two writers do it: h1 beats until 300, h2 from 250 on.
    let trace =
      life("h1", "3", from: 100, to: 240) + line("h2", "4", 250, start: 245, first: true) + line("h1", "3", 251, start: 95)
      + line("h2", "4", 260, start: 245) + line("h1", "3", 300, start: 95) + line("h2", "4", 350, start: 245)
    let check = BeatCheck([log(trace)])
    let violation = try #require(check.violations.first)
    #expect(check.violations.count == 1)
    guard case .overlap("web1", let old, let new, from: ms(250), to: ms(300)) = violation else {
      Issue.record("\(violation)")
      return
    }
    #expect(old.node == "h1" && old.epoch == "3" && new.node == "h2" && new.epoch == "4")
    #expect(
      violation.description
        == "web1 executed on h1 (epoch 3) and on h2 (epoch 4) at once for 50.0 ms, from 0.250 to 0.300 s after the machine's boot"
    )
  }

  @Test func `one beat within another life is an overlap`() {
    let check = BeatCheck([log(life("h1", "3", from: 100, to: 200) + line("h2", "4", 150, start: 149, first: true))])
    #expect(check.violations.count == 1)
  }

  @Test func `a frozen life that goes on after its successor began is an overlap`() {
    let trace =
      life("h1", "3", from: 100, to: 200) + life("h2", "4", from: 1500, to: 1800) + line("h1", "3", 1600, start: 95)
    let check = BeatCheck([log(trace)])
    guard case .overlap(_, _, _, from: ms(1600), to: ms(1600)) = check.violations.first else {
      Issue.record("\(check.violations)")
      return
    }
  }

  @Test func `two processes on one node under one epoch are an overlap too`() {
    let trace =
      life("h1", "3", from: 100, to: 200) + line("h1", "3", 210, start: 206, first: true) + line("h1", "3", 220, start: 95)
    #expect(BeatCheck([log(trace)]).violations.count == 1)
  }

  @Test func `a frozen life that never goes on is none`() {
    let trace = life("h1", "3", from: 100, to: 200) + life("h2", "4", from: 1500, to: 1800)
    #expect(BeatCheck([log(trace)]).violations.isEmpty)
  }

  @Test func `every pair of three lives at once is named`() {
    let lives = (1...3).map { number in
      BeatLog.Life(node: "h\(number)", epoch: "\(number)", start: ms(0), first: ms(Int64(number)), last: ms(100))
    }
    #expect(BeatCheck([BeatLog(container: "web1", lives: lives)]).violations.count == 3)
  }

  @Test func `different containers do not disturb each other`() {
    let lives = [BeatLog.Life(node: "h1", epoch: "1", start: ms(0), first: ms(1), last: ms(100))]
    let check = BeatCheck([BeatLog(container: "web1", lives: lives), BeatLog(container: "web2", lives: lives)])
    #expect(check.violations.isEmpty)
  }
}
