import HoldfastModel
import HoldfastTime

/// One workload's run on this node as its checks see it: what they were told to look at, and whether a failure of this run was counted.
///
///     off ──runs here, and is ours──▶ on ──a check fails──▶ counted ──it recovers──▶ on
///      ▲                              └──its end, or not ours──┘──▶ off
struct HealthWatch: Hashable, Sendable {
  private enum Phase: StateList {
    case off
    case on(CheckSubject)
    /// A check of this run failed, and that counts as an end of it: it is ended for that, or runs on until later.
    case counted(CheckSubject, at: BootInstant)

    func mayBecome(_ next: Phase) -> Bool {
      switch (self, next) {
      case (.off, .on), (.on, .off), (.counted, .off): true
      case (.on(let old), .on(let new)): old != new
      case (.counted(let old, let at), .counted(let new, let other)): old != new && old.run == new.run && at == other
      case (.on(let old), .counted(let new, _)): old == new
      case (.counted, .on): true
      case (.off, .off), (.off, .counted): false
      }
    }
  }

  private var course = StateCourse(Phase.off)
  private var phase: Phase { course.state }
  /// Why nothing is done about a failure; nil: something is, or nothing fails.
  private(set) var held: HeldReason?
  /// When it was last put on hold no longer; nil: it was not, in this run. What failed before tells nothing of it now.
  private var heldUntil: BootInstant?
  private var together = UnwellTogether()

  var isBlank: Bool { self == HealthWatch() }
  var breach: String? { course.breach ?? together.breach }

  // MARK: questions

  /// The run that the checks were told to look at; nil: none.
  var subject: CheckSubject? {
    switch phase {
    case .off: nil
    case .on(let subject), .counted(let subject, _): subject
    }
  }

  /// When a failure of this run was counted; nil: none was.
  var countedAt: BootInstant? { if case .counted(_, let at) = phase { at } else { nil } }

  /// The last word of this very run; nil: nothing yet, or it is not judged just now.
  func entry(_ workload: WorkloadName, _ facts: Facts) -> LocalHealth.Entry? {
    guard let subject, !subject.isOnHold, let entry = facts.health[workload], entry.run == subject.run else { return nil }
    if let heldUntil, entry.at <= heldUntil, entry.health.cause != nil { return nil }
    return entry
  }

  /// The finding for which the run is to be ended; nil: nothing.
  func cause(_ workload: WorkloadName, _ facts: Facts) -> WorkloadHealth.Finding? { entry(workload, facts)?.health.cause }

  /// Since when its checks say that it is well, those for which it would be ended; nil: they do not. Without such checks, always.
  func wellSince(_ own: WorkloadFacts, _ facts: Facts) -> BootInstant? {
    guard own.spec?.value.checks?.contains(where: { $0.reaction == .restart }) == true else { return .zero }
    return entry(own.name, facts)?.wellSince
  }

  /// The report of it to others; nil: it is well, or starts.
  func report(_ workload: WorkloadName, _ facts: Facts) -> HealthReport? {
    guard let entry = entry(workload, facts), let first = entry.health.findings.first else { return nil }
    return HealthReport(
      isFailing: !first.isUnknown, check: first.check, reason: first.reason, since: entry.time,
      others: entry.health.findings.dropFirst().map(\.check), held: held?.description)
  }

  /// The instant until which nothing is done about it, as most others fail with it, or did a moment ago; nil: it fails alone.
  func pauseTogether(_ cause: WorkloadHealth.Finding, _ own: WorkloadFacts, _ facts: Facts) -> BootInstant? {
    together.pause(cause, own, facts)
  }

  // MARK: steps

  /// Tells the checks what to look at; nil: nothing.
  mutating func follow(_ wanted: CheckSubject?, _ workload: WorkloadName, _ effects: inout Effects) {
    guard wanted != subject else { return }
    effects.agenda.note(.report)
    guard let wanted else {
      course.move(to: .off)
      (held, heldUntil) = (nil, nil)
      together.forget()
      return effects.endChecks(workload)
    }
    if let known = subject, known.run != wanted.run {
      heldUntil = nil
      together.forget()
    } else if subject?.isOnHold == true, !wanted.isOnHold {
      heldUntil = effects.now
    }
    if let at = countedAt, subject?.run == wanted.run {
      course.move(to: .counted(wanted, at: at))
    } else {
      if countedAt != nil { course.move(to: .off) }
      course.move(to: .on(wanted))
    }
    effects.check(wanted)
  }

  mutating func counts(at now: BootInstant) {
    guard case .on(let subject) = phase else { return }
    course.move(to: .counted(subject, at: now))
  }

  /// No check for which it would be ended fails any more.
  mutating func recovers(_ effects: inout Effects) {
    keep(because: nil, &effects)
    together.forget()
    if case .counted(let subject, _) = phase { course.move(to: .on(subject)) }
  }

  /// It fails, and that was not counted: whether most others fail with it.
  mutating func lookAround(_ cause: WorkloadHealth.Finding, _ own: WorkloadFacts, _ facts: Facts) {
    together.look(at: cause, own, facts)
  }

  /// The run fails, and nothing is done about that for now; nil: something is.
  mutating func keep(because reason: HeldReason?, _ effects: inout Effects) {
    guard held != reason else { return }
    held = reason
    effects.agenda.note(.report)
  }
}
