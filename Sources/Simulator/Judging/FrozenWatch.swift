import HoldfastController
import HoldfastModel
import HoldfastTime

/// Looks again and again for what stands frozen on a node whose session stands, while another node could take it: nobody else may run it then,
/// so it must not last.
final class FrozenWatch {
  private static let interval = Span.seconds(1)
  /// Beyond what the controller allows itself: for its transaction, and for what it waits for before that.
  private static let slack = Span.seconds(10)

  private unowned let world: World
  /// By host: since when it was so at every look.
  private var since: [Int: Beginning] = [:]

  private struct Beginning {
    var at: Moment
    /// Since when its session had been valid without a break then, by the host's clock. After a break, which may fall between two looks, the node
    /// begins anew.
    var validSince: BootInstant?
  }

  init(_ world: World) {
    self.world = world
    world.every(Self.interval) { [self] in look() }
  }

  private func look() {
    let isOtherThere = world.hosts.filter(Self.serves).map(\.index)
    for host in world.hosts {
      guard let workload = keepsFrozen(host), isOtherThere.contains(where: { $0 != host.index }) else {
        since[host.index] = nil
        continue
      }
      let validSince = host.controller?.core.session.validSince
      let known = since[host.index].flatMap { $0.validSince == validSince ? $0 : nil }
      let began = known ?? Beginning(at: world.now, validSince: validSince)
      since[host.index] = began
      let timing = world.settings.timing
      guard world.now - began.at > Span(timing.frozenPatience + timing.ttl * 2) + Self.slack else { continue }
      world.violated(
        .nothingStaysFrozen, "\(workload) has stood frozen on \(host.name) since \(began.at), whose session stands all the time"
      )
    }
  }

  /// It could run what others do not.
  private static func serves(_ host: SimulatedHost) -> Bool {
    hasSession(host) && host.controller?.core.guardStatus.isArmed == true
  }

  private static func hasSession(_ host: SimulatedHost) -> Bool {
    guard host.isRunning, let process = host.controller, !process.isHalted else { return false }
    return process.core.session.isValid(at: host.now)
  }

  /// A workload that is frozen there under its claim.
  private func keepsFrozen(_ host: SimulatedHost) -> WorkloadName? {
    guard host.kernel.confirms, host.isPartitionFrozen || !host.frozenCgroups.isEmpty, Self.hasSession(host),
      let incarnation = host.controller?.core.session.incarnation, world.store.session(incarnation) != nil,
      world.store.disarm == nil
    else { return nil }
    for domain in host.domains.values where host.isFrozen(domain) && domain.isAlive {
      guard let workload = world.invariants.workload(uuid: domain.uuid), let holder = world.store.claim(of: workload)?.holder,
        holder.incarnation == incarnation
      else { continue }
      return workload
    }
    return nil
  }
}
