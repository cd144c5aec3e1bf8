import HoldfastModel
import Yams

/// One value of a YAML document, with its place. Its readers return nil when the value is wrong, and have said so then.
public struct YAMLValue {
  let node: Node
  /// The key's path from the top of the file, empty at the top.
  public private(set) var path: String
  public let position: FilePosition
  let log: MistakeLog

  /// - Parameter key: the position of the value's key, to report when the value is empty.
  init(_ node: Node, path: String, key: FilePosition? = nil, log: MistakeLog) {
    self.node = node
    self.path = path
    self.log = log
    let mark = node.mark.map { FilePosition(line: $0.line, column: $0.column) } ?? FilePosition(line: 1, column: 1)
    if let key, case .scalar(let scalar) = node, scalar.string.isEmpty, scalar.style == .plain {
      position = key
    } else {
      position = mark
    }
    // Read without resolving: `Node.tag` gives implicit ones their standard name.
    let tag = node.tag.rawValue
    if !tag.hasPrefix("tag:yaml.org,2002:") {
      wrong(expected: "a value without a tag", found: "the tag '\(tag)'", remedy: "Remove the tag.")
    }
  }

  /// The file that it stands in, as the person gave it.
  public var file: String { log.source.file }

  /// No value: `key:`, `~` or `null`.
  public var isNothing: Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// What stands there, for a message.
  public var found: String {
    switch node {
    case .scalar(let scalar): isNothing ? "nothing" : Self.quote(scalar.string)
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  /// A text in quotes for a message: one line, and not more of it than a person reads.
  public static func quote(_ text: String) -> String {
    let line = text.prefix { !$0.isNewline }
    return line.count > 120 || line.count < text.count ? "'\(line.prefix(120))…'" : "'\(line)'"
  }

  /// Reports something at another place of the file that belongs to this value.
  public func wrong(at place: FilePosition, expected: String, found: String, remedy: String) {
    log.add(at: place, key: path.isEmpty ? nil : path, expected: expected, found: found, remedy: remedy)
  }

  /// Reports this value.
  public func wrong(
    _ severity: FileMistake.Severity = .error, expected: String, found: String? = nil, nearest: String? = nil, remedy: String
  ) {
    log.add(
      severity, at: position, key: path.isEmpty ? nil : path, expected: expected, found: found ?? self.found,
      nearest: nearest, remedy: remedy)
  }

  // MARK: scalars

  /// The text of a scalar, whatever it looks like: `1` and `yes` are texts too.
  public func text(expected: String, remedy: String) -> String? {
    guard case .scalar(let scalar) = node, !isNothing else {
      wrong(expected: expected, remedy: remedy)
      return nil
    }
    return scalar.string
  }

  /// The text of a scalar as a value.
  public func value<T>(expected: String, remedy: (String) -> String, _ convert: (String) -> T?) -> T? {
    guard case .scalar(let scalar) = node, !isNothing else {
      wrong(expected: expected, remedy: remedy(""))
      return nil
    }
    if let value = convert(scalar.string) { return value }
    wrong(expected: expected, remedy: remedy(scalar.string))
    return nil
  }

  /// One of an enumeration's words.
  public func choice<T: CaseIterable & RawRepresentable>(_ type: T.Type) -> T? where T.RawValue == String {
    let words = T.allCases.map(\.rawValue)
    guard case .scalar(let scalar) = node, !isNothing else {
      wrong(expected: Self.either(words), remedy: "Write one of these words.")
      return nil
    }
    if let value = T(rawValue: scalar.string) { return value }
    wrong(
      expected: Self.either(words), nearest: Spelling.nearest(to: scalar.string, among: words),
      remedy: "Write one of these words.")
    return nil
  }

  /// A name as Holdfast uses them for nodes, workloads and clusters.
  public func name() -> String? {
    value(
      expected: "a name (letters, digits, '.', '_', '-'; at most 63; a letter or digit first)",
      remedy: { _ in "Choose a name of these characters." },
      { NodeName.isValid($0) ? $0 : nil })
  }

  /// `a, b or c`.
  package static func either(_ words: [String]) -> String {
    words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
  }

  /// Where a place within a literal block (`|`) stands in the file; nil for other texts, whose lines YAML joins.
  ///
  /// - Parameter place: within the text, from line 1 and column 1.
  public func position(of place: FilePosition) -> FilePosition? {
    guard case .scalar(let scalar) = node, scalar.style == .literal else { return nil }
    let lines =
      log.literalLines[position]
      ?? scalar.string.split(separator: "\n", omittingEmptySubsequences: false).map(\.unicodeScalars.count)
    log.literalLines[position] = lines
    let number = position.line + place.line
    guard lines.indices.contains(place.line - 1), log.source.lines.indices.contains(number - 1) else { return nil }
    let indentation = log.source.lines[number - 1].unicodeScalars.count - lines[place.line - 1]
    return indentation < 0 ? nil : FilePosition(line: number, column: place.column + indentation)
  }

  /// Where a character of a text of one line stands in the file.
  ///
  /// - Parameter offset: in Unicode scalars from the text's start.
  public func position(ofScalar offset: Int) -> FilePosition {
    guard case .scalar(let scalar) = node else { return position }
    switch scalar.style {
    case .plain: return FilePosition(line: position.line, column: position.column + offset)
    case .singleQuoted, .doubleQuoted: return FilePosition(line: position.line, column: position.column + 1 + offset)
    case .literal, .folded, .any: return position
    }
  }

  // MARK: collections

  public var isList: Bool { if case .sequence = node { true } else { false } }
  public var isMapping: Bool { if case .mapping = node { true } else { false } }

  /// The entries of a list.
  public func items(expected: String, remedy: String) -> [YAMLValue]? {
    guard case .sequence(let sequence) = node else {
      wrong(expected: expected, remedy: remedy)
      return nil
    }
    return sequence.enumerated().map { index, node in YAMLValue(node, path: "\(path)[\(index)]", log: log) }
  }

  /// Names with texts, as in `{rack: a}`. At most 64.
  public func labels() -> [String: String]? {
    if isNothing { return [:] }
    guard case .mapping(let mapping) = node else {
      wrong(expected: "labels such as {rack: a}", remedy: "Write names and values: {name: value}.")
      return nil
    }
    guard mapping.count <= 64 else {
      wrong(expected: "at most 64 labels", found: "\(mapping.count)", remedy: "Remove some.")
      return nil
    }
    var labels: [String: String] = [:]
    for (key, value) in mapping {
      let name = YAMLValue(key, path: path, log: log)
      if log.repeatedKeys.contains(name.position) { continue }
      guard let label = name.name() else { continue }
      let entry = YAMLValue(value, path: "\(path).\(label)", key: name.position, log: log)
      labels[label] = entry.value(
        expected: "a text of one line, at most 255 characters", remedy: { _ in "Write a short text; \"\" for an empty one." },
        { $0.utf8.count <= 255 && !$0.contains(where: \.isNewline) ? $0 : nil })
    }
    return labels
  }

  /// A mapping with known keys.
  ///
  /// - Parameter home: the mapping's path in the table.
  public func section(of table: KeyTable, at home: String) -> YAMLSection? {
    YAMLSection(self, table: table, home: home)
  }

  /// The name that a key of this mapping gives; nil when there is none, or it is no name. Reports nothing.
  public func name(at key: String) -> String? { text(at: key).flatMap { NodeName.isValid($0) ? $0 : nil } }

  /// The text that a key of this mapping gives; nil when there is none. Reports nothing.
  public func text(at key: String) -> String? {
    guard case .mapping(let mapping) = node else { return nil }
    for (name, value) in mapping {
      if case .scalar(let name) = name, name.string == key, case .scalar(let value) = value { return value.string }
    }
    return nil
  }

  /// The same value under another path, for entries of a list that have a name.
  public func renamed(_ path: String) -> YAMLValue {
    var copy = self
    copy.path = path
    return copy
  }
}
