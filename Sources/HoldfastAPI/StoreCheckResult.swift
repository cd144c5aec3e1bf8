import HoldfastModel
import HoldfastOperator

/// What `holdfast store check -o json` prints.
public struct StoreCheckResult: Hashable, Sendable, Codable {
  public struct Finding: Hashable, Sendable, Codable {
    /// `unreadable`, `newer-format`, `no-format`, `no-intent`, `no-definition`, `no-node`, `unknown-node`, `leftover`, `same-uuid` or `unknown-key`.
    public var kind: String
    /// `fault`: something does not work because of it; `notice`: it does no harm.
    public var weight: String
    /// In the store, with the cluster's prefix.
    public var key: String
    /// What is wrong, in a clause.
    public var reason: String
    /// What it means, in a sentence without its full stop.
    public var effect: String
    /// What `holdfast store repair` would do, in a clause; absent: nothing.
    public var repair: String?
    /// What a person is to do, in its order; absent: there is nothing to do but the repair.
    public var steps: [String]?

    public init(_ finding: RecordFinding) {
      kind = finding.kind.rawValue
      weight = finding.weight.rawValue
      key = finding.key
      reason = finding.reason
      effect = finding.effect
      switch finding.remedy {
      case .repair(let repair): self.repair = repair.text
      case .byHand(let steps): self.steps = steps.isEmpty ? nil : steps
      }
    }

    public var isFault: Bool { weight == RecordFinding.Weight.fault.rawValue }
  }
  public var cluster: String
  /// Everything was read as it was at this revision of the store.
  public var revision: Int64
  /// How many records there are.
  public var records: Int
  /// No finding is a fault.
  public var isSound: Bool
  /// The faults first.
  public var findings: [Finding]
  /// What looks odd and is right, in sentences.
  public var notes: [String]

  public init(_ check: RecordCheck, cluster: String) {
    self.cluster = cluster
    revision = check.listing.revision.value
    records = check.listing.entries.count
    isSound = check.faults.isEmpty
    findings = check.findings.map { Finding($0) }
    notes = check.notes
  }
}

/// What `holdfast store repair -o json` prints.
public struct StoreRepairResult: Hashable, Sendable, Codable {
  public struct Repair: Hashable, Sendable, Codable {
    public var key: String
    public var repair: String
    /// `done`, `changed`, `not-done` or `unknown`; absent in a dry run.
    public var state: String?
    /// Why it was not done, in a clause; absent when it was.
    public var reason: String?

    public init(key: String, repair: String, outcome: StoreEditOutcome?) {
      self.key = key
      self.repair = repair
      state = outcome?.state.rawValue
      reason = outcome?.reason
    }

    public var isDone: Bool { state == StoreEditOutcome.State.done.rawValue }
  }
  public var cluster: String
  /// The file with the records as they were before; absent: nothing was changed.
  public var backup: String?
  public var repairs: [Repair]
  /// What is left for a person.
  public var left: [StoreCheckResult.Finding]

  public init(cluster: String, backup: String?, repairs: [Repair], left: [StoreCheckResult.Finding]) {
    self.cluster = cluster
    self.backup = backup
    self.repairs = repairs
    self.left = left
  }
}
