/// A linearizable key-value store with history as a pure value, with etcd's semantics: the in-memory store and the
/// simulator run on it.
///
/// An empty store is at revision 1. Every committed transaction that changes something takes the next revision, and all its
/// changes carry it, in the order of the writes; one that changes nothing (no writes, or only deletions of absent keys)
/// commits at the present revision.
///
/// Specialised for the cluster's own records: the simulator does nearly nothing else.
public struct StoreModel<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// The revision of the last change.
  public private(set) var revision = Revision(1)
  /// Everything that exists now.
  public private(set) var entries: [Key: Stored<Value>] = [:]
  /// Changes up to this revision are forgotten.
  public private(set) var compacted = Revision.zero
  /// Every change after `compacted`, oldest first.
  private var history: [Change<Key, Value>] = []

  public init() {}

  /// Whether the condition holds now.
  @_specialize(where Key == RecordKey, Value == Record)
  public func holds(_ condition: Condition<Key>) -> Bool {
    switch condition {
    case .absent(let key): entries[key] == nil
    case .unchanged(let key, let modified): entries[key]?.modified == modified
    case .stands(let key, let created): entries[key]?.created == created
    }
  }

  /// Applies the transaction if all its conditions hold.
  ///
  /// A key that is put must not be written twice in one transaction (etcd refuses that).
  @_specialize(where Key == RecordKey, Value == Record)
  public mutating func apply(_ transaction: Transaction<Key, Value>) -> Verdict<Key, Value> {
    guard transaction.conditions.allSatisfy({ holds($0) }) else {
      return .refused(revision, current: current(of: transaction.conditions))
    }
    let next = Revision(revision.value + 1)
    let before = history.count
    for write in transaction.writes { apply(write, at: next) }
    if history.count > before { revision = next }
    return .committed(revision)
  }

  @_specialize(where Key == RecordKey, Value == Record)
  private mutating func apply(_ write: Write<Key, Value>, at next: Revision) {
    switch write {
    case .put(let key, let value):
      let present = entries[key]
      precondition(present?.modified != next, "a transaction puts one key twice")
      let entry = Stored(value: value, created: present?.created ?? next, modified: next)
      entries[key] = entry
      history.append(Change(key: key, entry: entry, revision: next))
    case .delete(let key):
      guard let removed = entries.removeValue(forKey: key) else { return }
      precondition(removed.modified != next, "a transaction puts and deletes one key")
      history.append(Change(key: key, entry: nil, revision: next))
    }
  }

  @_specialize(where Key == RecordKey, Value == Record)
  private func current(of conditions: [Condition<Key>]) -> [Key: Stored<Value>] {
    var current: [Key: Stored<Value>] = [:]
    for condition in conditions {
      let key = condition.key
      if let entry = entries[key] { current[key] = entry }
    }
    return current
  }

  /// All entries whose keys satisfy `predicate`, now.
  public func list(where predicate: (Key) -> Bool) -> Listing<Key, Value> {
    Listing(revision: revision, entries: entries.filter { predicate($0.key) })
  }

  /// Every change after `after`, oldest first; nil when part of it is forgotten.
  ///
  /// One step stricter than etcd, which still serves what is left of the very revision that it compacted to.
  @_specialize(where Key == RecordKey, Value == Record)
  public func changes(after: Revision) -> ArraySlice<Change<Key, Value>>? {
    guard after >= compacted else { return nil }
    return history[firstIndex(after: after)...]
  }

  /// Forgets the changes up to `upTo`, or to the present revision if that is less. The entries stay.
  @_specialize(where Key == RecordKey, Value == Record)
  public mutating func compact(upTo: Revision) {
    let target = min(upTo, revision)
    guard target > compacted else { return }
    history.removeSubrange(..<firstIndex(after: target))
    compacted = target
  }

  /// How many changes are remembered.
  public var remembered: Int { history.count }

  @_specialize(where Key == RecordKey, Value == Record)
  private func firstIndex(after: Revision) -> Int {
    var low = 0
    var high = history.count
    while low < high {
      let middle = (low + high) / 2
      if history[middle].revision > after { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension StoreModel where Key == String {
  /// All entries whose keys start with `prefix`, byte by byte.
  public func list(prefix: String) -> Listing<Key, Value> {
    list { $0.utf8.starts(with: prefix.utf8) }
  }
}

extension Condition {
  /// The key that it is about.
  public var key: Key {
    switch self {
    case .absent(let key), .unchanged(let key, _), .stands(let key, _): key
    }
  }
}
