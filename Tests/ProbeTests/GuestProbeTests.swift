import HealthProbes
import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import Synchronization
import Testing

/// Agents that answer as they are told, and remember what they were asked.
private final class MadeUpAgents: GuestAgents {
  private struct State {
    var answers: [(word: String, answer: GuestAgentAnswer)]
    var asked: [String] = []
  }
  private let state: Mutex<State>
  /// Before a command is begun.
  private let delay: Duration

  /// - Parameter answers: to commands that contain a word, each once but the last of a word.
  init(_ answers: [(word: String, answer: GuestAgentAnswer)], delay: Duration = .zero) {
    state = Mutex(State(answers: answers))
    self.delay = delay
  }

  var asked: [String] { state.withLock { $0.asked } }

  func ask(agentOf id: DomainID, uuid: String, command: String, limit: Duration) async -> GuestAgentAnswer {
    if delay > .zero, command.contains("\"guest-exec\"") { try? await Task.sleep(for: delay) }
    return state.withLock { state in
      state.asked.append(command)
      let found = state.answers.indices.filter { command.contains("\"\(state.answers[$0].word)\"") }
      guard let first = found.first else { return .unavailable(reason: "it refuses \(command)") }
      let answer = state.answers[first].answer
      if found.count > 1 { state.answers.remove(at: first) }
      return answer
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct `Probes by guest agent` {
  private static let started = GuestAgentAnswer.answer(#"{"return":{"pid":7}}"#)
  private static let running = GuestAgentAnswer.answer(#"{"return":{"exited":false}}"#)
  private static func exited(_ fields: String) -> GuestAgentAnswer { .answer(#"{"return":{"exited":true,\#(fields)}}"#) }

  private func probes(_ answers: [(word: String, answer: GuestAgentAnswer)]) -> (HealthProbes, MadeUpAgents) {
    let agents = MadeUpAgents(answers)
    return (HealthProbes(node: "n1", agents: agents), agents)
  }

  @Test(
    arguments: [
      (.answer(#"{"return":{}}"#), .good), (.silent(reason: "nothing within 2 s"), .bad("does not answer: nothing within 2 s")),
      (.unavailable(reason: "it has none"), .cannotTell("it has none"))
    ] as [(GuestAgentAnswer, Expected)])
  func `ask it whether it is there`(answer: GuestAgentAnswer, expected: Expected) async {
    let (probes, agents) = probes([("guest-ping", answer)])
    let told = await probes.ask(.agent, of: .machine, within: .seconds(2))
    #expect(expected.isMet(by: told), "\(told)")
    #expect(agents.asked == [#"{"execute":"guest-ping"}"#])
    await probes.close()
  }

  @Test(
    arguments: [
      ([exited(#""exitcode":0"#)], .good), ([running, running, exited(#""exitcode":0"#)], .good),
      ([exited(#""exitcode":4"#)], .bad("'check' ends with status 4")),
      ([exited(#""signal":9"#)], .cannotTell("was ended by signal 9")),
      ([.unavailable(reason: "libvirt is gone")], .cannotTell("libvirt is gone")), ([.answer("{}")], .cannotTell("nonsense"))
    ] as [([GuestAgentAnswer], Expected)])
  func `have it run a command, and tell by its status`(looks: [GuestAgentAnswer], expected: Expected) async {
    let (probes, agents) = probes([("guest-exec", Self.started)] + looks.map { ("guest-exec-status", $0) })
    let told = await probes.ask(.exec(ExecProbe(command: ["check", "a \"b\""])), of: .machine, within: .seconds(20))
    #expect(expected.isMet(by: told), "\(told)")
    #expect(agents.asked.first?.contains(#""path":"check""#) == true && agents.asked.first?.contains(#"a \"b\""#) == true)
    await probes.close()
  }

  @Test func `a command that cannot be begun tells nothing`() async {
    let (probes, _) = probes([("guest-exec", .unavailable(reason: "no such file"))])
    let told = await probes.ask(.exec(ExecProbe(command: ["check"])), of: .machine, within: .seconds(20))
    #expect(Expected.cannotTell("does not run 'check': no such file").isMet(by: told), "\(told)")
    await probes.close()
  }

  /// Nobody can end it from outside.
  @Test func `a command that hangs is bad, and no second one is begun beside it`() async {
    let (probes, agents) = probes([("guest-exec", Self.started), ("guest-exec-status", Self.running)])
    let probe = Probe.exec(ExecProbe(command: ["check"]))
    let first = await probes.ask(probe, of: .machine, within: .milliseconds(100))
    #expect(Expected.bad("does not end within 0.1 s").isMet(by: first), "\(first)")
    let second = await probes.ask(probe, of: .machine, within: .milliseconds(100))
    #expect(Expected.bad("of an earlier probe has not ended").isMet(by: second), "\(second)")
    #expect(agents.asked.count { $0.contains("\"guest-exec\"") } == 1)
    await probes.close()
  }

  @Test func `a command that is begun late, and had less time by that, tells nothing`() async {
    let agents = MadeUpAgents([("guest-exec", Self.started), ("guest-exec-status", Self.running)], delay: .milliseconds(200))
    let probes = HealthProbes(node: "n1", agents: agents)
    let told = await probes.ask(.exec(ExecProbe(command: ["check"])), of: .machine, within: .milliseconds(600))
    #expect(Expected.cannotTell("was begun only after").isMet(by: told), "\(told)")
    await probes.close()
  }

  @Test func `a node that cannot ask tells nothing`() async {
    for probe in [Probe.agent, .exec(ExecProbe(command: ["check"]))] {
      let told = await HealthProbes.shared.ask(probe, of: .machine, within: .seconds(20))
      #expect(Expected.cannotTell("").isMet(by: told), "\(told)")
    }
  }
}
