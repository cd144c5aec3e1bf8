import GuardCore
import HoldfastModel
import HoldfastTime

/// The addresses that a host's kernel has on its links, for whoever asks on the network.
final class AddressTable {
  private unowned let host: SimulatedHost
  private(set) var up: Set<GuardedAddress> = []
  /// Changes take so much longer.
  var delay = Span.zero
  /// Addresses cannot be added.
  var refuses = false
  /// How often somebody took each from its link.
  private var losses: [IPAddress: Int] = [:]

  /// A guard looks every ten seconds.
  private static let backWithin = Span.seconds(12)

  /// What became of a change.
  struct Outcome {
    var removed: [GuardedAddress] = []
    var raised: [GuardedAddress] = []
    /// Those among them that were there already.
    var found: [GuardedAddress] = []
    var failed: [GuardedAddress: String] = [:]
  }

  init(_ host: SimulatedHost) { self.host = host }

  /// - Parameters:
  ///   - notAfter: nothing is added from then on.
  ///   - isAsked: whoever asked is there still; a change that a dead process asked for does not happen.
  ///   - ended: told when it is done, in that process.
  func change(
    remove: [GuardedAddress], add: [GuardedAddress], notAfter: BootInstant? = nil, while isAsked: @escaping () -> Bool,
    ended: @escaping (Outcome) -> Void
  ) {
    host.after(host.dice.milliseconds(0.05...0.5) + delay) { [self] in
      guard isAsked() else { return }
      var outcome = Outcome(removed: remove)
      up.subtract(remove)
      let isLate = notAfter.map { host.now >= $0 } ?? false
      if refuses || isLate {
        for address in add { outcome.failed[address] = isLate ? "too late" : "no such device" }
      } else {
        outcome.raised = add
        outcome.found = add.filter(up.contains)
        up.formUnion(add)
      }
      for address in remove { host.tell("\(address.address) is down") }
      for address in outcome.raised where !outcome.found.contains(address) { host.tell("\(address.address) is up") }
      host.world.chronicle?.changed()
      host.world.invariants.addressesChanged(host)
      ended(outcome)
    }
  }

  /// Somebody sets the links up anew, and the guard hears nothing of it.
  func lose(_ address: IPAddress) {
    guard has(address) else { return }
    up = up.filter { $0.address != address }
    host.tell("\(address) is taken from its link by somebody")
    host.world.chronicle?.changed()
    let number = (losses[address] ?? 0) + 1
    losses[address] = number
    let process = host.guardProcess
    host.after(Self.backWithin) { [self] in
      guard isMissing(address, number, process) else { return }
      // A host that was stopped until now looks now.
      host.after(.seconds(1)) { [self] in
        guard isMissing(address, number, process) else { return }
        host.world.violated(.lostAddressIsBack, "\(address) is not up on \(host.name), and its guard says that it is")
      }
    }
  }

  /// The guard that was there says all the time that it is up. One that cannot raise it says so.
  private func isMissing(_ address: IPAddress, _ number: Int, _ process: GuardProcess?) -> Bool {
    guard let process, process === host.guardProcess, losses[address] == number else { return false }
    return !has(address) && process.saysIsUp(address)
  }

  /// The host lost its power.
  func clear() { up = [] }

  func has(_ address: IPAddress) -> Bool { up.contains { $0.address == address } }

  /// Whoever asks for it on the network is answered.
  func answers(for address: IPAddress) -> Bool { has(address) && host.isRunning && !host.isWaking }
}
