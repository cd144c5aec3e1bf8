import Foundation
import Glibc
import HealthProbes
import HoldfastChecks
import HoldfastModel
import Testing

/// Scripts that do what scripts do.
@Suite(.timeLimit(.minutes(2))) struct `Probes by script` {
  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var body: String
    var expected: Expected
    var testDescription: String { name }

    init(_ name: String, _ body: String, _ expected: Expected) {
      self.name = name
      self.body = body
      self.expected = expected
    }
  }

  static let rows: [Row] = [
    Row("good", "exit 0", .good),
    Row("bad, and says why", "echo the queue is full; exit 1", .bad("ends with status 1: the queue is full")),
    Row("bad, and says it elsewhere", "echo no answer >&2; exit 1", .bad("status 1: no answer")),
    Row("confused", "exit 2", .cannotTell("ends with status 2")),
    Row(
      "not come to, as the shell before it failed", "echo holdfast-check: fork: no process; exit 1",
      .cannotTell("cannot be run")),
    Row("no such command in it", "nosuchcommand", .cannotTell("cannot be run")),
    Row("killed", "kill -9 $$", .cannotTell("was ended by signal 9")),
    Row("talkative", "head -c 5000000 /dev/zero | tr '\\0' x; exit 0", .good),
    Row("a reader", "cat; exit 0", .good),
    Row(
      "told who it is asked about", "[ \"$HOLDFAST_WORKLOAD $HOLDFAST_CHECK $HOLDFAST_NODE $PWD\" = 'web1 answers n1 /' ]",
      .good),
    Row("ordinary", "[ \"$(nice) $(cat /proc/self/oom_score_adj)\" = '0 0' ]", .good),
    Row("told nothing else", "[ -z \"$HOME$USER$NOTIFY_SOCKET\" ]", .good),
    Row("given its arguments", "[ \"$1|$2\" = 'a b|' ]", .good)
  ]

  private func ask(_ path: String, within limit: Duration = .seconds(20)) async -> ProbeResult.Answer {
    await HealthProbes.shared.ask(
      .script(ScriptProbe(path: path, arguments: ["a b", ""])), of: .container, within: limit)
  }

  @Test(arguments: rows) func `tell by their status`(row: Row) async throws {
    let scratch = try Scratch()
    let answer = await ask(try scratch.script(row.body))
    #expect(row.expected.isMet(by: answer), "\(answer)")
  }

  @Test func `that do not exist, or cannot be run, tell nothing`() async throws {
    let scratch = try Scratch()
    for path in ["\(scratch.path)/none", try scratch.write("#!/bin/sh\n", name: "plain"), scratch.path] {
      let answer = await ask(path)
      #expect(Expected.cannotTell("cannot be run").isMet(by: answer), "\(answer)")
    }
  }

  /// Processes that wait for ever, in ways that an order to end does not reach.
  @Test(arguments: [
    "echo $$ > pid; exec sleep 1000", "trap '' TERM INT HUP; echo $$ > pid; while :; do sleep 1000; done",
    "sleep 1000 & echo $! > pid; wait", "(trap '' TERM; sleep 1000 & echo $! > pid; wait)"
  ]) func `that hang are bad, and nothing is left of them`(body: String) async throws {
    let scratch = try Scratch()
    let answer = await ask(try scratch.script("cd \(scratch.path); \(body)"), within: .seconds(2))
    #expect(Expected.bad("does not end within 2 s").isMet(by: answer), "\(answer)")
    let process = try await scratch.process()
    #expect(await Scratch.isGone(process))
  }

  @Test func `that leave something behind leave nothing`() async throws {
    let scratch = try Scratch()
    // It also keeps the script's output open.
    let answer = await ask(try scratch.script("cd \(scratch.path); sleep 1000 & echo $! > pid; exit 0"))
    #expect(answer == .good)
    #expect(await Scratch.isGone(try await scratch.process()))
  }

  @Test func `that are given up end at once`() async throws {
    let scratch = try Scratch()
    let path = try scratch.script("cd \(scratch.path); echo $$ > pid; exec sleep 1000")
    let asked = Task { await ask(path, within: .seconds(300)) }
    let process = try await scratch.process()
    asked.cancel()
    _ = await asked.value
    #expect(await Scratch.isGone(process))
  }

  @Test func `so many run at once, and the others wait for their turn`() async throws {
    let scratch = try Scratch()
    let hanging = try scratch.script("cd \(scratch.path); echo $$ > pid; exec sleep 1000")
    let commands = CommandProber(atOnce: 1)
    let first = Task { await commands.run([hanging], variables: [:], until: .now + .seconds(300)) }
    let process = try await scratch.process()
    let second = await commands.run(["true"], variables: [:], until: .now + .milliseconds(50))
    #expect(second == .notStarted(reason: "1 commands of checks run on this node already"))
    let third = Task { await commands.run(["true"], variables: [:], until: .now + .seconds(300)) }
    first.cancel()
    #expect(await third.value == .exited(0, output: ""))
    #expect(await Scratch.isGone(process))
  }

  /// A node with many of them is no reason to say that a workload does not answer.
  @Test func `that had to wait for their turn, and had less time by that, tell nothing`() async throws {
    let scratch = try Scratch()
    let hanging = try scratch.script("cd \(scratch.path); echo $$ > pid; exec sleep 1000")
    let commands = CommandProber(atOnce: 1)
    let first = Task { await commands.run([hanging], variables: [:], until: .now + .seconds(300)) }
    let process = try await scratch.process()
    let second = Task { await commands.run(["sleep", "1000"], variables: [:], until: .now + .seconds(3)) }
    try await Task.sleep(for: .milliseconds(600))
    first.cancel()
    let end = await second.value
    if case .notStarted(let reason) = end { #expect(reason.contains("for its turn")) } else { Issue.record("\(end)") }
    #expect(await Scratch.isGone(process))
  }
}

