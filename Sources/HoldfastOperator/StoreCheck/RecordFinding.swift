import HoldfastModel

/// Something about the records of the store that is not as it should be: what it means, and what can be done about it.
public struct RecordFinding: Hashable, Sendable {
  /// Stable, for programs.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// This build cannot read the record.
    case unreadable
    /// The store has the format of a newer build.
    case newerFormat = "newer-format"
    /// The record of the format is missing, or says something that no build has written.
    case noFormat = "no-format"
    /// A workload is defined, and the record of what is wanted of it is missing.
    case noIntent = "no-intent"
    /// There are records of a workload that is not defined.
    case noDefinition = "no-definition"
    /// A node has a session and no record.
    case noNode = "no-node"
    /// A record names a node that there is no record of.
    case unknownNode = "unknown-node"
    /// Records of a node that is gone.
    case leftover
    /// Two definitions have one UUID.
    case sameUUID = "same-uuid"
    /// A key under the cluster's prefix that this build does not know.
    case unknownKey = "unknown-key"
  }
  public enum Weight: String, Hashable, Sendable {
    /// Something does not work because of it.
    case fault
    /// It does no harm, and a person should know.
    case notice
  }
  public enum Remedy: Hashable, Sendable {
    /// `holdfast store repair` does it.
    case repair(RecordRepair)
    /// Sentences that say what a person is to do, in their order; none: there is nothing to do.
    case byHand([String])
  }
  public var kind: Kind
  public var weight: Weight
  /// In the store, with the cluster's prefix.
  public var key: String
  /// A clause: what is wrong.
  public var reason: String
  /// A sentence without its full stop: what it means for who runs the cluster.
  public var effect: String
  public var remedy: Remedy

  public init(_ kind: Kind, _ weight: Weight = .fault, key: String, _ reason: String, effect: String, _ remedy: Remedy) {
    self.kind = kind
    self.weight = weight
    self.key = key
    self.reason = reason
    self.effect = effect
    self.remedy = remedy
  }

  /// nil: nothing can be done without a person.
  public var repair: RecordRepair? { if case .repair(let repair) = remedy { repair } else { nil } }
}

/// One change that mends a finding. It is applied as a whole, and only while everything that it was decided on is as it was read.
public struct RecordRepair: Hashable, Sendable {
  /// A clause: what becomes of the records, and what follows.
  public var text: String
  public var transaction: ClusterTransaction

  public init(_ text: String, _ transaction: ClusterTransaction) {
    self.text = text
    self.transaction = transaction
  }
}
