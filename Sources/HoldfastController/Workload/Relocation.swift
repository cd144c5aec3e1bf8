import GuardCore
import HoldfastModel
import HoldfastTime

/// A live migration, as the two ends of it see it: what leaves this node, and what arrives here.
enum Relocation {
  /// It is here and this node's, and on its way elsewhere, or was. Left is a workload with which nothing is to be done about that: it stays, or it
  /// is stopped.
  static func move(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    // What crashed executes nothing that could be moved.
    let way =
      domain.state == .crashed
      ? .restart
      : Departing(own, spec, mayStillAppear: parts.mayStillAppear, facts, turn.stance)
    let readiness = getReady(&parts, way, domain, spec, turn, facts, own, &effects)
    guard readiness == .left else { return .taken }
    guard let underWay = own.migration else {
      if mayGoOnFirst(parts, domain, way, own) {
        parts.resume(domain, turn, facts, own, &effects)
        return .taken
      }
      return parts.migration.begin(way, domain, spec, turn, facts, own, parts.run, &parts.line, &effects)
    }
    let isAsOffered = domain.isAs(underWay) && !mayGoOnFirst(parts, domain, way, own)
    if case .live(underWay.target, let uri) = way, !parts.migration.wasTriedInVain, isAsOffered {
      guard underWay.step == .ready else {
        let until = parts.migration.patience(facts)
        if facts.now < until {
          effects.agenda.look(at: parts.name, at: until)
          return .taken
        }
        parts.migration.failed(.targetNotReady(underWay.target.node))
        return withdraw(underWay, &parts, way, domain, turn, facts, own, &effects)
      }
      parts.migration.ask(domain, spec, to: underWay.target.node, uri, turn, facts, own, &parts.run, parts.line, &effects)
      return .taken
    }
    return withdraw(underWay, &parts, way, domain, turn, facts, own, &effects)
  }

  /// What is to move while it runs is not stopped because nobody can tell for a moment how it is, or because it lacks its claim's mark: it is waited
  /// for, and marked. A node that leaves does not wait for ever. Left is what is ready, or does not move while it runs.
  private static func getReady(
    _ parts: inout WorkloadParts, _ way: Departing, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn,
    _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    guard case .live = way, domain.uuid == spec.uuid,
      domain.isUntold || domain.mayMigrate && own.lacksMark(domain)
    else {
      // It may stay for long: whoever looks at it is told that it runs again.
      if parts.migration.isUnready, way != .restart, domain.mayMigrate, own.claim?.value.activity == .unclear {
        parts.line.tell(.running, own, &effects)
        return .taken
      }
      parts.migration.becomeReady(&effects)
      return .left
    }
    let until = parts.migration.waitForReadiness(at: facts.now)
    if facts.now < until {
      effects.agenda.look(at: parts.name, at: until)
    } else if turn.stance.isLeaving {
      return .left
    } else {
      // Nobody waits for its turn behind it.
      parts.migration.keepUnready(domain.isUntold ? .cannotTell : .cannotMark, &effects)
    }
    guard !domain.isUntold else {
      parts.line.tell(.unclear, own, &effects)
      return .taken
    }
    guard turn.mayAct else {
      effects.waitForTime(parts.name)
      return .taken
    }
    return parts.mark(domain, facts, own, &effects)
  }

  /// An operator asked for what is paused to go on. It does so before it leaves; where that fails again and again, it leaves as it is.
  private static func mayGoOnFirst(
    _ parts: borrowing WorkloadParts, _ domain: DomainObservation, _ way: Departing, _ own: WorkloadFacts
  ) -> Bool {
    guard own.errand == .resume, domain.state == .paused, !parts.run.cannotResume else { return false }
    return switch way {
    case .live, .waits, .stays: true
    case .restart: false
    }
  }

