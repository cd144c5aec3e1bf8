import GuardCore
import HoldfastModel
import HoldfastTime

/// The guard's words, or its silence, told to the machines that asked it for something.
enum GuardNews {
  static func take(_ event: GuardEvent, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    let before = machines.guardLink.summary
    switch event {
    case .connected(let state): heard(machines.guardLink.connected(state, facts, &effects), facts, &machines, &effects)
    case .report(.state(let state)): heard(machines.guardLink.said(state, facts, &effects), facts, &machines, &effects)
    case .report(.refused(let reason)):
      heard(machines.guardLink.refused(reason, pause: facts.timing.guardPause, &effects), facts, &machines, &effects)
    case .report(.addresses(let held, let acknowledged)):
      heard(machines.guardLink.said(held, acknowledged: acknowledged, &effects), facts, &machines, &effects)
    case .report(.killed(let name, let isConfirmed)):
      let workload = WorkloadName(name)
      effects.agenda.note(.kill(workload))
      machines.workloads.change(workload) { $0.guardKilled() }
      // Should libvirt not notice by itself.
      if isConfirmed, facts.observation(of: workload) != nil { effects.refresh() }
      effects.noteOnce(
        .killed,
        isConfirmed ? "\(name): every process is gone" : "\(name): its processes were killed, their end is not confirmed yet",
        severity: .warning, workload: workload)
    case .lost(let reason): guardLost(.closed(reason), facts, &machines, &effects)
    }
    if machines.guardLink.summary != before { notePhase(machines, &effects) }
  }

  /// How long an address has been waited for counts while the guard is armed.
  private static func notePhase(_ machines: borrowing Machines, _ effects: inout Effects) {
    effects.agenda.note(.guardPhase)
    let followers = machines.workloads.followingAddresses
    if !followers.isEmpty { effects.agenda.note(.addresses(followers)) }
  }

  private static func heard(_ heard: GuardLink.Heard, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    for name in heard.dropped { machines.workloads.change(WorkloadName(name)) { $0.guardForgot() } }
    if heard.isAnew {
      let forgotten = machines.workloads.names(where: \.parts.protection.isForgotten)
      for name in forgotten.sorted() { machines.workloads.change(name) { $0.guardForgot() } }
      effects.agenda.note(.guardLists(forgotten))
    }
    inherit(heard.inheritedAddresses, facts, &machines, &effects)
    for name in heard.inheritedStarts { machines.workloads.change(WorkloadName(name)) { $0.inheritStart() } }
    if heard.losesKills {
      let pending = machines.workloads.names(where: \.parts.protection.isKillPending)
      for name in pending.sorted() { machines.workloads.change(name) { $0.losesKill() } }
      effects.agenda.note(.guardLists(pending))
    }
    if heard.protectsAnew { for name in machines.workloads.names.sorted() { machines.workloads[name]?.protectAnew(&effects) } }
    // What it has acknowledged is counted from its connection on.
    if heard.isAnew, !machines.workloads.followingAddresses.isEmpty { _ = effects.askToAcknowledge() }
    noteAddresses(heard, facts, machines, &effects)
    if heard.extends { machines.guardLink.meet(machines.lease.session.permit(facts), facts.timing, &effects) }
  }

  /// What the guard holds for a workload of this node from before this life stays where it is: nobody is asked for it, and nothing is taken away in between.
  private static func inherit(
    _ held: [HeldAddress], _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    guard !held.isEmpty else { return }
    for name in machines.workloads.names.sorted() where machines.workloads[name]?.parts.protection.told != nil {
      let own = WorkloadFacts(name, facts, under: machines.lease.session.incarnation)
      let ofIt = held.filter { $0.workload == name.text }.map(\.address)
      machines.workloads.change(name) { $0.inheritAddresses(ofIt, own) }
    }
  }

  /// Whoever waits for the guard to raise an address, or to remove it, is due.
  private static func noteAddresses(
    _ heard: GuardLink.Heard, _ facts: Facts, _ machines: borrowing Machines, _ effects: inout Effects
  ) {
    guard !heard.addresses.isEmpty || heard.acknowledges else { return }
    var names = machines.workloads.followingAddresses
    let changed = Set(heard.addresses.map(\.address.address))
    if !changed.isEmpty {
      names.formUnion(heard.addresses.map { WorkloadName($0.workload) })
      for (name, spec) in facts.view.specs where spec.value.addresses?.contains(where: { changed.contains($0.address) }) == true
      {
        names.insert(name)
      }
    }
    effects.agenda.note(.addresses(names))
  }

  private static func guardLost(_ loss: GuardLoss, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    let isSpared = facts.isDisarmed && !machines.isOutOfTime(facts)
    machines.guardLink.lost(loss, isSpared: isSpared, &effects)
    if isSpared { return }
    machines.guardLink.startDirectFreeze(of: machines.workloads, facts, &effects)
    machines.guardLink.noteLoss(loss, me: facts.me, seesProtected: facts.seesProtectedDomain, &effects)
  }

  /// A controller that finds protected domains and no guard: nobody enforces their deadline. The guard, if it only starts too, gets a moment.
  static func missGuard(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    guard !machines.guardLink.isConnected, !machines.guardLink.isFreezingDirectly, let bornAt = facts.bornAt else { return }
    // What runs is not known before libvirt has spoken: then it counts as something.
    guard machines.workloads.mayExecute(facts) else { return }
    // In a disarmed cluster a missing guard is waited for as long as this node's session stands, and not longer.
    let until =
      facts.isDisarmed ? machines.lease.session.deadline ?? bornAt + facts.timing.ttl : bornAt + facts.timing.guardIsLate
    guard facts.now >= until else { return effects.agenda.look(at: until) }
    guardLost(.silent, facts, &machines, &effects)
    notePhase(machines, &effects)
  }

  /// The session is gone: what freezes everything is the guard, or this controller where there is none.
  static func freezeEverything(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    if machines.guardLink.isConnected {
      machines.guardLink.isolate(&effects)
    } else if !machines.guardLink.isFreezingDirectly {
      machines.guardLink.startDirectFreeze(of: machines.workloads, facts, &effects)
    }
  }
}
