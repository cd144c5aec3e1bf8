import FoundationEssentials

/// Records as keys and JSON bytes. Pure: the same record always gives the same bytes.
public struct RecordCodec: Sendable {
  /// All keys of the cluster start with it.
  public let prefix: String

  /// - Parameter cluster: the cluster's name; several clusters can share one store.
  public init(cluster: String) { prefix = "/holdfast/\(cluster)/" }

  // MARK: keys

  public func key(_ key: RecordKey) -> String {
    prefix
      + {
        switch key {
        case .format: "format"
        case .planner: "planner"
        case .policies: "policies"
        case .disarm: "disarm"
        case .movesOff: "moves-off"
        case .definitions: "definitions"
        case .node(let name): "nodes/\(name)"
        case .maintenance(let name): "maintenance/\(name)"
        case .losses(let name): "losses/\(name)"
        case .report(let name): "reports/\(name)"
        case .session(let incarnation): "sessions/\(incarnation)"
        case .spec(let name): "specs/\(name)"
        case .intent(let name): "intents/\(name)"
        case .placement(let name): "placements/\(name)"
        case .claim(let name): "claims/\(name)"
        case .released(let name): "released/\(name)"
        case .history(let node, let slot): "history/\(node)/\(slot)"
        }
      }()
  }

  /// nil: not one of ours, left alone.
  public func parse(_ text: String) -> RecordKey? {
    guard text.hasPrefix(prefix) else { return nil }
    let parts = text.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    func name<N: Name>(_ make: (N) -> RecordKey) -> RecordKey? { N.isValid(parts[1]) ? make(N(parts[1])) : nil }
    switch (parts.first, parts.count) {
    case ("format", 1): return .format
    case ("planner", 1): return .planner
    case ("policies", 1): return .policies
    case ("disarm", 1): return .disarm
    case ("moves-off", 1): return .movesOff
    case ("definitions", 1): return .definitions
    case ("nodes", 2): return name(RecordKey.node)
    case ("maintenance", 2): return name(RecordKey.maintenance)
    case ("losses", 2): return name(RecordKey.losses)
    case ("reports", 2): return name(RecordKey.report)
    // A node's name and more: longer than a name may be.
    case ("sessions", 2): return parts[1].isEmpty ? nil : .session(.init(parts[1]))
    case ("specs", 2): return name(RecordKey.spec)
    case ("intents", 2): return name(RecordKey.intent)
    case ("placements", 2): return name(RecordKey.placement)
    case ("claims", 2): return name(RecordKey.claim)
    case ("released", 2): return name(RecordKey.released)
    case ("history", 3): return Int(parts[2]).flatMap { slot in name { .history($0, slot: slot) } }
    default: return nil
    }
  }

  // MARK: values

