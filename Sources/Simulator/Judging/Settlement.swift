import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime

/// What must be true when the storm is over and the cluster had its time: all that should run runs, and nothing moves.
struct Settlement {
  struct Complaint {
    var invariant: Invariant
    var text: String
  }

  private let world: World

  init(_ world: World) { self.world = world }

  /// What is not as it should be.
  func complaints() -> [Complaint] {
    var complaints = world.store.workloads.compactMap(complaint)
    for host in world.hosts {
      if let text = complaint(of: host) {
        complaints.append(Complaint(invariant: .nodesAreBack, text: "\(host.name): \(text)"))
      }
    }
    // What was released while nobody held it stays as it is, and people are told.
    let protected = Set(world.store.workloads.map(\.text))
    for host in world.hosts {
      for domain in host.domains.values.sorted(by: { $0.id.name < $1.id.name })
      where domain.pause != nil && domain.pause != .crashed && protected.contains(domain.id.name) {
        let text = "\(domain.id.name) is paused on \(host.name) since a migration"
        complaints.append(Complaint(invariant: .everythingRuns, text: text))
      }
    }
    let invariants = world.invariants
    if world.now - invariants.lastMove < world.settings.stillTime {
      complaints.append(Complaint(invariant: .nothingMoves, text: "\(invariants.lastMover) changed at \(invariants.lastMove)"))
    }
    return complaints
  }

  private func complaint(of workload: WorkloadName) -> Complaint? {
    let text: String?
    switch world.store.intent(of: workload)?.desired {
    case nil: text = "has no intent"
    // Nobody finishes an adoption where the domain is gone.
    case .adopting: text = world.invariants.executes(workload).isEmpty ? nil : "runs, and its adoption does not end"
    case .unprotected: text = "has not left protection"
    case .stopped: text = complaintOfStopped(workload)
    case .running:
      if let placement = world.store.placement(of: workload), placement.node == nil {
        guard !placement.reason.isEmpty else {
          return Complaint(invariant: .reasonsAreStated, text: "\(workload) runs nowhere, and nobody says why")
        }
        text = complaintOfUnplaceable(workload, placement)
      } else {
        text = complaintOfPlaced(workload)
      }
    }
    return text.map { Complaint(invariant: .everythingRuns, text: "\(workload) \($0)") }
  }

  private func complaintOfStopped(_ workload: WorkloadName) -> String? {
    let runsOn = world.invariants.executes(workload).map(\.name.text)
    if !runsOn.isEmpty { return "is stopped and runs on \(runsOn.joined(separator: ", "))" }
    let claim = world.store.claim(of: workload)
    // A claim whose session is gone is nobody's.
    guard let holder = claim?.holder, world.store.session(holder.incarnation) != nil else { return nil }
    return "is stopped, and its claim is \(Invariants.words(claim))"
  }

  private func complaintOfPlaced(_ workload: WorkloadName) -> String? {
    guard let node = world.store.placement(of: workload)?.node else { return "has no placement" }
    let runsOn = world.invariants.executes(workload).map(\.name)
    let claim = world.store.claim(of: workload)
    if runsOn == [node], claim?.holder?.node == node, claim?.activity == .running {
      return world.host(node).flatMap { complaintOfAddresses(workload, on: $0) }
    }
    let places = runsOn.isEmpty ? "nowhere" : "on \(runsOn.map(\.text).joined(separator: ", "))"
    return
      "is placed on \(node), runs \(places), activity \(claim?.activity?.rawValue ?? "none"), claim \(Invariants.words(claim))"
  }

  /// What runs undisturbed has its addresses.
  private func complaintOfAddresses(_ workload: WorkloadName, on host: SimulatedHost) -> String? {
    guard PlacementRules.isExclusive(workload, in: world) else { return nil }
    let missing = (world.store.spec(of: workload)?.addresses ?? []).first { address in
      !world.strangers.contains(address.address) && !host.addresses.has(address.address)
    }
    return missing.map { "runs on \(host.name), and its address \($0.address) is not up there" }
  }

  /// Nobody took it: is there really no room?
  private func complaintOfUnplaceable(_ workload: WorkloadName, _ placement: PlacementRecord) -> String? {
    guard let spec = world.store.spec(of: workload) else { return nil }
    let loads = PlacementRules.loads(in: world)
    for host in world.hosts where host.controller != nil {
      guard PlacementRules.refusal(of: workload, on: host.name, in: world) == nil else { continue }
      // What left protection and kept its mark uses memory as well.
      let unmanaged = host.domains.values.filter { domain in
        domain.mark == nil || world.store.spec(of: WorkloadName(domain.id.name)) == nil
      }.map(\.memory).reduce(0, +)
      // Who is kept apart from others, or together with them, may find no place where one alone would: the planner's own tests judge that.
      guard !PlacementRules.isBound(workload, in: world) else { continue }
      let free = host.setup.capacity - (loads[host.name] ?? .none) - Resources(memory: unmanaged, cpus: 0)
      if spec.demand.memory <= free.memory, spec.demand.cpus <= free.cpus {
        let why = placement.others[host.name].map { ", where it says: \($0)" } ?? ""
        return "runs nowhere (\(placement.reason)), and \(host.name) has \(free.memory) MiB and \(free.cpus) processors\(why)"
      }
    }
    return nil
  }

  private func complaint(of host: SimulatedHost) -> String? {
    guard let core = host.controller?.core else { return "no controller" }
    guard core.session.isValid(at: host.now) else { return "no session" }
    if case .armed? = core.guardStatus.phase { return nil }
    return "its guard is \(core.guardStatus.summary)"
  }
}
