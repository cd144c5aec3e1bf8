import HoldfastCore

/// What must be true when the storm is over and the cluster had its time: all that should run runs, and nothing moves.
struct Settlement {
  private let world: World

  init(_ world: World) { self.world = world }

  /// What is not as it should be.
  func complaints() -> [String] {
    var complaints: [String] = []
    let specs = world.store.model.entries.keys.compactMap { if case .spec(let name) = $0 { name } else { nil } }.sorted()
    for workload in specs { if let complaint = complaint(of: workload) { complaints.append("\(workload): \(complaint)") } }
    for host in world.hosts { if let complaint = complaint(of: host) { complaints.append("\(host.name): \(complaint)") } }
    if world.now - world.invariants.lastMove < world.settings.stillTime {
      complaints.append("\(world.invariants.lastMover) moved at \(world.invariants.lastMove)")
    }
    return complaints
  }

  private func complaint(of workload: WorkloadName) -> String? {
    let runsOn = world.invariants.executes(workload).map(\.name)
    let claim = world.store.claim(of: workload)
    switch world.store.intent(of: workload)?.desired {
    case nil: return "has no intent"
    // Nobody finishes it where the domain is gone.
    case .adopting: return runsOn.isEmpty ? nil : "runs on \(runsOn), and its adoption does not end"
    case .unprotected: return "has not left protection"
    case .stopped:
      if !runsOn.isEmpty { return "is stopped and runs on \(runsOn)" }
      // A claim whose session is gone is nobody's.
      guard let holder = claim?.holder, world.store.model.entries[.session(holder.incarnation)] != nil else { return nil }
      return "is stopped, and its claim is \(Invariants.words(claim))"
    case .running:
      guard let placement = world.store.placement(of: workload) else { return "has no placement" }
      guard let node = placement.node else { return homeless(workload, placement) }
      if runsOn == [node], claim?.holder?.node == node, claim?.activity == .running { return nil }
      return
        "is placed on \(node), runs on \(runsOn), activity \(claim?.activity?.rawValue ?? "none"), claim \(Invariants.words(claim))"
    }
  }

  /// Nobody took it: is there really no room?
  private func homeless(_ workload: WorkloadName, _ placement: PlacementRecord) -> String? {
    guard !placement.reason.isEmpty else { return "runs nowhere, and nobody says why" }
    let demand = world.store.spec(of: workload)?.demand.memory ?? 0
    var loads: [NodeName: Int] = [:]
    for (key, entry) in world.store.model.entries {
      if case .placement(let other) = key, case .placement(let there) = entry.value, let node = there.node {
        loads[node, default: 0] += world.store.spec(of: other)?.demand.memory ?? 0
      }
    }
    for host in world.hosts where host.controller != nil {
      let unmanaged = host.domains.values.filter { domain in domain.mark == nil }.map(\.memory).reduce(0, +)
      let free = host.record.capacity.memory - (loads[host.name] ?? 0) - unmanaged
      if demand <= free { return "runs nowhere (\(placement.reason)), and \(host.name) has \(free) MiB" }
    }
    return nil
  }

  private func complaint(of host: SimulatedHost) -> String? {
    guard let core = host.controller?.core else { return "no controller" }
    guard core.session.isValid(at: host.now) else { return "no session" }
    if case .armed? = core.guardian.phase { return nil }
    return "its guard is \(core.guardian.summary)"
  }
}
