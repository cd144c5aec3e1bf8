/// A position in the store's history. Every change of the store has a higher one than the change before.
public struct Revision: Hashable, Comparable, Sendable, Codable {
  public var value: Int64
  public init(_ value: Int64) { self.value = value }
  public static let zero = Revision(0)
  public static func < (a: Revision, b: Revision) -> Bool { a.value < b.value }
}

/// A value with the revisions that guards refer to.
public struct Stored<Value: Sendable>: Sendable {
  public var value: Value
  /// The revision that created the key (since its last deletion).
  public var created: Revision
  /// The revision that changed it last.
  public var modified: Revision

  public init(value: Value, created: Revision, modified: Revision) {
    self.value = value
    self.created = created
    self.modified = modified
  }
}
extension Stored: Equatable where Value: Equatable {}
extension Stored: Hashable where Value: Hashable {}

/// A condition that must hold for a transaction to be applied.
public enum Condition<Key: Hashable & Sendable>: Hashable, Sendable {
  case absent(Key)
  /// The key was not changed (nor deleted) since `modified`.
  case unchanged(Key, modified: Revision)
  /// The key exists and was not deleted since it was created at `created`; its value may have changed.
  case stands(Key, created: Revision)
}

/// One operation of a transaction.
public enum Write<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  case put(Key, Value)
  case delete(Key)

  public var key: Key {
    switch self {
    case .put(let key, _), .delete(let key): key
    }
  }
}
extension Write: Equatable where Value: Equatable {}
extension Write: Hashable where Value: Hashable {}

/// If every condition holds, all writes happen at one revision; otherwise nothing happens.
public struct Transaction<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  public var conditions: [Condition<Key>]
  public var writes: [Write<Key, Value>]

  public init(if conditions: [Condition<Key>], write writes: [Write<Key, Value>]) {
    self.conditions = conditions
    self.writes = writes
  }

  /// Operations, counted as etcd counts them (its default limit is 128 of each kind in a transaction).
  public var operations: Int { max(conditions.count, writes.count) }
}
extension Transaction: Equatable where Value: Equatable {}
extension Transaction: Hashable where Value: Hashable {}

/// The store's answer to a transaction.
public enum Verdict<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  case committed(Revision)
  /// A condition did not hold. `current` has the present entries of all keys that the conditions name; a missing key is absent.
  case refused(Revision, current: [Key: Stored<Value>])
}
extension Verdict: Equatable where Value: Equatable {}
extension Verdict: Hashable where Value: Hashable {}

/// One key's change, as a watch tells it.
public struct Change<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  public var key: Key
  /// nil: deleted.
  public var entry: Stored<Value>?
  public var revision: Revision

  public init(key: Key, entry: Stored<Value>?, revision: Revision) {
    self.key = key
    self.entry = entry
    self.revision = revision
  }
}
extension Change: Equatable where Value: Equatable {}
extension Change: Hashable where Value: Hashable {}

/// All entries under a prefix, as they were at one revision.
public struct Listing<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  public var revision: Revision
  public var entries: [Key: Stored<Value>]

  public init(revision: Revision, entries: [Key: Stored<Value>]) {
    self.revision = revision
    self.entries = entries
  }
}
extension Listing: Equatable where Value: Equatable {}
extension Listing: Hashable where Value: Hashable {}
