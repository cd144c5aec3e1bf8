import HoldfastModel

/// Looks through all records of a cluster for what is not as it should be, and says what can be done about it.
///
/// Claims and sessions are never repaired: they say who may execute a workload, and only a person can find out what executes in
/// fact (Docs/safety.md, rule 8). No definition is deleted that somebody may still execute.
public struct RecordCheck: Sendable {
  public let codec: RecordCodec
  public let listing: Listing<String, [UInt8]>
  /// The faults first, each kind by its key.
  public private(set) var findings: [RecordFinding] = []
  /// Sentences about what looks odd and is right.
  public private(set) var notes: [String] = []

  let view: ClusterView
  /// Milliseconds since 1970.
  public let now: Int64
  private let entries: [RecordKey: Stored<Record>]

  /// - Parameters:
  ///   - listing: everything under the cluster's prefix, as it is in the store.
  ///   - now: milliseconds since 1970.
  public init(_ listing: Listing<String, [UInt8]>, cluster: String, at now: Int64) {
    codec = RecordCodec(cluster: cluster)
    self.listing = listing
    self.now = now
    let decoded = codec.decode(listing)
    entries = decoded.entries
    var view = ClusterView()
    view.load(decoded)
    self.view = view
    look()
  }

  public var faults: [RecordFinding] { findings.filter { $0.weight == .fault } }

  private mutating func look() {
    var found = formatFindings + unknownKeys
    for key in view.unreadable.keys { if let finding = unreadable(key) { found.append(finding) } }
    for name in view.specs.keys { if let finding = missingIntent(of: name) { found.append(finding) } }
    for name in undefined { if let finding = missingDefinition(of: name) { found.append(finding) } }
    found += nodeFindings + strayAdoptions + sameUUIDs
    if isNewer { found = found.map(Self.leftToNewerBuild) }
    findings = found.sorted {
      ($0.weight == .fault ? 0 : 1, $0.key, $0.kind.rawValue) < ($1.weight == .fault ? 0 : 1, $1.key, $1.kind.rawValue)
    }
    notes = released
  }

  // MARK: what the rest asks

  /// The condition that a record is as it was read, be it one that cannot be read.
  func asRead(_ key: RecordKey) -> Condition<RecordKey> {
    entries[key].map { .unchanged(key, modified: $0.modified) } ?? .absent(key)
  }

  func isThere(_ key: RecordKey) -> Bool { entries[key] != nil }

  /// Deletes records, as long as they are as they were read, and others too.
  func deletion(of keys: [RecordKey], besides others: [RecordKey] = []) -> ClusterTransaction {
    ClusterTransaction(if: (keys + others).map(asRead), write: keys.filter(isThere).map { .delete($0) })
  }

  /// Puts a record, as long as it is as it was read, and others too.
  func replacement(of key: RecordKey, by record: Record, besides others: [RecordKey] = []) -> ClusterTransaction {
    ClusterTransaction(if: ([key] + others).map(asRead), write: [.put(key, record)])
  }

  func reason(_ key: RecordKey) -> String {
    // It begins with the key, which is told besides.
    let reason = view.unreadable[key] ?? "it is missing", prefix = "\(codec.key(key)): "
    return reason.hasPrefix(prefix) ? String(reason.dropFirst(prefix.count)) : reason
  }

  // MARK: the format

  private var isNewer: Bool { view.format.map { $0.value.version > FormatRecord.current } ?? false }

  private var formatFindings: [RecordFinding] {
    let key = codec.key(.format)
    if let version = view.format?.value.version, isNewer {
      return [
        RecordFinding(
          .newerFormat, key: key, "the store has format \(version), and this build knows up to \(FormatRecord.current)",
          effect: "A holdfastd of this build starts, moves and decides nothing, and what this build cannot read may be sound",
          .byHand(["Run `holdfast store check` on a node with the newest build, and upgrade the others."]))
      ]
    }
    let isSound = (view.format?.value.version ?? 0) == FormatRecord.current
    // Unreadable, it is told with the others. A store that is empty gets it from the first node.
    guard !isSound, view.unreadable[.format] == nil, !entries.isEmpty else { return [] }
    let reason = view.format.map { "it says format \($0.value.version), which no build has written" } ?? "it is missing"
    return [
      RecordFinding(
        .noFormat, key: key, reason, effect: "A build that is too old for these records would join all the same", formatRemedy)
    ]
  }

  /// What this build can read as a whole is of its format.
  var formatRemedy: RecordFinding.Remedy {
    let others = view.unreadable.keys.filter { $0 != .format }
    guard others.isEmpty else {
      return .byHand([
        "Records that this build cannot read may be a newer build's. See to them first; then `holdfast store repair` writes the format."
      ])
    }
    return .repair(
      RecordRepair(
        "format \(FormatRecord.current) is written: this build can read all the other records",
        replacement(of: .format, by: .format(FormatRecord()))))
  }

  private static func leftToNewerBuild(_ finding: RecordFinding) -> RecordFinding {
    guard finding.kind != .newerFormat else { return finding }
    var finding = finding
    finding.remedy = .byHand(["Nothing, before the newest build says the same: `holdfast store check` there."])
    return finding
  }

  private var unknownKeys: [RecordFinding] {
    listing.entries.keys.filter { codec.parse($0) == nil }.map { key in
      RecordFinding(
        .unknownKey, .notice, key: key, "this build knows no record of this name",
        effect: "Nothing: it is left alone. A newer build may have written it, or a person",
        .byHand(["If it is nobody's, `etcdctl del \(Self.quoted(key))` removes it."]))
    }
  }

  // MARK: what is right

  private var released: [String] {
    let count = view.claims.count {
      view.specs[$0.key] == nil && view.unreadable[.spec($0.key)] == nil && $0.value.value.holder == nil
    }
    guard count > 0 else { return [] }
    return [
      "\(count == 1 ? "1 claim" : "\(count) claims") of workloads that left protection: that is right. A claim stays so that its epoch never falls, and says where the workload continued."
    ]
  }

  // MARK: words

  /// One word for a shell.
  static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"):
        true
      default: false
      }
    }
    return isPlain && !text.isEmpty
      ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// What etcdctl needs comes first.
  static let preparation = "`eval \"$(holdfastd --etcdctl)\"` tells etcdctl where the store is."
}
