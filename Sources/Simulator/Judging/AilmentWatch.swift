import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Judges what the planner does about nodes whose own checks fail: nothing leaves a node without a decision about it, and nothing is decided for a
/// cause that its nodes share, by what is really wrong with them.
final class AilmentWatch {
  /// Longer than it takes a cause to be seen everywhere, whatever else goes wrong with watches, controllers and the store.
  private static let slack = Span.seconds(20)
  /// So long after its end a decision explains what was on its way.
  private static let grace = Span.seconds(15)

  private enum Decision: Hashable {
    case stands
    case stood(until: Moment)
  }

  private unowned let world: World
  private var decisions: [NodeName: Decision] = [:]

  init(_ world: World) { self.world = world }

  /// - Parameter record: nil: it is deleted.
  func wrote(_ record: LossesRecord?, of node: NodeName, by who: String) {
    guard let ailment = record?.ailment else {
      if decisions[node] == .stands { decisions[node] = .stood(until: world.now) }
      return
    }
    guard decisions.updateValue(.stands, forKey: node) != .stands else { return }
    world.tally.count(.ailments)
    guard let patience = patience(ailment.check) else { return }
    if let host = world.host(node), !host.health.wasInTrouble(ailment.check, since: world.now - patience) {
      world.violated(
        .wellNodeStays, "\(who) decides that what runs on \(node) leaves for '\(ailment.check)', which was good there")
    }
    guard let text = commonCause(of: ailment.check, patience) else { return }
    world.violated(.commonCauseStays, "\(who) decides that what runs on \(node) leaves for '\(ailment.check)': \(text)")
  }

  /// The workload is placed elsewhere, as its node is ailing.
  func left(_ workload: WorkloadName, _ node: NodeName, by who: String) {
    // Those that it goes together with may be on another node.
    let isDecided = decisions.values.contains { decision in
      switch decision {
      case .stands: true
      case .stood(let until): world.now - until < Self.grace
      }
    }
    guard !isDecided else { return }
    world.violated(.oneDecision, "\(who) moves \(workload) off \(node), which is ailing, and nobody has decided that")
  }

  /// How long it takes at most until everybody knows; nil: no policies have the check.
  private func patience(_ check: CheckName) -> Span? {
    let policies = world.settings.cluster.policies.flatMap(\.nodeChecks).filter { $0.check.name == check }
    return policies.map(\.check.settling).max().map { Span.seconds($0) + Self.slack }
  }

  /// Most nodes that could take workloads have failed the check for so long that everybody knows; nil: they have not.
  private func commonCause(of check: CheckName, _ patience: Span) -> String? {
    let standing = Set(world.store.sessions.filter { $0.phase == .active }.map(\.node))
    let hosts = world.hosts.filter {
      standing.contains($0.name) && !PlacementRules.isInMaintenance($0.name, in: world)
    }
    let failing = hosts.filter { host in
      guard let since = host.health.failing[check] else { return false }
      return world.now - since > patience && host.health.blind.isEmpty
    }
    guard failing.count > 1, failing.count * 2 >= hosts.count else { return nil }
    return "it fails on \(failing.count) of \(hosts.count) nodes, and has for \(patience)"
  }
}
