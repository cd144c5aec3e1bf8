import HoldfastModel
import HoldfastTime

/// How a session ends: by a departure, by a node that cannot serve, or since another node declared it expired.
enum SessionEnd {
  static func leave(_ pace: DeparturePace, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    let runsSomething =
      machines.protectsSomething
      || facts.view.claims.values.contains {
        facts.holds($0.value, under: machines.lease.session.incarnation)
      }
    machines.departure.begin(pace, isSpared: facts.isDisarmed && runsSomething, facts.me, &effects)
    spare(facts, &machines, &effects)
  }

  /// In a disarmed cluster a controller that ends leaves everything as it is.
  static func spare(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    machines.departure.spare(
      isSpared: facts.isDisarmed, isGuarded: machines.guardLink.outlastsController, facts.me, &effects)
  }

  static func departIfEmpty(_ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    guard machines.departure.pace != nil else { return }
    guard let standing = machines.lease.session.standing else {
      if case .opening = machines.lease.session.phase { return }
      // What an earlier life left standing is taken up first, to hand it over.
      if facts.view.isLoaded ? machines.lease.standing(in: facts) != nil : machines.lease.mayHaveLeftOne { return }
      if !machines.mayExecute { finish(&machines, &effects) }
      return
    }
    guard standing.leaving, turn.session.isValid, facts.now >= machines.lease.pauseUntil else { return }
    let incarnation = turn.session.incarnation
    for (name, claim) in facts.view.claims {
      if facts.holds(claim.value, under: incarnation) || WorkloadFacts(name, facts, under: incarnation).isArriving { return }
    }
    guard !machines.workloads.all.contains(where: \.isBusy) else { return }
    // A session must not end while something executes under it: an adoption is part of what the store has to confirm.
    guard let adoptions = Departure.adoptionsInDoubt(facts), adoptions.count <= Limits.adoptionsInDoubt else { return }
    machines.departure.awaitPlan(isOwed: turn.stance.leavesLast && Departure.owesPlan(facts), facts, &effects)
    guard !machines.departure.awaitsPlan(facts) else { return }
    machines.lease.end(.departure, if: adoptions, facts, isPlanner: machines.isPlanner(facts), &effects)
  }

  private static func finish(_ machines: inout Machines, _ effects: inout Effects) {
    let disarms = machines.guardLink.isConnected && !machines.workloads.mayStillAppear
    machines.departure.finish(disarms: disarms, &machines.lease, &effects)
  }

  /// A node that cannot serve does not keep its session. Where everything under protection stays frozen, since the guard is gone for good or
  /// libvirt does not answer, the node gives its session up, so that other nodes may take its workloads over, as their policies say
  /// (`failover: wait`). Nothing executes here meanwhile: that is the condition, and it was seen.
  static func withdrawIfFrozen(_ turn: borrowing Turn, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    guard turn.session.mayWrite, turn.session.isValid, !facts.isDisarmed, let frozen = machines.guardLink.frozenSince,
      let valid = machines.lease.session.validSince
    else { return }
    let due = max(max(frozen, valid) + facts.timing.frozenPatience, machines.lease.pauseUntil)
    guard facts.now >= due else { return effects.agenda.look(at: due) }
    // A thaw may be on its way.
    guard machines.guardLink.thaw?.isResuming != true else { return }
    // What is `stop` may hold its disks until the deadline: it is killed before anybody else may claim it.
    let assurance = machines.guardLink.assurance(of: facts.now, mayExecute: true, at: facts.now)
    machines.guardLink.act(on: assurance, &effects)
    guard assurance.isCertain else { return }
    guard machines.lease.session.mayEnd else { return effects.agenda.look(at: facts.now + facts.timing.retryPause) }
    machines.lease.end(.frozen, if: [], facts, isPlanner: machines.isPlanner(facts), &effects)
  }

  /// Seen in the watch, before any answer told it.
  static func seen(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    effects.agenda.note(.other)
    if machines.lease.session.acting != nil {
      lost(facts, &machines, &effects)
    } else {
      ended(machines.departure.pace != nil ? .departure : .frozen, facts, &machines, &effects)
    }
  }

  static func lost(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    // Whoever hears that hears the store, and no renewal of this session will tell how long it was silent.
    machines.lease.storeAnswered(after: machines.peers.silence(at: facts.now), &effects)
    let name = machines.lease.session.incarnation?.text ?? "none"
    effects.note(
      .sessionLost,
      "another node declared \(facts.me)'s session expired (\(name)): all workloads of \(facts.me) are frozen; those that no other node has taken continue",
      severity: .error)
    machines.lease.ended()
    machines.lease.forgetSaved(&effects)
    machines.guardLink.sessionEnded()
    GuardNews.freezeEverything(facts, &machines, &effects)
    effects.agenda.note(.ownSession)
  }

  static func ended(_ reason: EndReason, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    machines.lease.ended()
    switch reason {
    case .departure:
      effects.note(.sessionEnded, "\(facts.me) has left")
      finish(&machines, &effects)
    case .frozen:
      machines.lease.forgetSaved(&effects)
      machines.guardLink.sessionEnded()
      machines.lease.withdrew(at: facts.now)
      let cause = machines.guardLink.isConnected ? "could not be thawed" : "had no guard", me = facts.me
      let patience = InWords.seconds(facts.timing.frozenPatience)
      effects.note(
        .sessionEnded,
        "\(me) gave its session up, as its workloads \(cause) for \(patience) s: other nodes may take them over",
        severity: .error, subject: me)
      effects.agenda.note(.ownSession)
    }
  }
}
