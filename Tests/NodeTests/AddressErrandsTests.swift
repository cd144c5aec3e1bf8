import GuardCore
import HoldfastModel
import HoldfastNode
import HoldfastPorts
import Logging
import Synchronization
import Testing

/// What a node does with its neighbours about addresses, over a port that the test answers for.
@Suite struct `Errands about addresses` {
  /// Answers when it is told to.
  private final class Neighbours: Addresses {
    struct State {
      var asked: [IPAddress] = []
      var announced: [IPAddress] = []
      var cancelled: [IPAddress] = []
      var waiting: [IPAddress: CheckedContinuation<AddressAnswer, Never>] = [:]
    }
    let state = Mutex(State())

    func owner(of address: IPAddress, on link: String) async -> AddressAnswer {
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          state.withLock {
            $0.asked.append(address)
            $0.waiting[address] = continuation
          }
        }
      } onCancel: {
        state.withLock { $0.cancelled.append(address) }
        answer(address, .cannotTell(reason: "it was given up"))
      }
    }

    func announce(_ address: IPAddress, on link: String) async throws { state.withLock { $0.announced.append(address) } }

    func answer(_ address: IPAddress, _ answer: AddressAnswer) {
      state.withLock { $0.waiting.removeValue(forKey: address) }?.resume(returning: answer)
    }
  }

  private final class Answers: Sendable {
    let all = Mutex<[WorkloadAddress: AddressAnswer]>([:])
  }

  private static func address(_ last: UInt32) -> WorkloadAddress {
    WorkloadAddress(.four(0x0A00_0000 + last), prefixLength: 24, on: "br0")
  }

  private func errands(_ port: Neighbours, _ answers: Answers) -> AddressErrands {
    AddressErrands(port, logger: Logger(label: "test")) { _, address, answer in answers.all.withLock { $0[address] = answer } }
  }

  /// Ends when it is so; the test's time limit ends it otherwise.
  private func until(_ isSo: () -> Bool) async throws { while !isSo() { try await Task.sleep(for: .milliseconds(1)) } }

  @Test(.timeLimit(.minutes(1))) func `hand each answer on as it comes`() async throws {
    let port = Neighbours(), answers = Answers(), errands = errands(port, answers)
    let (one, two) = (Self.address(1), Self.address(2))
    errands.ask("w", [one, two])
    try await until { port.state.withLock { $0.waiting.count == 2 } }
    port.answer(two.address, .somebody("52:54:00:00:00:01"))
    try await until { answers.all.withLock { $0.count == 1 } }
    port.answer(one.address, .nobody)
    try await until { answers.all.withLock { $0.count == 2 } }
    #expect(answers.all.withLock { $0 } == [one: .nobody, two: .somebody("52:54:00:00:00:01")])
  }

  @Test(.timeLimit(.minutes(1))) func `ask so many at once, and the rest behind them`() async throws {
    let port = Neighbours(), answers = Answers(), errands = errands(port, answers)
    let all = (1...UInt32(AddressErrands.most) + 3).map { Self.address($0) }
    errands.ask("w", all)
    try await until { port.state.withLock { $0.waiting.count == AddressErrands.most } }
    #expect(port.state.withLock { $0.asked.count } == AddressErrands.most)
    while answers.all.withLock({ $0.count < all.count }) {
      for address in port.state.withLock({ Array($0.waiting.keys) }) { port.answer(address, .nobody) }
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(answers.all.withLock { $0.count } == all.count)
  }

  @Test(.timeLimit(.minutes(1))) func `end when the address is not the workload's any more, without an answer`() async throws {
    let port = Neighbours(), answers = Answers(), errands = errands(port, answers)
    let (one, two) = (Self.address(1), Self.address(2))
    errands.ask("w", [one])
    try await until { port.state.withLock { $0.waiting.count == 1 } }
    errands.end("w", [one])
    try await until { port.state.withLock { $0.cancelled == [one.address] } }
    errands.ask("w", [two])
    try await until { port.state.withLock { $0.waiting.count == 1 } }
    port.answer(two.address, .nobody)
    try await until { answers.all.withLock { !$0.isEmpty } }
    #expect(answers.all.withLock { $0 } == [two: .nobody])
  }

  @Test(.timeLimit(.minutes(1))) func `announce what is up`() async throws {
    let port = Neighbours(), errands = errands(port, Answers())
    errands.announce("w", [Self.address(1), Self.address(2)])
    try await until { port.state.withLock { $0.announced.count == 2 } }
    #expect(port.state.withLock { Set($0.announced) } == [Self.address(1).address, Self.address(2).address])
  }
}
