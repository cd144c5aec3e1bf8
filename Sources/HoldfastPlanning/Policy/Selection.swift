import HoldfastModel

/// Which workloads or nodes a rule is about, as a person writes it: `web-*`, `tier=db and not env=test`, `rack=a or rack=b`, `all`.
///
/// A word without `=` is a name, one with it a label and its value; `*` and `?` stand for other characters in both. `and` binds
/// closer than `or`.
public struct Selection: Hashable, Sendable {
  /// A text to compare with.
  public enum Pattern: Hashable, Sendable {
    case exactly(String)
    case glob(Glob)

    func matches(_ text: String) -> Bool {
      switch self {
      case .exactly(let wanted): text == wanted
      case .glob(let glob): glob.matches(text)
      }
    }
  }
  public enum Subject: Hashable, Sendable {
    case name(Pattern)
    /// The label must be there, with such a value.
    case label(String, Pattern)
  }
  public struct Condition: Hashable, Sendable {
    public var subject: Subject
    public var isNegated: Bool

    public init(_ subject: Subject, isNegated: Bool = false) {
      self.subject = subject
      self.isNegated = isNegated
    }
  }

  /// One of these must hold; of each all conditions. No conditions: everything.
  public private(set) var alternatives: [[Condition]]

  public static let all = Selection([[]])

  public init(_ alternatives: [[Condition]]) { self.alternatives = alternatives }

  /// The union of selections: what any of them selects, in their order; nothing when there are none.
  public init(anyOf selections: [Selection]) {
    var seen: Set<[Condition]> = []
    alternatives = selections.flatMap(\.alternatives).filter { seen.insert($0).inserted }
  }

  /// Selects everything, whatever there is.
  public var isEverything: Bool { alternatives.contains { $0.isEmpty } }

  public func matches(name: String, labels: [String: String]) -> Bool {
    alternatives.contains { conditions in conditions.allSatisfy { $0.matches(name: name, labels: labels) } }
  }

  /// Whether everything that `other` selects is selected by this one too, as far as the texts alone show.
  public func covers(_ other: Selection) -> Bool {
    other.alternatives.allSatisfy { narrow in
      alternatives.contains { wide in wide.allSatisfy(narrow.contains) }
    }
  }

  /// The names that it asks for letter by letter: what does not exist among them is probably a mistake.
  public var exactNames: [String] {
    alternatives.joined().compactMap { condition in
      guard case .name(.exactly(let name)) = condition.subject else { return nil }
      return name
    }
  }

  /// The labels that it asks for.
  public var labelNames: [String] {
    alternatives.joined().compactMap { condition in
      guard case .label(let name, _) = condition.subject else { return nil }
      return name
    }
  }
}

extension Selection.Condition {
  func matches(name: String, labels: [String: String]) -> Bool {
    let holds =
      switch subject {
      case .name(let pattern): pattern.matches(name)
      case .label(let label, let pattern): labels[label].map(pattern.matches) ?? false
      }
    return holds != isNegated
  }
}

extension Selection: CustomStringConvertible {
  /// As it would be written in a file.
  public var description: String {
    if isEverything { return "all" }
    return alternatives.map { $0.map(\.description).joined(separator: " and ") }.joined(separator: " or ")
  }
}

extension Selection.Condition: CustomStringConvertible {
  public var description: String {
    let text =
      switch subject {
      case .name(let pattern): pattern.description
      case .label(let name, let pattern): "\(name)=\(pattern)"
      }
    return isNegated ? "not \(text)" : text
  }
}

extension Selection.Pattern: CustomStringConvertible {
  public var description: String {
    switch self {
    case .glob(let glob): return glob.pattern
    case .exactly(let text):
      let isPlain = !SelectionParser.needsQuotes(text)
      if isPlain { return text }
      return text.contains("\"") ? "'\(text)'" : "\"\(text)\""
    }
  }
}

extension Selection: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do {
      self = try Selection(parsing: text)
    } catch {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' selects nothing: expected \(error.expected), found \(error.found)")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
