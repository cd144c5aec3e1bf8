import CgroupIsolation
import GuardCore
import HoldfastTime
import LinuxBasics
import Synchronization

/// Takes links down and up, and their addresses away and back, in a thread of its own: the kernel's routing lock, which every such change
/// needs, may be held by somebody who waits for user space or for a disk.
final class LinkErrand: Sendable {
  /// An order that was carried out.
  struct Done: Sendable {
    /// What the machine is told of it.
    var event: GuardMachine.Event?
    var problems: [String]
  }

  private let errand: Errand
  private let done = Mutex<[Done]>([])

  /// In this time the links of a hundred workloads are down, and nothing that comes after them is late.
  private static let patience = Duration.milliseconds(20)

  init() throws(KernelFileError) { errand = try Errand("links", urgent: true) }

  /// For poll: readable when an order was carried out.
  var number: Int32 { errand.finishedNumber }

  /// Usually carried out when this returns.
  func down(_ round: Int, _ names: [String]) {
    errand.add { [self] in
      let outcome = HostLinks().down(names)
      let event = GuardMachine.Event.linksResult(round: round, foundDown: outcome.foundDown, gone: outcome.gone)
      done.withLock { $0.append(Done(event: event, problems: outcome.problems)) }
    }
    errand.wait(atMost: Self.patience)
  }

  func up(_ names: [String]) {
    errand.add { [self] in
      let problems = HostLinks().up(names)
      done.withLock { $0.append(Done(event: nil, problems: problems)) }
    }
    errand.wait(atMost: Self.patience)
  }

  /// Not waited for: who takes links down after it waits for both.
  ///
  /// - Parameters:
  ///   - notAfter: nothing is added from then on.
  ///   - refusal: why nothing may be added; nil: it may.
  func addresses(
    _ round: Int, remove: [GuardedAddress], add: [GuardedAddress], notAfter: BootInstant?, refusal: String?
  ) {
    errand.add { [self] in
      var outcome = HostAddresses().set(remove: remove, add: refusal == nil ? add : [], notAfter: notAfter)
      if let refusal { for address in add { outcome.failed[address] = refusal } }
      let event = GuardMachine.Event.addressesResult(
        round: round, removed: outcome.removed, raised: outcome.raised, found: outcome.found,
        failed: outcome.failed)
      done.withLock { $0.append(Done(event: event, problems: [])) }
    }
  }

  /// What was carried out since this was asked last.
  func take() -> [Done] {
    errand.noteFinished()
    return done.withLock { done in
      defer { done.removeAll() }
      return done
    }
  }
}
