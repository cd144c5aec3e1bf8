import HoldfastModel
import HoldfastTime

/// How often a check asks, and how many answers in a row count.
protocol PacedCheck: Hashable, Sendable {
  var interval: Duration { get }
  var timeout: Duration { get }
  var down: Int { get }
  var up: Int { get }
  /// Bad answers count for nothing for so long in the beginning.
  var grace: Duration { get }
}

extension HealthCheck: PacedCheck {}

/// A node has been up for a while when it is asked.
extension NodeCheck: PacedCheck {
  var grace: Duration { .zero }
}

/// One check of one run, or of a node: what its answers in a row make of it, and the probe that is under way.
///
///     starting ──up good──▶ healthy ──down bad──▶ failing ──up good──▶ healthy
///        │ └──down bad, after the grace──▶ failing ──put on hold──▶ starting
///        └──down that cannot tell──▶ unknown, from each of them; and from there to healthy or failing
struct CheckCourse<Check: PacedCheck>: Sendable {
  private enum Judged: StateList {
    case starting, healthy
    case failing(reason: String)
    case unknown(reason: String)

    func mayBecome(_ next: Judged) -> Bool {
      switch (self, next) {
      case (.starting, .healthy), (.starting, .failing), (.starting, .unknown): true
      case (.healthy, .failing), (.healthy, .unknown), (.unknown, .healthy), (.unknown, .failing): true
      // What fails is put on hold, and has to be seen to fail anew.
      case (.failing, .healthy), (.failing, .unknown), (.failing, .starting): true
      // The reason of the first is kept.
      default: false
      }
    }
  }

  private enum Asking: StateList {
    /// Nothing is asked: it is not to be now.
    case held
    /// The next probe begins then.
    case waiting(until: BootInstant)
    /// A probe is under way, and its answer is waited for until then; the next would begin at `next`.
    case asked(ProbeID, until: BootInstant, next: BootInstant)

    func mayBecome(_ next: Asking) -> Bool {
      switch (self, next) {
      case (.waiting, .asked), (.asked, .waiting), (.held, .waiting), (_, .held): true
      default: false
      }
    }
  }

  /// Answers of one kind, one after the other: any other kind begins anew.
  private enum Row: Hashable, Sendable {
    case none
    case good(Int)
    case bad(Int)
    case cannotTell(Int)
  }

  let check: Check
  private var judgement = StateCourse(Judged.starting)
  private var asking: StateCourse<Asking>
  private var row = Row.none
  /// Until then bad answers count for nothing; nil: the grace is over.
  private var graceUntil: BootInstant?

  init(_ check: Check, first: BootInstant, now: BootInstant) {
    self.check = check
    asking = StateCourse(.waiting(until: first))
    graceUntil = now + check.grace
  }

  // MARK: questions

  var health: CheckHealth {
    switch judgement.state {
    case .starting: .starting
    case .healthy: .healthy
    case .failing(let reason): .failing(reason: reason)
    case .unknown(let reason): .unknown(reason: reason)
    }
  }

  var breach: String? { judgement.breach ?? asking.breach }

  /// When something is to be done about it; nil: it is on hold.
  var due: BootInstant? {
    switch asking.state {
    case .held: nil
    case .waiting(let until): until
    case .asked(_, let until, _): until
    }
  }

  /// The probe that is under way.
  var underWay: ProbeID? { if case .asked(let id, _, _) = asking.state { id } else { nil } }

  // MARK: steps

  /// A probe begins.
  mutating func asks(_ id: ProbeID, at now: BootInstant) {
    guard case .waiting(let planned) = asking.state else { return }
    // What was missed is not made up for.
    let next = planned + check.interval
    let until = now + check.timeout + CheckLimits.lateAnswer
    asking.move(to: .asked(id, until: until, next: next > now ? next : now + check.interval))
  }

  /// - Returns: true when it changed what the check is.
  mutating func answered(_ id: ProbeID, _ answer: ProbeResult.Answer, at now: BootInstant) -> Bool {
    // Of an earlier probe, or of one that was given up.
    guard case .asked(id, let until, let next) = asking.state else { return false }
    asking.move(to: .waiting(until: max(next, now)))
    // This node did not run for a while, or was too busy: all it knows is that itself was late.
    if case .bad = answer, now > until { return count(.cannotTell(reason: "this node was late itself"), at: now) }
    return count(answer, at: now)
  }

  private mutating func count(_ answer: ProbeResult.Answer, at now: BootInstant) -> Bool {
    switch answer {
    case .good:
      graceUntil = nil
      var number = 1
      if case .good(let before) = row { number = min(before + 1, check.up) }
      row = .good(number)
      guard number >= check.up, judgement.state != .healthy else { return false }
      judgement.move(to: .healthy)
    case .bad(let reason):
      if let until = graceUntil, now < until {
        row = .none
        return false
      }
      graceUntil = nil
      var number = 1
      if case .bad(let before) = row { number = min(before + 1, check.down) }
      row = .bad(number)
      if case .failing = judgement.state { return false }
      guard number >= check.down else { return false }
      judgement.move(to: .failing(reason: reason.bounded))
    case .cannotTell(let reason):
      var number = 1
      if case .cannotTell(let before) = row { number = min(before + 1, check.down) }
      row = .cannotTell(number)
      if case .unknown = judgement.state { return false }
      guard number >= check.down else { return false }
      judgement.move(to: .unknown(reason: reason.bounded))
    }
    return true
  }

  /// The workload executes nothing now, or moves: what it answers tells nothing. What failed before has to be seen to fail anew afterwards.
  ///
  /// - Returns: true when it changed what the check is.
  mutating func hold() -> Bool {
    guard asking.state != .held else { return false }
    asking.move(to: .held)
    row = .none
    guard case .failing = judgement.state else { return false }
    judgement.move(to: .starting)
    return true
  }

  /// It is asked again. What has not answered in this run yet gets its grace anew.
  mutating func goOn(first: BootInstant, now: BootInstant) {
    guard asking.state == .held else { return }
    asking.move(to: .waiting(until: first))
    if graceUntil != nil { graceUntil = now + check.grace }
  }
}
