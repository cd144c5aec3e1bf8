import HoldfastModel
import HoldfastPlanning

/// What runs here is paused, and Holdfast did not ask for it: somebody suspended it, or libvirt did for a disk. People are told once, and once when it
/// goes on. What an operator's errand or a migration pauses has lines of its own.
struct OutsidePause: Hashable, Sendable {
  private var isTold = false

  var isBlank: Bool { !isTold }

  mutating func follow(
    _ own: WorkloadFacts, isOurs: Bool, isIdle: Bool, _ facts: Facts, _ effects: inout Effects
  ) {
    let me = facts.me
    switch own.sight {
    case .unknown: return
    case .absent: isTold = false
    // What its policy does about that has lines of its own.
    case .present(let domain) where domain.reason == .ioError && Self.hasPolicy(own, facts): isTold = false
    case .present(let domain) where isOurs && own.isSeen: follow(domain, own, isIdle: isIdle, on: me, &effects)
    case .present: isTold = false
    }
  }

  private static func hasPolicy(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    own.spec.map { facts.rules.settings(of: own.name, $0.value).onIOError != .leave } ?? false
  }

  private mutating func follow(
    _ domain: DomainObservation, _ own: WorkloadFacts, isIdle: Bool, on me: NodeName, _ effects: inout Effects
  ) {
    switch domain.state {
    case .paused:
      guard !isTold, isIdle, own.errand == nil, own.migration == nil, !domain.isPausedForMigration else { return }
      isTold = true
      effects.noteOnce(
        .stopping, "\(own.name) is paused on \(me), and not by Holdfast\(domain.reason.map { ": \($0.words)" } ?? "")",
        severity: domain.isPausedForAMoment ? .info : .warning, workload: own.name)
    case .running:
      guard isTold else { return }
      isTold = false
      effects.unsay(.stopping, workload: own.name)
      // Who asked for it is told so.
      guard own.errand != .resume else { return }
      effects.note(.started, "\(own.name) is not paused any more on \(me)", workload: own.name)
    case .stopping, .unclear, .arriving, .crashed: break
    }
  }
}

extension DomainObservation {
  /// It is paused until somebody resumes it, and so cannot shut down: asked to, it would take all of its time for nothing. It is not resumed for that
  /// either: whoever suspended it may hold its disk, and what an I/O error paused would run into the next. What libvirt pauses for a moment goes on by itself.
  /// Nor can what crashed and is kept.
  var cannotShutDown: Bool { state == .crashed || state == .paused && !isPausedForAMoment && !isPausedForMigration }

  /// libvirt lets it go on by itself.
  fileprivate var isPausedForAMoment: Bool { reason == .saving || reason == .snapshot }
  fileprivate var isPausedForMigration: Bool { reason == .migration || reason == .postCopy }
}
