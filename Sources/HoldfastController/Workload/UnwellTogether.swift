import HoldfastModel
import HoldfastTime

/// Whether what fails here fails rather for the node's network: where most workloads that are asked over it fail at once, none of them is ended
/// for that at once, nor before those that are slow to be seen well again had the time for it.
///
///     alone ──most fail──▶ together ──most do not any more──▶ over ──it recovers, or its time is up──▶ alone
struct UnwellTogether: Hashable, Sendable {
  private enum Phase: StateList {
    case alone
    case together
    /// - Parameter since: when it was seen that most do not fail any more.
    case over(since: BootInstant)

    func mayBecome(_ next: Phase) -> Bool {
      switch (self, next) {
      case (.alone, .together), (.together, .over), (.over, .together), (.together, .alone), (.over, .alone): true
      case (.alone, .alone), (.together, .together), (.alone, .over), (.over, .over): false
      }
    }
  }

  private var course = StateCourse(Phase.alone)

  var breach: String? { course.breach }

  // MARK: steps

  /// Looks at the others that fail with it.
  mutating func look(at cause: WorkloadHealth.Finding, _ own: WorkloadFacts, _ facts: Facts) {
    guard facts.health[own.name] != nil, Self.check(of: cause, own) != nil else { return }
    if Self.isSo(facts) {
      if course.state != .together { course.move(to: .together) }
    } else if course.state == .together {
      course.move(to: .over(since: facts.now))
    }
  }

  /// Its check is well again, or it is another run.
  mutating func forget() { if course.state != .alone { course.move(to: .alone) } }

  // MARK: questions

  /// Until when nothing is done about the workload for that; nil: it is not so.
  func pause(_ cause: WorkloadHealth.Finding, _ own: WorkloadFacts, _ facts: Facts) -> BootInstant? {
    guard let failing = facts.health[own.name]?.since, let check = Self.check(of: cause, own) else { return nil }
    let until: BootInstant? =
      switch course.state {
      case .alone: nil
      case .together: failing + Limits.unwellTogetherPause
      case .over(let since): since + Self.recovery(check)
      }
    return until.flatMap { facts.now < $0 ? $0 : nil }
  }

  /// The check that the finding is of, where it is asked over the node's own network.
  private static func check(of cause: WorkloadHealth.Finding, _ own: WorkloadFacts) -> HealthCheck? {
    throughNode(own.spec?.value).first { $0.name == cause.check }
  }

  /// Most workloads that are asked over the node's network fail, and so many that it is no accident.
  private static func isSo(_ facts: Facts) -> Bool {
    var asked = 0, failing = 0
    for (name, entry) in facts.health.entries {
      let checks = Set(throughNode(facts.view.specs[name]?.value).map(\.name))
      guard !checks.isEmpty else { continue }
      asked += 1
      if entry.health.findings.contains(where: { !$0.isUnknown && checks.contains($0.check) }) { failing += 1 }
    }
    return failing >= Limits.unwellTogether && failing * 2 > asked
  }

  /// How long a check takes at most to see that its service is well again: a question that is under way is lost still, and then there are `up` good
  /// answers in a row, each an interval after the one before. That they come late is allowed for.
  private static func recovery(_ check: HealthCheck) -> Duration {
    check.interval * check.up + check.timeout + Limits.unwellTogetherLateness
  }

  /// The checks for which it would be ended and that are asked over the node's own network.
  private static func throughNode(_ spec: SpecRecord?) -> [HealthCheck] {
    (spec?.checks ?? []).filter { $0.reaction == .restart && $0.probe.isThroughNode }
  }
}
