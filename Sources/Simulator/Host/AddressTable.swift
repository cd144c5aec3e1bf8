import GuardCore
import HoldfastModel

/// The addresses that a host's kernel has on its links, for whoever asks on the network.
final class AddressTable {
  private unowned let host: SimulatedHost
  private(set) var up: Set<GuardedAddress> = []
  /// Changes take so much longer.
  var delay = Span.zero
  /// Addresses cannot be added.
  var refuses = false

  /// What became of a change.
  struct Outcome {
    var removed: [GuardedAddress] = []
    var raised: [GuardedAddress] = []
    var failed: [GuardedAddress: String] = [:]
  }

  init(_ host: SimulatedHost) { self.host = host }

  /// - Parameters:
  ///   - isAsked: whoever asked is there still; a change that a dead process asked for does not happen.
  ///   - ended: told when it is done, in that process.
  func change(
    remove: [GuardedAddress], add: [GuardedAddress], while isAsked: @escaping () -> Bool, ended: @escaping (Outcome) -> Void
  ) {
    host.after(host.dice.milliseconds(0.05...0.5) + delay) { [self] in
      guard isAsked() else { return }
      var outcome = Outcome(removed: remove)
      up.subtract(remove)
      if refuses {
        for address in add { outcome.failed[address] = "no such device" }
      } else {
        outcome.raised = add
        up.formUnion(add)
      }
      for address in remove { host.tell("\(address.address) is down") }
      for address in outcome.raised { host.tell("\(address.address) is up") }
      host.world.chronicle?.changed()
      host.world.invariants.addressesChanged(host)
      ended(outcome)
    }
  }

  /// The host lost its power.
  func clear() { up = [] }

  func has(_ address: IPAddress) -> Bool { up.contains { $0.address == address } }

  /// Whoever asks for it on the network is answered.
  func answers(for address: IPAddress) -> Bool { has(address) && host.isRunning && !host.isWaking }
}