  /// It is here still: it goes on here, unless it was paused before, and only then the offer is taken back.
  private static func withdraw(
    _ offer: ClaimRecord.Migration, _ parts: inout WorkloadParts, _ way: Departing, _ domain: DomainObservation,
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    switch domain.state {
    case .paused where parts.migration.wasPausedBefore(domain, offer): break
    case .paused:
      if parts.run.cannotResume, !own.isWantedHere { return .left }
      parts.resume(domain, turn, facts, own, &effects)
      return .taken
    // Nobody knows: what is seen next decides. It is stopped where it is to be stopped.
    case .unclear where domain.isUntold && way != .restart: return .taken
    // On its way down.
    case .arriving, .stopping, .unclear: return own.isWantedHere ? .taken : .left
    case .running, .crashed: break
    }
    let door = parts.line.door(at: facts.now)
    guard door.isOpen, let held = parts.line.held(own) else {
      effects.agenda.wait(parts.name, for: door)
      return .taken
    }
    if parts.migration.mayBeUnderWay { effects.cancelMigration(domain) }
    let staysPaused = offer.staysPaused == true
    if staysPaused, domain.state == .running || mayGoOnFirst(parts, domain, way, own) {
      parts.migration.retract()
      parts.line.takeBack(held, own, turn, &effects)
      return .taken
    }
    parts.migration.withdraw(at: facts.now)
    parts.line.takeBack(held, own, turn, &effects)
    if !own.isWantedHere, !parts.migration.isHindered {
      let reason = parts.migration.reason.map { ": \($0)" } ?? ""
      effects.note(
        .migrating, "\(parts.name) did not move \(staysPaused ? "paused" : "while it runs")\(reason)", severity: .warning,
        workload: parts.name)
    }
    return .taken
  }

  /// Lets what has arrived go on. Left is what runs, and what was paused before: it has arrived as it is to be.
  static func goOn(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) -> Attention {
    // Its mark came with it. What has another is a copy from before.
    if let claim = own.claim?.value, domain.mark.map({ !claim.covers($0.epoch) }) ?? true {
      parts.destroy(domain, turn, &effects)
      return .taken
    }
    switch domain.state {
    case .running, .crashed: return .left
    case .paused where own.migration?.staysPaused == true: return .left
    case .paused:
      if parts.run.cannotResume {
        parts.destroy(domain, turn, &effects)
      } else {
        parts.resume(domain, turn, facts, own, &effects)
      }
    case .arriving:
      // Its source is gone: nothing more can come of it.
      parts.migration.arrives(at: facts.now)
      let until = parts.migration.arrivesBy(facts)
      if facts.now < until { effects.agenda.look(at: parts.name, at: until) } else { parts.destroy(domain, turn, &effects) }
    case .stopping, .unclear: parts.line.tell(.unclear, own, &effects)
    }
    return .taken
  }

  /// Nothing of it is here yet. The guard covers its links, and everything in the partition, and no placeholder of ours keeps its name; then the source
  /// may begin.
  static func expect(
    _ parts: inout WorkloadParts, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard let spec = own.spec?.value, own.migration?.step == .offered else { return }
    if facts.rules.isExclusive(parts.name, spec) {
      parts.protection.protect(
        GuardedWorkload(
          name: parts.name.text, isolation: parts.isolation(spec, facts), cgroup: nil,
          links: WorkloadParts.links(of: spec, parts.name, facts)), &effects)
      guard parts.protection.isAcknowledged(parts.name, turn.guardWord) else { return }
    }
    guard turn.mayAct, !turn.stance.isLeaving, parts.fence.makesRoom(parts.name, facts, &effects) else { return }
    parts.line.ready(facts.me, own, turn, &effects)
  }
}

extension DomainObservation {
  /// libvirt moves it with its memory: it runs, or somebody suspended it. What is paused for another reason would lose that on its way, or part of
  /// its memory.
  var mayMigrate: Bool { state == .running || isSuspended }

  /// It is as it was when it was offered.
  fileprivate func isAs(_ offer: ClaimRecord.Migration) -> Bool { offer.staysPaused == true ? isSuspended : state == .running }

  /// Nobody can tell for now how it is. What has ended but for some processes is told.
  fileprivate var isUntold: Bool { state == .unclear && reason != .processesLeft }
}
