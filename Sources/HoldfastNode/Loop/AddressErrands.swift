import HoldfastModel
import HoldfastPorts
import Logging
import Synchronization

/// What is under way with the neighbours about workloads' addresses: one errand for each address at a time, which the next one about it ends. Questions wait
/// behind each other when many are asked at once, so that none of them runs out of time for want of a thread.
package final class AddressErrands: Sendable {
  private struct Subject: Hashable {
    var workload: WorkloadName
    var address: WorkloadAddress
  }

  private struct State {
    /// By number, so that one that has ended takes none away that came after it.
    var tasks: [Subject: (number: Int, task: Task<Void, Never>)] = [:]
    /// Those among them that ask.
    var asking: Set<Int> = []
    /// Questions that wait for their turn, the first of them first.
    var waiting: [Subject] = []
    var number = 0
  }

  /// Questions at once. Each takes a third of a second of a thread that does nothing else.
  package static let most = 12

  private let port: any Addresses
  private let answer: @Sendable (WorkloadName, WorkloadAddress, AddressAnswer) -> Void
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter answer: takes what was answered to each question that was not ended before.
  package init(
    _ port: any Addresses, logger: Logger,
    answer: @escaping @Sendable (WorkloadName, WorkloadAddress, AddressAnswer) -> Void
  ) {
    self.port = port
    self.logger = logger
    self.answer = answer
  }

  deinit { state.withLock { state in for entry in state.tasks.values { entry.task.cancel() } } }

  package func ask(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    state.withLock { state in
      for address in addresses {
        let subject = Subject(workload: workload, address: address)
        end(subject, &state)
        state.waiting.append(subject)
      }
      askNext(&state)
    }
  }

  package func announce(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    state.withLock { state in
      for address in addresses {
        let subject = Subject(workload: workload, address: address)
        end(subject, &state)
        begin(subject, &state) { [weak self, port, logger] number in
          do { try await port.announce(address.address, on: address.interface) } catch is CancellationError {} catch {
            logger.warning("\(error)", metadata: ["workload": "\(workload)"])
          }
          _ = self?.ended(subject, number)
        }
      }
      askNext(&state)
    }
  }

  /// Nothing more is said or asked about them.
  package func end(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    state.withLock { state in
      for address in addresses { end(Subject(workload: workload, address: address), &state) }
      askNext(&state)
    }
  }

  private func end(_ subject: Subject, _ state: inout State) {
    state.waiting.removeAll { $0 == subject }
    guard let (number, task) = state.tasks.removeValue(forKey: subject) else { return }
    state.asking.remove(number)
    task.cancel()
  }

  private func askNext(_ state: inout State) {
    while state.asking.count < Self.most, !state.waiting.isEmpty {
      let subject = state.waiting.removeFirst()
      let number = begin(subject, &state) { [weak self, port] number in
        let answer = await port.owner(of: subject.address.address, on: subject.address.interface)
        guard let self, self.ended(subject, number) else { return }
        self.answer(subject.workload, subject.address, answer)
      }
      state.asking.insert(number)
    }
  }

  /// - Parameter work: is told its number, which the caller gets as well.
  @discardableResult
  private func begin(_ subject: Subject, _ state: inout State, _ work: @escaping @Sendable (Int) async -> Void) -> Int {
    state.number += 1
    let number = state.number
    state.tasks[subject] = (number, Task { await work(number) })
    return number
  }

  /// - Returns: false when it was ended before.
  private func ended(_ subject: Subject, _ number: Int) -> Bool {
    state.withLock { state in
      guard state.tasks[subject]?.number == number else { return false }
      state.tasks[subject] = nil
      state.asking.remove(number)
      askNext(&state)
      return true
    }
  }
}
