import HoldfastModel

/// Why a node does something with a workload, as far as its records tell that node. Only for people and their executables: nothing is decided by it.
public enum HookCause: String, CaseIterable, Hashable, Sendable, Codable {
  /// Its node was lost, or it failed there again and again.
  case failover
  /// It goes back where it is preferred, or was before a maintenance.
  case failback
  /// Its node is kept empty for a maintenance, or leaves.
  case evacuation
  /// Somebody asked for it.
  case `operator`
  /// A rule of the policies, or room for another workload.
  case policy
  /// It ended, or failed a check, and starts anew where it was.
  case restart

  /// For people. `Docs/hooks.md` shows it.
  public var meaning: String {
    switch self {
    case .failover: "Its node was lost, or it failed there again and again"
    case .failback: "It goes back where its policy prefers it, or home after a maintenance"
    case .evacuation: "Its node is emptied for a maintenance, or leaves as it shuts down"
    case .operator: "Somebody asked for it: `start`, `stop`, `restart`, `move`"
    case .policy: "A rule of the policies moves it, or it makes room for another"
    case .restart: "It ended, or failed a check, and starts anew where it was"
    }
  }

  /// Before a start, a stop or a live migration of a workload on this node.
  ///
  /// - Parameters:
  ///   - me: this node.
  ///   - isAgain: it was started here before under the same claim.
  package init?(_ act: Hook.Act, of workload: WorkloadName, on me: NodeName, in view: ClusterView, isAgain: Bool = false) {
    let intent = view.intents[workload], claim = view.claims[workload]?.value, placement = view.placements[workload]
    switch act {
    case .start:
      if isAgain || claim?.ends ?? 0 > 0 {
        self = .restart
        return
      }
    case .stop where intent.map { $0.value.desired != .running || Self.ends($0.value.errand) } ?? false:
      self = .operator
      return
    case .stop where placement?.value.node == me:
      self = .restart
      return
    case .stop, .migrate:
      if view.maintenance[me]?.value.phase == .empty || view.session(of: me)?.record.value.phase == .leaving {
        self = .evacuation
        return
      }
    }
    guard let placement else { return nil }
    self.init(placement, of: workload, in: view)
  }

  private static func ends(_ errand: IntentRecord.Errand?) -> Bool { errand == .restart || errand == .reset }

  /// What brought it to its place.
  private init?(_ placement: Stored<PlacementRecord>, of workload: WorkloadName, in view: ClusterView) {
    let codes = Set(placement.value.reason.codes)
    if placement.value.cause == .operatorsMove || !codes.isDisjoint(with: ["operatorAsked", "movedWith"]) {
      self = .operator
    } else if !codes.isDisjoint(with: ["backFrom", "backTogether", "homeAfterMaintenance"]) {
      self = .failback
    } else if !codes.isDisjoint(with: ["endsAgain", "unwell"]) || Self.followsLoss(placement, of: workload, in: view) {
      self = .failover
    } else if placement.value.handedOver != nil || placement.value.home.map({ $0 != placement.value.node }) ?? false {
      self = .evacuation
    } else if !codes.isDisjoint(with: ["notAllowed", "affinityGroupMoved", "madeWay", "roomMade", "displaced"]) {
      self = .policy
    } else {
      return nil
    }
  }

  /// A node was lost after all that would explain the placement otherwise, and was out of the question for that.
  private static func followsLoss(
    _ placement: Stored<PlacementRecord>, of workload: WorkloadName, in view: ClusterView
  ) -> Bool {
    let asked = max(view.intents[workload]?.modified ?? .zero, view.specs[workload]?.created ?? .zero)
    let emptied = placement.value.home.flatMap { view.maintenance[$0]?.modified } ?? .zero
    return placement.value.others.contains { node, exclusion in
      guard ["down", "downInMaintenance", "lost"].contains(exclusion.code), let loss = view.losses[node] else { return false }
      return loss.modified > max(asked, emptied) && loss.modified <= placement.modified
    }
  }
}
