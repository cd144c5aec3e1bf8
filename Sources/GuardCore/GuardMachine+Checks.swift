// The guard's checks of itself. One that fails is a defect of the guard: in the simulator and the tests it is a violation (`breach`), in production
// everything is frozen, and stays so until the guard is restarted. The next one begins from what was written down, and from what it finds.

import HoldfastTime

extension GuardMachine {
  mutating func check(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds, breach == nil { breach = what() } }

  /// Has a check fail, so that tests see what follows. Nothing that comes from outside makes one fail.
  package mutating func failCheck(_ what: String) { check(false, what) }

  mutating func checkChange(from before: Phase) {
    let after = phase
    check(before.mayBecome(after), "the phase went from \(before.recorded) to \(after.recorded)")
  }

  /// The checks of what holds after every event.
  mutating func checkState(_ now: BootInstant) {
    switch phase {
    case .disarmed: break
    case .armed(let deadline):
      check(now < deadline, "armed with a deadline that has passed")
      check(timer.map { $0 <= deadline } ?? false, "armed, and no timer for the deadline")
    case .isolated(let isolated):
      check(isolated.killsAt.map { now < $0 } ?? true, "the time to kill what is `stop` has passed, and it is not killed")
      check(timer.map { $0 <= isolated.nextRound } ?? false, "isolated, and no timer for the next look")
      check(isolated.confirmed || !isolated.told || !feeding, "the watchdog is fed while the freeze is not confirmed")
      check(book.isEmpty || !isolated.told || !feeding, "the watchdog is fed while an address is not seen to be removed")
    }
    checkAddresses()
    // The next guard goes on with what is written: nothing is told, or done, that it would not know.
    let actual = phase.recorded
    if let written = persisted?.phase { check(written == actual, "written down is \(written), not \(actual)") }
  }

  private mutating func checkAddresses() {
    guard !book.isEmpty else { return }
    if case .armed = phase {
    } else {
      check(!book.entries.values.contains { $0.isWanted }, "an address is wanted while no deadline is in force")
    }
    // What is to be removed, or is on its way to a link, counts as there until it is seen to be gone.
    let ordered = book.order.map { $0.remove.union($0.add) } ?? []
    check(ordered.allSatisfy { book.entries[$0] != nil }, "an address was forgotten while it was ordered")
  }

  /// Nothing that was ordered since the last event lets anything go on, and everything is frozen.
  mutating func becomeUnsound(_ now: BootInstant) {
    isUnsound = true
    actions = actions.compactMap {
      switch $0 {
      case .thaw, .linksUp: nil
      // Its result says nothing of what it does not try.
      case .setAddresses(let round, let remove, _, _): .setAddresses(round: round, remove: remove, add: [], notAfter: nil)
      default: $0
      }
    }
    log(
      .error,
      "this guard found an error in itself: \(breach ?? ""). Everything under protection is frozen until it is restarted. Please report this"
    )
    let deadline: BootInstant?
    switch phase {
    case .isolated: return
    case .armed(let armed): deadline = armed
    case .disarmed: deadline = nil
    }
    beginIsolation(now, why: "this guard found an error in itself", deadline: deadline, trusting: false)
    settle()
  }
}

extension GuardMachine.Phase {
  /// Whether `next` may follow: another phase, or the same with another payload.
  func mayBecome(_ next: GuardMachine.Phase) -> Bool {
    switch (self, next) {
    // One isolation goes on until it ends, and a killing that has begun is not put off.
    case (.isolated(let before), .isolated(let after)):
      before.since == after.since && (before.killsAt != nil || after.killsAt == nil)
    case (.isolated, .armed), (.isolated, .disarmed): true
    case (.armed, .armed), (.armed, .disarmed), (.armed, .isolated): true
    case (.disarmed, .armed), (.disarmed, .isolated), (.disarmed, .disarmed): true
    }
  }

  /// As it is written down.
  var recorded: GuardRecord.Phase {
    switch self {
    case .disarmed: .disarmed
    case .armed(let deadline): .armed(deadline: deadline)
    case .isolated(let isolated): .isolated(since: isolated.since, killsAt: isolated.killsAt)
    }
  }
}

extension GuardCommand {
  /// The command moves the deadline away, or thaws.
  var letsWorkloadsExecute: Bool {
    switch self {
    case .extend, .resume: true
    case .hello, .shorten, .protect, .forget, .release, .kill, .isolate, .disarm, .status, .acknowledge: false
    }
  }
}