  /// - Throws: nothing that a record of ours can cause; the encoder's error otherwise.
  public func encode(_ record: Record) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    func bytes(_ value: some Encodable) throws -> [UInt8] { [UInt8](try encoder.encode(value)) }
    return switch record {
    case .format(let value): try bytes(value)
    case .planner(let value): try bytes(value)
    case .policies(let value): try bytes(value)
    case .disarm(let value): try bytes(value)
    case .movesOff(let value): try bytes(value)
    case .definitions(let value): try bytes(value)
    case .node(let value): try bytes(value)
    case .maintenance(let value): try bytes(value)
    case .losses(let value): try bytes(value)
    case .report(let value): try bytes(value)
    case .session(let value): try bytes(value)
    case .spec(let value): try bytes(value)
    case .intent(let value): try bytes(value)
    case .placement(let value): try bytes(value)
    case .claim(let value): try bytes(value)
    case .released(let value): try bytes(value)
    case .history(let value): try bytes(value)
    case .unreadable(let reason): try bytes(reason)
    }
  }

  public func decode(_ bytes: [UInt8], at key: RecordKey) -> Record {
    let decoder = JSONDecoder(), data = Data(bytes)
    do {
      let record: Record =
        switch key {
        case .format: .format(try decoder.decode(FormatRecord.self, from: data))
        case .planner: .planner(try decoder.decode(PlannerRecord.self, from: data))
        case .policies: .policies(try decoder.decode(PoliciesRecord.self, from: data))
        case .disarm: .disarm(try decoder.decode(DisarmRecord.self, from: data))
        case .movesOff: .movesOff(try decoder.decode(MovesOffRecord.self, from: data))
        case .definitions: .definitions(try decoder.decode(DefinitionsRecord.self, from: data))
        case .maintenance: .maintenance(try decoder.decode(MaintenanceRecord.self, from: data))
        case .losses: .losses(try decoder.decode(LossesRecord.self, from: data))
        case .node: .node(try decoder.decode(NodeRecord.self, from: data))
        case .report: .report(try decoder.decode(ReportRecord.self, from: data))
        case .session: .session(try decoder.decode(SessionRecord.self, from: data))
        case .spec: .spec(try decoder.decode(SpecRecord.self, from: data))
        case .intent: .intent(try decoder.decode(IntentRecord.self, from: data))
        case .placement: .placement(try decoder.decode(PlacementRecord.self, from: data))
        case .claim: .claim(try decoder.decode(ClaimRecord.self, from: data))
        case .released: .released(try decoder.decode(ReleasedRecord.self, from: data))
        case .history: .history(try decoder.decode(HistoryRecord.self, from: data))
        }
      return record.flaw.map { .unreadable(reason: "\(self.key(key)): \($0)") } ?? record
    } catch {
      return .unreadable(reason: "\(self.key(key)): \(Self.explain(error))")
    }
  }

  private static func explain(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String { context.codingPath.map(\.stringValue).joined(separator: ".") }
    return switch error {
    case DecodingError.valueNotFound(_, let context) where context.codingPath.isEmpty,
      DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty:
      "not a record of this format"
    case DecodingError.keyNotFound(let key, _): "the field '\(key.stringValue)' is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "the field '\(path(context))' has the wrong type"
    default: "not a record of this format"
    }
  }

  // MARK: whole messages

  public func encode(_ transaction: ClusterTransaction) throws -> Transaction<String, [UInt8]> {
    Transaction(
      if: transaction.conditions.map {
        switch $0 {
        case .absent(let key): .absent(self.key(key))
        case .unchanged(let key, let modified): .unchanged(self.key(key), modified: modified)
        case .stands(let key, let created): .stands(self.key(key), created: created)
        }
      },
      write: try transaction.writes.map {
        switch $0 {
        case .put(let key, let record): .put(self.key(key), try encode(record))
        case .delete(let key): .delete(self.key(key))
        }
      })
  }

  public func decode(_ verdict: Verdict<String, [UInt8]>) -> ClusterVerdict {
    switch verdict {
    case .committed(let revision): .committed(revision)
    case .refused(let revision, let current): .refused(revision, current: decode(current))
    }
  }

  public func decode(_ listing: Listing<String, [UInt8]>) -> ClusterListing {
    ClusterListing(revision: listing.revision, entries: decode(listing.entries))
  }

  public func decode(_ change: Change<String, [UInt8]>) -> ClusterChange? {
    guard let key = parse(change.key) else { return nil }
    let entry = change.entry.map { Stored(value: decode($0.value, at: key), created: $0.created, modified: $0.modified) }
    return ClusterChange(key: key, entry: entry, revision: change.revision)
  }

  private func decode(_ entries: [String: Stored<[UInt8]>]) -> [RecordKey: Stored<Record>] {
    var decoded: [RecordKey: Stored<Record>] = [:]
    for (text, entry) in entries {
      guard let key = parse(text) else { continue }
      decoded[key] = Stored(value: decode(entry.value, at: key), created: entry.created, modified: entry.modified)
    }
    return decoded
  }
}
