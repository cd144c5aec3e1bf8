import HealthProbes
import HoldfastChecks
import HoldfastModel

/// What a probe is to answer, by its words.
enum Expected: Sendable {
  case good
  case bad(String)
  case cannotTell(String)

  func isMet(by answer: ProbeResult.Answer) -> Bool {
    switch (self, answer) {
    case (.good, .good): true
    case (.bad(let words), .bad(let reason)), (.cannotTell(let words), .cannotTell(let reason)): reason.contains(words)
    default: false
    }
  }
}

extension ProbeTarget {
  /// A container that nobody looks into.
  static let container = ProbeTarget(
    "web1", "answers", at: .init(domain: DomainID(connection: "lxc:///system", name: "web1"), uuid: "u1", pid: nil))
  static let machine = ProbeTarget(
    "vm1", "answers", at: .init(domain: DomainID(connection: "qemu:///system", name: "vm1"), uuid: "u2", pid: nil))
}

extension HealthProbes {
  /// One for all tests that need nothing of their own: it costs threads.
  static let shared = HealthProbes(node: "n1", agents: nil)
}
