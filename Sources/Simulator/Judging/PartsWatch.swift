import HoldfastModel
import HoldfastTime
import HostParts

/// Judges what workloads made of parts do: what is mounted where, in which order they start and stop, and what is left of them.
///
/// Shared storage is taken to refuse a node whose session was ended, as reservations do: what such a node has mounted still, since the guard unmounts
/// nothing, does not count.
final class PartsWatch {
  private static let interval = Span.seconds(1)
  /// Beyond what the questions take: for one that was lost to something that lasted for less than a look.
  private static let slack = Span.seconds(10)

  private unowned let world: World

  init(_ world: World) { self.world = world }

  private func isJudged(_ workload: WorkloadName) -> Bool {
    world.invariants.isProtected(workload) && PlacementRules.isExclusive(workload, in: world)
  }

  // MARK: claims

  /// Who gives a claim away has nothing left of the workload. Where the store took it, what is there is left behind.
  func claimChanged(
    _ workload: WorkloadName, from before: ClaimRecord.Holder?, to holder: ClaimRecord.Holder?, by who: String
  ) {
    if let holder { world.host(holder.node)?.domains[workload.text]?.parts?.isLeftBehind = false }
    guard let before, before.node != holder?.node, let parts = world.host(before.node)?.domains[workload.text]?.parts else {
      return
    }
    if world.store.session(before.incarnation) != nil, isJudged(workload), let left = parts.left {
      world.violated(.leftIsTold, "\(who) gave the claim of \(workload) away, and on \(before.node) \(left)")
    }
    parts.isLeftBehind = true
  }

  // MARK: mounts

  /// A mount takes hold. On a host that was just resumed everything is runnable at once, and its guard has not had its turn.
  func mounted(_ mount: MountPart, _ parts: SimulatedParts, on host: SimulatedHost) {
    guard !mount.isReadOnly, !host.isWaking, isJudged(parts.workload) else { return }
    for other in world.hosts where other !== host && other.isUp {
      guard let there = other.domains[parts.workload.text]?.parts, !there.isLeftBehind,
        there.mounted.contains(where: { there.parts[$0].kind == .mount(mount) })
      else { continue }
      world.violated(.oneMount, "\(mount.what) is mounted on \(other.name) and on \(host.name)")
    }
  }

  // MARK: order

  /// A part is about to be started: those before it came up in this run.
  func starts(_ index: Int, _ parts: SimulatedParts, on host: SimulatedHost) {
    guard let missing = (0..<index).first(where: { !parts.cameUp.contains($0) }) else { return }
    world.violated(
      .partsInOrder,
      "\(parts.parts[index].words) of \(parts.workload) is started on \(host.name) before \(parts.parts[missing].words)")
  }

  /// A part is about to be stopped: nothing is left of those after it.
  func stops(_ index: Int, _ parts: SimulatedParts, on host: SimulatedHost) {
    guard let later = (index + 1..<parts.parts.count).first(where: parts.isLeft) else { return }
    world.violated(
      .partsInOrder,
      "\(parts.parts[index].words) of \(parts.workload) is stopped on \(host.name) before \(parts.parts[later].words)")
  }

  // MARK: what is left

  /// The adapter says that nothing is left.
  func isOver(_ parts: SimulatedParts, on host: SimulatedHost) {
    guard let left = parts.left else { return }
    world.violated(.leftIsTold, "\(parts.workload) is told as gone on \(host.name), and \(left)")
  }

  // MARK: what runs on

  /// A part ended by itself: those after it do not run on for long.
  func died(_ index: Int, _ parts: SimulatedParts, on host: SimulatedHost) {
    let part = parts.parts[index]
    let questions = Span(.seconds(2 * (part.interval + part.statusTimeout)))
    look(index, parts, on: host, since: world.now, patience: questions + Self.slack, process: host.controller)
  }

  /// Again and again, until the part is up again or what came after it is on its way down. Whatever keeps its controller from asking begins anew.
  private func look(
    _ index: Int, _ parts: SimulatedParts, on host: SimulatedHost, since: Moment, patience: Span, process: ControllerProcess?
  ) {
    host.after(Self.interval) { [self] in
      guard host.domains[parts.workload.text]?.parts === parts, !parts.isUp(index), parts.wasUp else { return }
      let name = PartName(parts.parts[index].name, of: parts.workload)
      let isDisturbed =
        process == nil || process !== host.controller || process?.isHalted == true || host.isFreezeOrdered
        || host.partTroubles.blind.contains(name)
      guard !isDisturbed else {
        return look(index, parts, on: host, since: world.now, patience: patience, process: host.controller)
      }
      let after = (index + 1..<parts.parts.count).first(where: parts.isUp)
      if let after, world.now - since > patience {
        return world.violated(
          .partsTogether,
          "\(parts.parts[after].words) of \(parts.workload) runs on \(host.name) since \(since) without "
            + parts.parts[index].words)
      }
      look(index, parts, on: host, since: since, patience: patience, process: process)
    }
  }
}
