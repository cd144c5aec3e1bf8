import HoldfastController
import HoldfastModel

/// Two running hashes of what every controller was told and asked for, in its order: equal fingerprints of two builds mean that the cores
/// behaved alike.
///
/// Swift's own hashes differ from process to process unless `SWIFT_DETERMINISTIC_HASHING` is set, as `holdfast simulate --hashes` does.
public struct Fingerprint: Hashable, Sendable {
  /// Of the actions without the texts that they carry for people: reasons and notes may be worded anew.
  public private(set) var structure: UInt64 = 0
  /// Of the events and the actions, texts included.
  public private(set) var whole: UInt64 = 0

  mutating func mix(_ node: Int, _ event: Event, _ actions: [Action]) {
    whole = Self.chained(whole, node) { hasher in
      hasher.combine(event)
      hasher.combine(actions)
    }
    if actions.isEmpty { return }
    structure = Self.chained(structure, node) { hasher in
      for action in actions { hasher.combine(action.withoutTexts) }
    }
  }

  private static func chained(_ hash: UInt64, _ node: Int, _ feed: (inout Hasher) -> Void) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(hash)
    hasher.combine(node)
    feed(&hasher)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}

extension Action {
  /// The same without what is only for people to read.
  fileprivate var withoutTexts: Action {
    switch self {
    case .note(let note):
      .note(Note(note.kind, "", severity: note.severity, workload: note.workload, subject: note.subject))
    case .transact(let id, var transaction, let until):
      {
        transaction.writes = transaction.writes.map { write in
          guard case .put(let key, let record) = write else { return write }
          return .put(key, record.withoutTexts)
        }
        return .transact(id, transaction, until: until)
      }()
    default: self
    }
  }
}

extension Record {
  fileprivate var withoutTexts: Record {
    switch self {
    case .placement(var placement):
      placement.reason = PlacementReason()
      placement.others = placement.others.mapValues { _ in .recorded(code: nil, text: "") }
      return .placement(placement)
    case .claim(var claim):
      claim.failures = claim.failures.mapValues { .init(count: $0.count, reason: "", check: $0.check) }
      claim.unwell?.reason = ""
      return .claim(claim)
    case .report(var report):
      report.unreachable = report.unreachable.mapValues { _ in "" }
      report.guardPhase = .other("")
      report.kept = report.kept?.mapValues { _ in "" }
      report.paused = report.paused?.mapValues { _ in "" }
      report.nodeChecks = report.nodeChecks?.map { NodeFinding($0.check, "", isUnknown: $0.isUnknown, since: $0.since) }
      report.health = report.health?.mapValues {
        HealthReport(isFailing: $0.isFailing, check: $0.check, reason: "", since: $0.since)
      }
      return .report(report)
    case .losses(var losses):
      losses.ailment?.reason = ""
      return .losses(losses)
    default: return self
    }
  }
}
