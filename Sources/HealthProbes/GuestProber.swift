import FoundationEssentials
import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import Synchronization

/// Asks a VM's guest agent, and has it run commands.
final class GuestProber: Sendable {
  /// One check of one VM.
  struct Asker: Hashable, Sendable {
    var domain: DomainID
    var uuid: String
    var check: CheckName
  }

  private let agents: any GuestAgents
  /// Commands that had not ended when their probes did, by the agent's number for them: nobody can end them, so no second one is begun beside.
  private let running = Mutex<[Asker: Int]>([:])

  /// From one look at whether a command has ended to the next, and the longest.
  private static let firstLook = Duration.milliseconds(20)
  private static let longestLook = Duration.milliseconds(500)
  /// What passes before a command is begun, however short its time, counts for nothing.
  private static let lateBegin = Duration.milliseconds(50)

  init(_ agents: any GuestAgents) { self.agents = agents }

  func ping(_ asker: Asker, until end: ContinuousClock.Instant) async -> Answer {
    switch await ask(asker, GuestCommand("guest-ping"), until: end) {
    case .answer: .good
    case .silent(let reason): .bad(reason: "its guest agent does not answer: \(reason)")
    case .unavailable(let reason): .cannotTell(reason: reason)
    }
  }

  func run(_ command: [String], _ asker: Asker, within limit: Duration, until end: ContinuousClock.Instant) async -> Answer {
    if let earlier = running.withLock({ $0[asker] }) {
      if case .running = await look(at: earlier, asker, until: end) {
        return .bad(reason: "\(Self.name(command)) of an earlier probe has not ended yet")
      }
      running.withLock { $0[asker] = nil }
    }
    let number: Int, asked = ContinuousClock.now
    switch await ask(asker, GuestCommand(running: command), until: end) {
    case .answer(let text):
      guard let started = GuestReply<GuestCommand.Started>(text) else {
        return .cannotTell(reason: "its guest agent answers with nonsense")
      }
      number = started.value.pid
    case .silent(let reason), .unavailable(let reason):
      return .cannotTell(reason: "its guest agent does not run \(Self.name(command)): \(reason)")
    }
    let began = ContinuousClock.now
    let answer = await awaitEnd(of: number, command, asker, within: limit, until: end)
    // Begun late, as its agent or libvirt was busy, it had less time than its check gives it.
    guard case .bad = answer, began - asked > max(limit / 10, Self.lateBegin), running.withLock({ $0[asker] }) == number else {
      return answer
    }
    return .cannotTell(reason: "\(Self.name(command)) was begun only after \(Words.time(began - asked))")
  }

  private func awaitEnd(
    of number: Int, _ command: [String], _ asker: Asker, within limit: Duration, until end: ContinuousClock.Instant
  ) async -> Answer {
    var pause = Self.firstLook
    running.withLock { $0[asker] = number }
    while true {
      switch await look(at: number, asker, until: end) {
      case .running:
        guard ContinuousClock.now + pause < end, (try? await Task.sleep(for: pause, clock: .continuous)) != nil else {
          return .bad(reason: "\(Self.name(command)) does not end within \(Words.time(limit))")
        }
        pause = min(pause * 2, Self.longestLook)
      case .ended(let status):
        running.withLock { $0[asker] = nil }
        return status == 0 ? .good : .bad(reason: "\(Self.name(command)) ends with status \(status)")
      case .killed(let signal):
        running.withLock { $0[asker] = nil }
        return .cannotTell(reason: "\(Self.name(command)) was ended by signal \(signal)")
      case .unknown(let reason): return .cannotTell(reason: reason)
      }
    }
  }

  private static func name(_ command: [String]) -> String { "'\(command.first ?? "")'" }

  private enum CommandState {
    case running
    case ended(Int)
    case killed(Int)
    case unknown(reason: String)
  }

  private func look(at number: Int, _ asker: Asker, until end: ContinuousClock.Instant) async -> CommandState {
    switch await ask(asker, GuestCommand(lookingAt: number), until: end) {
    case .answer(let text):
      guard let status = GuestReply<GuestCommand.Status>(text)?.value else {
        return .unknown(reason: "its guest agent answers with nonsense")
      }
      if !status.exited { return .running }
      return status.signal.map { .killed($0) } ?? .ended(status.exitcode ?? 0)
    case .silent(let reason), .unavailable(let reason):
      return .unknown(reason: "its guest agent does not tell how a command ended: \(reason)")
    }
  }

  private func ask(_ asker: Asker, _ command: GuestCommand, until end: ContinuousClock.Instant) async -> GuestAgentAnswer {
    let left = end - ContinuousClock.now
    guard left > .zero else { return .silent(reason: "its time is over") }
    return await agents.ask(agentOf: asker.domain, uuid: asker.uuid, command: command.text, limit: left)
  }
}

/// A command of QEMU's guest agent protocol, and what it answers.
struct GuestCommand {
  struct Started: Decodable {
    var pid: Int
  }
  struct Status: Decodable {
    var exited: Bool
    var exitcode: Int?
    var signal: Int?
  }
  private struct Plain: Encodable {
    var execute: String
  }
  private struct With<Arguments: Encodable>: Encodable {
    var execute: String
    var arguments: Arguments
  }
  private struct Execution: Encodable {
    var path: String
    var arg: [String]
  }
  private struct Number: Encodable {
    var pid: Int
  }

  let text: String

  init(_ name: String) { text = Self.json(Plain(execute: name)) }

  init(running command: [String]) {
    text = Self.json(
      With(execute: "guest-exec", arguments: Execution(path: command.first ?? "", arg: Array(command.dropFirst()))))
  }

  init(lookingAt number: Int) { text = Self.json(With(execute: "guest-exec-status", arguments: Number(pid: number))) }

  private static func json(_ value: some Encodable) -> String {
    // Texts and numbers: they can always be encoded.
    (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

/// What an agent answered; nil: something else than the protocol says.
struct GuestReply<Value: Decodable> {
  private struct Whole: Decodable {
    var `return`: Value
  }
  let value: Value

  init?(_ text: String) {
    guard let whole = try? JSONDecoder().decode(Whole.self, from: Data(text.utf8)) else { return nil }
    value = whole.return
  }
}
