import FoundationEssentials
import HoldfastModel

/// The records of a cluster byte by byte, as they are in the store: what `holdfastd --records` prints, and what `holdfast store repair` keeps of
/// those that it changes.
public struct StoreRecords: Hashable, Sendable, Codable {
  public static let currentFormat = 1

  public struct Record: Hashable, Sendable, Codable {
    /// In the store, with the cluster's prefix.
    public var key: String
    /// In JSON as base64.
    public var value: Data
    /// The revisions that created it and that changed it last.
    public var created: Int64
    public var modified: Int64
  }
  /// Of this file.
  public var format: Int
  public var cluster: String
  /// Everything is as it was then.
  public var revision: Int64
  /// Sorted by key.
  public var records: [Record]

  public init(_ listing: Listing<String, [UInt8]>, cluster: String) {
    format = Self.currentFormat
    self.cluster = cluster
    revision = listing.revision.value
    records = listing.entries.sorted { $0.key < $1.key }.map { key, entry in
      Record(key: key, value: Data(entry.value), created: entry.created.value, modified: entry.modified.value)
    }
  }

  public var listing: Listing<String, [UInt8]> {
    var listing = Listing<String, [UInt8]>(revision: Revision(revision), entries: [:])
    for record in records {
      listing.entries[record.key] = Stored(
        value: [UInt8](record.value), created: Revision(record.created), modified: Revision(record.modified))
    }
    return listing
  }

  /// Those of some keys alone.
  public func only(_ keys: Set<String>) -> StoreRecords {
    var some = self
    some.records.removeAll { !keys.contains($0.key) }
    return some
  }
}

/// A change of records that is applied as a whole or not at all: what `holdfastd --write-records` reads.
public struct StoreEdit: Hashable, Sendable, Codable {
  public struct Condition: Hashable, Sendable, Codable {
    public var key: String
    /// The revision that changed it last; absent: there is no such record.
    public var modified: Int64?

    public init(key: String, modified: Int64?) {
      self.key = key
      self.modified = modified
    }
  }
  public struct Write: Hashable, Sendable, Codable {
    public var key: String
    /// In JSON as base64; absent: the record is deleted.
    public var value: Data?

    public init(key: String, value: Data?) {
      self.key = key
      self.value = value
    }
  }
  public var conditions: [Condition]
  public var writes: [Write]

  public init(conditions: [Condition], writes: [Write]) {
    self.conditions = conditions
    self.writes = writes
  }

  /// - Returns: nil for a condition that is none of a record as it was read.
  public init?(_ transaction: Transaction<String, [UInt8]>) {
    self.init(conditions: [], writes: [])
    for condition in transaction.conditions {
      switch condition {
      case .absent(let key): conditions.append(Condition(key: key, modified: nil))
      case .unchanged(let key, let modified): conditions.append(Condition(key: key, modified: modified.value))
      case .stands: return nil
      }
    }
    for write in transaction.writes {
      switch write {
      case .put(let key, let value): writes.append(Write(key: key, value: Data(value)))
      case .delete(let key): writes.append(Write(key: key, value: nil))
      }
    }
  }

  public var transaction: Transaction<String, [UInt8]> {
    Transaction(
      if: conditions.map { condition in
        condition.modified.map { .unchanged(condition.key, modified: Revision($0)) } ?? .absent(condition.key)
      },
      write: writes.map { write in write.value.map { .put(write.key, [UInt8]($0)) } ?? .delete(write.key) })
  }

  /// Why it is not carried out on a cluster's records; nil: it may be. Nothing is written that was not looked at.
  public func flaw(in cluster: String) -> String? {
    let prefix = RecordCodec(cluster: cluster).prefix, guarded = Set(conditions.map(\.key))
    for write in writes {
      if !write.key.hasPrefix(prefix) { return "\(write.key) is no record of the cluster \(cluster)" }
      if !guarded.contains(write.key) { return "\(write.key) would be written whatever it is now" }
    }
    return Set(writes.map(\.key)).count == writes.count ? nil : "a record would be written twice"
  }
}

/// What became of a `StoreEdit`.
public struct StoreEditOutcome: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable {
    case done
    /// Somebody changed one of the records meanwhile: nothing was written.
    case changed
    /// Nothing was written, for another reason.
    case notDone = "not-done"
    /// The store did not say.
    case unknown
  }
  public var state: State
  /// Why it was not done, in a clause; absent when it was.
  public var reason: String?

  public init(_ state: State, reason: String? = nil) {
    self.state = state
    self.reason = reason
  }
}
