import Yams

/// A file as a program writes it, with its keys in the order in which they are given.
public indirect enum YAMLOutput: Sendable {
  /// A word or a number that needs no quotes.
  case plain(String)
  /// A text that must not be taken for anything else.
  case quoted(String)
  /// Many lines, written as a literal block where YAML allows it.
  case block(String)
  case list([YAMLOutput])
  case mapping([(key: String, value: YAMLOutput)])

  /// - Throws: `YamlError` for what YAML cannot hold.
  public func text() throws -> String { try serialize(node: node, width: -1, allowUnicode: true) }

  private var node: Node {
    switch self {
    case .plain(let text): .scalar(Node.Scalar(text, .implicit, .plain))
    case .quoted(let text): .scalar(Node.Scalar(text, .implicit, .doubleQuoted))
    case .block(let text): .scalar(Node.Scalar(text, .implicit, .literal))
    case .list(let items): .sequence(Node.Sequence(items.map(\.node), Tag(.seq), .block))
    case .mapping(let pairs):
      .mapping(Node.Mapping(pairs.map { (Self.key($0.key).node, $0.value.node) }, Tag(.map), .block))
    }
  }

  /// Names of labels may look like numbers.
  private static func key(_ name: String) -> YAMLOutput {
    name.first?.isLetter ?? false && name.allSatisfy({ $0.isASCII && ($0.isLetter || $0 == "-") })
      ? .plain(name) : .quoted(name)
  }
}
