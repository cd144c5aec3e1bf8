import HoldfastModel
import HoldfastPlanning

/// What one set of policies says otherwise than another, rule by rule and key by key, however the files are laid out.
public struct PolicyDiff: Hashable, Sendable, Codable {
  public enum Kind: String, Sendable, Codable {
    case added, removed, changed
  }
  public struct KeyChange: Hashable, Sendable, Codable {
    public var key: String
    /// As it would be written; nil: it was not there.
    public var before: String?
    /// nil: it is not there any more.
    public var after: String?
  }
  public struct RuleChange: Hashable, Sendable, Codable {
    /// `nodes`, `node-checks` or `workloads`.
    public var section: String
    public var name: String
    public var kind: Kind
    /// Of an added or removed rule all keys.
    public var keys: [KeyChange]
  }
  /// A rule that stands elsewhere among the others: the last one that matches decides.
  public struct OrderChange: Hashable, Sendable, Codable {
    public var section: String
    public var name: String
    /// The rule behind which it stands now; nil: it is the first.
    public var behind: String?
  }
  public struct FileChange: Hashable, Sendable, Codable {
    public var file: String
    public var kind: Kind
  }

  public var cluster: [KeyChange] = []
  public var rules: [RuleChange] = []
  public var order: [OrderChange] = []
  /// Files by their text: a comment counts here, and nowhere else.
  public var files: [FileChange] = []

  /// The same rules in the same order.
  public var saysTheSame: Bool { cluster.isEmpty && rules.isEmpty && order.isEmpty }
  public var isEmpty: Bool { saysTheSame && files.isEmpty }

  public init(from before: PolicySet, to after: PolicySet) {
    cluster = Self.changes(RuleText.entries(of: before.cluster), RuleText.entries(of: after.cluster))
    compare(
      "nodes", before.nodes.map { ($0.name, RuleText.entries(of: $0)) }, after.nodes.map { ($0.name, RuleText.entries(of: $0)) }
    )
    compare(
      "node-checks", before.nodeChecks.map { ($0.check.name.text, RuleText.entries(of: $0)) },
      after.nodeChecks.map { ($0.check.name.text, RuleText.entries(of: $0)) })
    compare(
      "workloads", before.workloads.map { ($0.name, RuleText.entries(of: $0)) },
      after.workloads.map { ($0.name, RuleText.entries(of: $0)) })
  }

  /// Compares the files as well.
  public init(from before: (files: [PolicyText], policies: PolicySet), to after: (files: [PolicyText], policies: PolicySet)) {
    self.init(from: before.policies, to: after.policies)
    func texts(_ files: [PolicyText]) -> [String: String] {
      Dictionary(files.map { ($0.file, $0.text) }, uniquingKeysWith: { first, _ in first })
    }
    let old = texts(before.files), new = texts(after.files)
    for file in Set(old.keys).union(new.keys).sorted() where old[file] != new[file] {
      files.append(FileChange(file: file, kind: old[file] == nil ? .added : new[file] == nil ? .removed : .changed))
    }
  }

  private typealias Rules = [(name: String, entries: [RuleText.Entry])]

  private mutating func compare(_ section: String, _ before: Rules, _ after: Rules) {
    let old = Dictionary(before.map { ($0.name, $0.entries) }, uniquingKeysWith: { first, _ in first })
    let new = Set(after.map(\.name))
    for rule in after {
      guard let entries = old[rule.name] else {
        rules.append(.init(section: section, name: rule.name, kind: .added, keys: Self.changes([], rule.entries)))
        continue
      }
      let keys = Self.changes(entries, rule.entries)
      if !keys.isEmpty { rules.append(.init(section: section, name: rule.name, kind: .changed, keys: keys)) }
    }
    for rule in before where !new.contains(rule.name) {
      rules.append(.init(section: section, name: rule.name, kind: .removed, keys: Self.changes(rule.entries, [])))
    }
    let kept = before.map(\.name).filter(new.contains), now = after.map(\.name).filter { old[$0] != nil }
    let still = Self.commonOrder(kept, now)
    for (index, name) in now.enumerated() where !still.contains(name) {
      order.append(.init(section: section, name: name, behind: index > 0 ? now[index - 1] : nil))
    }
  }

  private static func changes(_ before: [RuleText.Entry], _ after: [RuleText.Entry]) -> [KeyChange] {
    let old = Dictionary(before.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    let new = Dictionary(after.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    let keys = before.map(\.key) + after.map(\.key).filter { old[$0] == nil }
    return keys.filter { old[$0] != new[$0] }.map { KeyChange(key: $0, before: old[$0], after: new[$0]) }
  }

  /// The most names that stand in the same order in both.
  private static func commonOrder(_ a: [String], _ b: [String]) -> Set<String> {
    if a == b { return Set(a) }
    // Both have the same names: the longest run of ascending places.
    let place = Dictionary(a.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let places = b.compactMap { place[$0] }
    var ends: [Int] = [], before = [Int](repeating: -1, count: places.count)
    for index in places.indices {
      let at = ends.firstIndex { places[$0] >= places[index] } ?? ends.count
      if at > 0 { before[index] = ends[at - 1] }
      if at < ends.count { ends[at] = index } else { ends.append(index) }
    }
    var common: Set<String> = [], next = ends.last ?? -1
    while next >= 0 {
      common.insert(a[places[next]])
      next = before[next]
    }
    return common
  }
}
