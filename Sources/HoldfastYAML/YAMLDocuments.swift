import Yams

/// Composes the documents of a YAML text and says in plain words where it is no YAML.
public enum YAMLDocuments {
  /// The documents that have content. What is wrong goes to the log; documents before a mistake are still returned, so
  /// that their mistakes are found as well.
  public static func compose(_ log: MistakeLog) -> [YAMLValue] {
    if let place = AliasedKeys.place(in: log.source) {
      log.add(
        at: place, key: nil, expected: "keys that are plain text", found: "anchors, aliases and a key that is no plain text",
        remedy: "Write keys as plain text, or do without anchors (&) and aliases (*).")
      return []
    }
    var keys = RepeatedKeys(log.source)
    while true {
      let (nodes, failure) = compose(keys.text)
      if let failure {
        if case .duplicatedKeysInMapping(let names, let context) = failure, let repetition = keys.hide(names, context.mark) {
          log.repeatedKeys.insert(repetition.again)
          log.add(
            at: repetition.again, key: repetition.name, expected: "every key once",
            found: "'\(repetition.name)' again (first on line \(repetition.first.line))",
            remedy: "Remove one of the two.")
          if !log.isFull { continue }
        } else {
          log.add(YAMLSyntax.mistake(failure, in: log.source))
        }
      }
      return nodes.map { YAMLValue($0, path: "", log: log) }.filter { !$0.isNothing }
    }
  }

  private static func compose(_ text: String) -> ([Node], YamlError?) {
    var nodes: [Node] = []
    do {
      // The basic resolver leaves scalars as the text that stands there: `no` is a name, not false. The encoding is given
      // because Yams' default can be changed, loudly, by an environment variable.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      while let node = try parser.nextRoot() { nodes.append(node) }
      return (nodes, nil)
    } catch {
      return (nodes, error as? YamlError ?? .writer(problem: "\(error)"))
    }
  }
}

/// Finds where a key that is given twice stands the second time: Yams stops at the first such pair and tells only where
/// its first key is.
private struct RepeatedKeys {
  struct Repetition {
    var name: String
    var first: FilePosition
    var again: FilePosition
  }
  private var lines: [[Unicode.Scalar]]
  private var hidden = 0

  init(_ source: SourceText) { lines = source.lines.map { Array($0.unicodeScalars) } }

  var text: String {
    var scalars = String.UnicodeScalarView()
    for line in lines {
      scalars.append(contentsOf: line)
      scalars.append("\n")
    }
    return String(scalars)
  }

  /// Hides the second of two equal keys, by another letter in its place, so that the rest of the file can be read.
  mutating func hide(_ names: [String], _ mark: Mark) -> Repetition? {
    guard let name = names.first, !name.isEmpty, lines.indices.contains(mark.line - 1) else { return nil }
    let first = FilePosition(line: mark.line, column: mark.column)
    let key = Array(name.unicodeScalars)
    let before = lines[first.line - 1].prefix(first.column - 1)
    let isBlock = before.allSatisfy { $0 == " " || $0 == "-" || $0 == "?" }
    guard let again = isBlock ? nextInBlock(key, after: first) : nextInFlow(key, after: first) else { return nil }
    let start = again.column - 1
    let isQuoted = lines[again.line - 1][start] != key[0]
    // A letter of the private use area, another one each time: nobody's key starts with it, and it takes one column.
    guard let letter = Unicode.Scalar(0xE000 + UInt32(hidden)) else { return nil }
    lines[again.line - 1][start + (isQuoted ? 1 : 0)] = letter
    hidden += 1
    return Repetition(name: name, first: first, again: again)
  }

  private func nextInBlock(_ key: [Unicode.Scalar], after first: FilePosition) -> FilePosition? {
    for number in lines.indices.dropFirst(first.line) {
      let line = lines[number]
      guard let start = line.firstIndex(where: { $0 != " " }), line[start] != "#" else { continue }
      if start < first.column - 1 { return nil }
      if start == first.column - 1, isKey(key, at: start, of: line) { return FilePosition(line: number + 1, column: start + 1) }
    }
    return nil
  }

  private func nextInFlow(_ key: [Unicode.Scalar], after first: FilePosition) -> FilePosition? {
    for number in lines.indices.dropFirst(first.line - 1) {
      let line = lines[number]
      for start in line.indices.dropFirst(number == first.line - 1 ? first.column : 0) {
        let opens = start == 0 || " {,\t".unicodeScalars.contains(line[start - 1])
        if opens, isKey(key, at: start, of: line) { return FilePosition(line: number + 1, column: start + 1) }
      }
    }
    return nil
  }

  /// Whether `key`, perhaps in quotes, and a colon stand there.
  private func isKey(_ key: [Unicode.Scalar], at start: Int, of line: [Unicode.Scalar]) -> Bool {
    var rest = line[start...]
    let quote = rest.first.flatMap { $0 == "\"" || $0 == "'" ? $0 : nil }
    if quote != nil { rest = rest.dropFirst() }
    guard rest.starts(with: key) else { return false }
    rest = rest.dropFirst(key.count)
    if let quote {
      guard rest.first == quote else { return false }
      rest = rest.dropFirst()
    }
    return rest.drop { $0 == " " }.first == ":"
  }
}

/// A few lines of nested aliases stand for a tree of astronomic size. That costs nothing until such a tree is a mapping's
/// key: Yams hashes keys. So anchors, aliases and such keys are not accepted together.
private enum AliasedKeys {
  static func place(in source: SourceText) -> FilePosition? {
    guard source.text.utf8.contains(UInt8(ascii: "&")), source.text.utf8.contains(UInt8(ascii: "*")) else { return nil }
    var hasAnchor = false, hasAlias = false
    var complexKey: FilePosition?
    for (number, line) in source.lines.enumerated() {
      let scalars = Array(line.unicodeScalars)
      for (index, scalar) in scalars.enumerated() {
        let opens = index == 0 || " -[]{},:?\t".unicodeScalars.contains(scalars[index - 1])
        switch scalar {
        case "&" where opens: hasAnchor = hasAnchor || names(scalars[(index + 1)...])
        case "*" where opens && names(scalars[(index + 1)...]):
          hasAlias = true
          if endsInColon(scalars[(index + 1)...].drop(while: isNameLetter)) {
            complexKey = .init(line: number + 1, column: index + 1)
          }
        case "]" where endsInColon(scalars[(index + 1)...]), "}" where endsInColon(scalars[(index + 1)...]):
          complexKey = FilePosition(line: number + 1, column: index + 1)
        case "?" where opens && (index + 1 == scalars.count || " \t".unicodeScalars.contains(scalars[index + 1])):
          complexKey = FilePosition(line: number + 1, column: index + 1)
        default: break
        }
      }
    }
    return hasAnchor && hasAlias ? complexKey : nil
  }

  private static func names(_ rest: ArraySlice<Unicode.Scalar>) -> Bool { rest.first.map(isNameLetter) ?? false }

  private static func isNameLetter(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" || scalar == "-")
  }

  private static func endsInColon(_ rest: ArraySlice<Unicode.Scalar>) -> Bool {
    rest.drop { $0 == " " || $0 == "\t" }.first == ":"
  }
}
