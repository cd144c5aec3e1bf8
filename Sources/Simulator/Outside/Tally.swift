/// What a run had in it, so that one can see whether it was tame.
public struct Tally: Hashable, Sendable {
  /// Faults and commands, by kind.
  public var faults: [FaultKind: Int] = [:]
  public var facts: [Fact: Int] = [:]

  /// What the cluster did about them.
  public enum Fact: String, CaseIterable, Sendable {
    case sessionsEnded = "sessions ended by another"
    case takenOver = "claims taken over from a lost session"
    case claims = "claims taken"
    case starts = "domains started"
    case freezes = "partitions frozen"
    case thaws = "partitions thawed"
    case guardKills = "domains killed by a guard"
    case endedUnwell = "runs ended because a check failed"
    case ailments = "nodes left because a node check failed"
    case plannerChanges = "changes of the planner"
    case listings = "listings after the first"
  }

  public init() {}

  mutating func count(_ fact: Fact) { facts[fact, default: 0] += 1 }
  mutating func count(_ kind: FaultKind) { faults[kind, default: 0] += 1 }

  public static func + (a: Tally, b: Tally) -> Tally {
    var sum = a
    sum.faults.merge(b.faults, uniquingKeysWith: +)
    sum.facts.merge(b.facts, uniquingKeysWith: +)
    return sum
  }
}
