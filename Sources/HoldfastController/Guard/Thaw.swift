import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The way from "everything is frozen" to going on: what lost its claim is killed, the claims of the rest are validated by a transaction, and
/// only with its answer is the guard told to thaw.
///
///     settling ──everything decided──▶ validating ──committed──▶ resuming ──▶ armed
///        ▲                                 │                        │
///        └────────failed, session lost─────┴────refused by guard────┘
struct Thaw: Hashable, Sendable {
  private enum Step: StateList {
    case settling
    /// The transaction is on its way.
    case validating
    /// The guard was told, and has not answered.
    case resuming

    func mayBecome(_ next: Step) -> Bool {
      switch (self, next) {
      case (.settling, .validating), (.validating, .resuming), (_, .settling): true
      // Nothing is thawed that was not validated, and nothing is validated while a thaw is on its way.
      default: false
      }
    }
  }
  private var course = StateCourse(Step.settling)
  private var step: Step { course.state }
  /// The guard was told to thaw since everything was frozen.
  private(set) var wasAsked = false
  /// Since when the thaw waits for claims that are being taken anew.
  private var waitingSince: BootInstant?
  /// How many workloads go on with the thaw that was asked for.
  private(set) var goingOn = 0
  /// When frozen starts were last killed for libvirt's sake.
  private(set) var freedAt: BootInstant?

  var breach: String? { course.breach }
  var isSettling: Bool { step == .settling }
  var isValidating: Bool { step == .validating }
  var isResuming: Bool { step == .resuming }

  /// The guard is another one, or gone.
  mutating func start() {
    course.move(to: .settling)
    wasAsked = false
  }

  mutating func validates() { course.move(to: .validating) }
  mutating func validationEnded() { if step == .validating { course.move(to: .settling) } }
  /// A thaw that is on its way can no longer be taken back; a validation proves nothing any more.
  mutating func sessionEnded() { validationEnded() }

  mutating func resumes(_ goingOn: Int) {
    course.move(to: .resuming)
    wasAsked = true
    self.goingOn = goingOn
  }

  /// What became of what was frozen, for people.
  func words(of me: NodeName) -> String {
    switch goingOn {
    case 0: "\(me) is thawed: nothing of what was frozen there goes on"
    case 1: "1 workload of \(me) was thawed and goes on where it was"
    default: "\(goingOn) workloads of \(me) were thawed and go on where they were"
    }
  }

  mutating func refused() { if step == .resuming { course.move(to: .settling) } }

  /// Everything goes on.
  mutating func ended() {
    if step == .resuming { course.move(to: .settling) }
    wasAsked = false
  }

  /// Everything frozen waits for these claims, so not for long.
  ///
  /// - Returns: since when.
  mutating func waitsForClaims(since now: BootInstant) -> BootInstant {
    let since = waitingSince ?? now
    waitingSince = since
    return since
  }

  mutating func decided() { waitingSince = nil }

  mutating func frees(at now: BootInstant) { freedAt = now }
}

/// What a thaw needs: a transaction that was committed under the session that stands, after everything frozen here was decided about, and time
/// left to the deadline.
struct ThawPermit: ~Copyable {
  let deadline: BootInstant

  /// - Parameters:
  ///   - validated: the session that the claims were validated under, and the workloads.
  ///   - kept: what is frozen here now and may go on; nil while something is not decided.
  init?(
    validated: (incarnation: Incarnation, workloads: Set<WorkloadName>), kept: [WorkloadName]?,
    _ session: borrowing SessionPermit
  ) {
    // The proof is of the session that it was asked under: a later one has other claims.
    guard session.incarnation == validated.incarnation, session.mayWrite, session.isValid, let deadline = session.deadline
    else {
      return nil
    }
    // What was seen between the question and the answer was not asked about.
    guard let kept, validated.workloads.isSuperset(of: kept) else { return nil }
    self.deadline = deadline
  }
}