extension Scratch {
  /// The number that a script has written into `pid`.
  func process() async throws -> pid_t {
    while true {
      if let text = try? String(contentsOfFile: "\(path)/pid", encoding: .utf8), text.hasSuffix("\n"),
        let number = pid_t(text.dropLast())
      {
        return number
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// Waits until a process executes nothing more; false: it did after ten seconds.
  static func isGone(_ process: pid_t) async -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while isExecuting(process) {
      guard ContinuousClock.now < end else { return false }
      try? await Task.sleep(for: .milliseconds(2))
    }
    return true
  }

  /// One that nobody has waited for yet is over.
  private static func isExecuting(_ process: pid_t) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let state = status[(status.lastIndex(of: ")") ?? status.startIndex)...].dropFirst(2).first
    else { return false }
    return state != "Z" && state != "X"
  }
}

@Suite(.timeLimit(.minutes(1))) struct `A gate` {
  @Test func `lets those in who wait, in their order`() async throws {
    let gate = Gate(1)
    #expect(await gate.enter(until: .now))
    let (order, entered) = AsyncStream.makeStream(of: Int.self)
    let first = Task {
      if await gate.enter(until: .now + .seconds(300)) { entered.yield(1) }
    }
    // The second comes when the first waits.
    while gate.waitingCount < 1 { await Task.yield() }
    let second = Task {
      if await gate.enter(until: .now + .seconds(300)) { entered.yield(2) }
    }
    while gate.waitingCount < 2 { await Task.yield() }
    gate.leave()
    await first.value
    gate.leave()
    await second.value
    entered.finish()
    #expect(await order.reduce(into: []) { $0.append($1) } == [1, 2])
  }

  @Test func `turns those away whose time is over or who are cancelled, and keeps no place for them`() async {
    let gate = Gate(1)
    #expect(await gate.enter(until: .now))
    #expect(await !gate.enter(until: .now + .milliseconds(5)))
    let waiting = Task { await gate.enter(until: .now + .seconds(300)) }
    while gate.waitingCount < 1 { await Task.yield() }
    waiting.cancel()
    #expect(await !waiting.value)
    #expect(gate.waitingCount == 0)
    gate.leave()
    #expect(await gate.enter(until: .now))
    #expect(await !gate.enter(until: .now))
  }
}
