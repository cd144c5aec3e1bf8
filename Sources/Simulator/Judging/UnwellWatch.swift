import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Looks again and again for a run that answers nothing while everything else is well: it must not stay so for longer than its checks take, and a
/// little.
final class UnwellWatch {
  private static let interval = Span.seconds(1)
  /// For what the node itself needs: an answer that was lost, a controller that is busy, libvirt.
  private static let slack = Span.seconds(10)

  private unowned let world: World
  /// By process: since when it was so at every look.
  private var since: [Key: Moment] = [:]

  private struct Key: Hashable {
    var host: Int
    var pid: Int32
  }

  init(_ world: World) {
    self.world = world
    world.every(Self.interval) { [self] in look() }
  }

  private func look() {
    var now: [Key: Moment] = [:]
    for host in world.hosts {
      for domain in host.domains.values.sorted(by: { $0.pid < $1.pid }) {
        guard let workload = host.services.isDown(domain), let patience = patience(workload, domain, on: host) else { continue }
        let key = Key(host: host.index, pid: domain.pid), began = since[key] ?? world.now
        now[key] = began
        guard world.now - began > patience else { continue }
        world.violated(
          .unwellIsEnded, "\(workload) answers nothing on \(host.name) since \(began), and nothing is done about it")
      }
    }
    since = now
  }

  /// How long it may stay so; nil: something else is the matter as well, and nobody has to act.
  private func patience(_ workload: WorkloadName, _ domain: SimulatedDomain, on host: SimulatedHost) -> Span? {
    guard host.isRunning, let process = host.controller, !process.isHalted, host.link.cut.isEmpty,
      world.store.service == .serving, !world.store.isFull, host.libvirt.answers, domain.isReady, domain.pause == nil,
      !domain.isKilled, !domain.isStopping, !host.isFrozen(domain)
    else { return nil }
    let core = process.core
    guard core.session.isValid(at: host.now), core.guardStatus.isArmed, !core.isLeaving, core.view.disarm == nil,
      core.view.maintenance.isEmpty, let incarnation = core.session.incarnation, let spec = core.view.specs[workload]?.value,
      let claim = core.view.claims[workload]?.value, claim.holder?.incarnation == incarnation, claim.migration == nil,
      claim.newerDisks == nil, claim.ends == nil, core.view.placements[workload]?.value.node == host.name,
      let intent = core.view.intents[workload]?.value, intent.desired == .running, intent.errand == nil,
      // What may be the node's fault waits for that to end.
      host.health.failing.isEmpty, host.health.flapping.isEmpty
    else { return nil }
    let times = (spec.checks ?? []).filter { $0.reaction == .restart }.map { Span($0.longestDetection + $0.grace) }
    return times.min().map { $0 + Self.slack }
  }
}
