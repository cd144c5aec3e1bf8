import HoldfastModel
import HoldfastTime

/// Notes for people when the health of a workload changes: each failure, each check that cannot be made, and that all is well again. Where it
/// changes again and again, they are told a line a minute that counts the changes, and one when it stays as it is.
///
///     calm ──too many changes in a minute──▶ flapping ──a minute without one──▶ calm
struct HealthNotes: Hashable, Sendable {
  private enum Phase: StateList {
    /// - Parameter told: when the last changes were told.
    case calm(told: [BootInstant])
    /// - Parameter changes: since the last line.
    case flapping(changes: Int, tellAt: BootInstant)

    func mayBecome(_ next: Phase) -> Bool {
      switch (self, next) {
      case (.calm, .calm(let told)): told.count <= Limits.healthNotesAtOnce
      case (.calm(let told), .flapping(let changes, _)): told.count >= Limits.healthNotesAtOnce && changes == 0
      case (.flapping(let before, let at), .flapping(let changes, let next)):
        at == next ? changes == before + 1 : changes == 0 && next > at
      case (.flapping(let changes, _), .calm(let told)): changes == 0 && told.isEmpty
      }
    }
  }

  private var course = StateCourse(Phase.calm(told: []))
  private var phase: Phase { course.state }

  var isBlank: Bool { self == HealthNotes() }
  var breach: String? { course.breach }

  // MARK: steps

  /// - Parameter before: of the same run; nil: nothing was known of it.
  mutating func tell(
    _ health: WorkloadHealth, before: WorkloadHealth?, of workload: WorkloadName, on me: NodeName, _ effects: inout Effects
  ) {
    let known = Set((before?.findings ?? []).map(Key.init))
    for finding in health.findings where !known.contains(Key(finding)) {
      let text = Self.text(of: finding, workload, me)
      notice(at: effects.now)
      if isFlapping {
        count()
      } else if effects.isNew(.health, text, workload: workload) {
        effects.noteOnce(.health, text, severity: .warning, workload: workload)
        told(at: effects.now)
      }
    }
    guard health.state == .healthy else { return }
    notice(at: effects.now)
    if isFlapping {
      if before?.state != .healthy { count() }
    } else if effects.unsay(.health, workload: workload) {
      effects.note(.health, "\(workload) is healthy again on \(me)", workload: workload)
      told(at: effects.now)
    }
  }

  /// Tells what has gathered, when a minute is over.
  ///
  /// - Parameter health: what is known of the run now; nil: nothing yet.
  mutating func follow(_ health: WorkloadHealth?, of workload: WorkloadName, on me: NodeName, _ effects: inout Effects) {
    guard case .flapping(let changes, let tellAt) = phase else { return }
    guard effects.now >= tellAt else { return effects.agenda.look(at: workload, at: tellAt) }
    let state = health.map { Self.state(of: $0) }
    let span = "\(InWords.number(Limits.healthNotePause.inSeconds)) s"
    if changes > 0 || state == nil {
      let next = effects.now + Limits.healthNotePause
      course.move(to: .flapping(changes: 0, tellAt: next))
      effects.agenda.look(at: workload, at: next)
      guard changes > 0 else { return }
      let now = state.map { ", and now \($0)" } ?? ""
      return effects.note(
        .health, "\(workload) changes again and again on \(me), \(changes) times within \(span)\(now)", severity: .warning,
        workload: workload)
    }
    course.move(to: .calm(told: []))
    // What is said last holds until it is well.
    effects.unsay(.health, workload: workload)
    let text = "\(workload) has not changed on \(me) for \(span): it \(state ?? "")"
    if health?.findings.isEmpty == true {
      effects.note(.health, text, workload: workload)
    } else {
      effects.noteOnce(.health, text, severity: .warning, workload: workload)
    }
  }

  // MARK: how often

  private var isFlapping: Bool { if case .flapping = phase { true } else { false } }

  /// So many changes are told at once in a minute: that it fails, and that it is well again. With one more it flaps.
  private mutating func notice(at now: BootInstant) {
    guard case .calm(let told) = phase else { return }
    let late = told.filter { now - $0 < Limits.healthNotePause }
    if late.count < told.count { course.move(to: .calm(told: late)) }
    guard late.count >= Limits.healthNotesAtOnce, let last = late.last else { return }
    course.move(to: .flapping(changes: 0, tellAt: last + Limits.healthNotePause))
  }

  private mutating func count() {
    if case .flapping(let changes, let tellAt) = phase { course.move(to: .flapping(changes: changes + 1, tellAt: tellAt)) }
  }

  private mutating func told(at now: BootInstant) {
    if case .calm(let told) = phase { course.move(to: .calm(told: told + [now])) }
  }

  // MARK: words

  private static func text(of finding: WorkloadHealth.Finding, _ workload: WorkloadName, _ me: NodeName) -> String {
    finding.isUnknown
      ? "the check '\(finding.check)' of \(workload) cannot be made on \(me), so nobody knows: \(finding.reason)"
      : "\(workload) fails its check '\(finding.check)' on \(me): \(finding.reason)"
  }

  /// As a clause without its subject.
  private static func state(of health: WorkloadHealth) -> String {
    guard let first = health.findings.first else { return "is healthy" }
    return first.isUnknown
      ? "has a check that cannot be made, '\(first.check)': \(first.reason)"
      : "fails its check '\(first.check)': \(first.reason)"
  }

  /// The parts of a finding that make two the same for people.
  private struct Key: Hashable {
    var check: CheckName
    var isUnknown: Bool

    init(_ finding: WorkloadHealth.Finding) { (check, isUnknown) = (finding.check, finding.isUnknown) }
  }
}
