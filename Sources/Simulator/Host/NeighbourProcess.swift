import GuardCore
import HoldfastController
import HoldfastModel

/// A controller's questions to the hosts beside its own, who has an address.
final class NeighbourProcess {
  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  /// Counts questions, so that one that was ended gets no answer.
  private var numbers: [WorkloadName: [WorkloadAddress: Int]] = [:]

  /// As the node asks: twice, and so long for an answer.
  private static let again = Span.milliseconds(100), patience = Span.milliseconds(300)

  init(_ process: ControllerProcess, on host: SimulatedHost) {
    self.process = process
    self.host = host
  }

  func ask(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    for address in addresses {
      let number = end(workload, address)
      host.after(host.dice.milliseconds(0.3...2)) { [self] in
        if tell(whoHas(address.address), workload, address, number) { return }
        host.after(Self.again) { [self] in
          if tell(whoHas(address.address), workload, address, number) { return }
          host.after(Self.patience - Self.again) { [self] in _ = tell(.nobody, workload, address, number) }
        }
      }
    }
  }

  func end(_ workload: WorkloadName, _ addresses: [WorkloadAddress]) {
    for address in addresses { end(workload, address) }
  }

  @discardableResult
  private func end(_ workload: WorkloadName, _ address: WorkloadAddress) -> Int {
    let number = (numbers[workload]?[address] ?? 0) + 1
    numbers[workload, default: [:]][address] = number
    return number
  }

  /// - Returns: nothing more is to be done about this question.
  private func tell(
    _ answer: AddressAnswer?, _ workload: WorkloadName, _ address: WorkloadAddress, _ number: Int
  ) -> Bool {
    guard process.isAlive, numbers[workload]?[address] == number else { return true }
    guard let answer else { return false }
    host.tell("hears of \(address.address): \(answer.words)")
    process.deliver(.addressOwners(workload, [address: answer]))
    return true
  }

  /// Who answers at once; nil: nobody does. A host that is cut off from the store is cut off from the other hosts.
  private func whoHas(_ address: IPAddress) -> AddressAnswer? {
    guard host.link.cut.isEmpty else { return nil }
    if host.world.strangers.contains(address) { return .somebody("02:00:00:00:ff:ff") }
    let other = host.world.hosts.first { $0 !== host && $0.link.cut.isEmpty && $0.addresses.answers(for: address) }
    return other.map { .somebody("02:00:00:00:00:0\($0.index)") }
  }
}

extension AddressAnswer {
  fileprivate var words: String {
    switch self {
    case .nobody: "nobody has it"
    case .somebody(let mac): "\(mac) has it"
    case .cannotTell(let reason): "nobody can tell (\(reason))"
    }
  }
}
