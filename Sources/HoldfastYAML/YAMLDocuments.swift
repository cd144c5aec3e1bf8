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
    // Each mapping that repeats keys costs another reading of the text; all of them together no more than one of the longest text.
    var readings = max(SourceText.limit / max(log.source.text.utf8.count, 1), 1)
    while true {
      let (nodes, failure) = compose(keys.text)
      readings -= 1
      if let failure {
        if case .duplicatedKeysInMapping(let names, let context) = failure {
          let repetitions = keys.hide(names, context.mark)
          for repetition in repetitions { report(repetition, log) }
          if !repetitions.isEmpty, !log.isFull, readings > 0 { continue }
          if repetitions.isEmpty { log.add(YAMLSyntax.mistake(failure, in: log.source)) }
        } else {
          log.add(YAMLSyntax.mistake(failure, in: log.source))
        }
      }
      return nodes.map { YAMLValue($0, path: "", log: log) }.filter { !$0.isNothing }
    }
  }

  private static func report(_ repetition: RepeatedKeys.Repetition, _ log: MistakeLog) {
    log.repeatedKeys.insert(repetition.again)
    log.add(
      at: repetition.again, key: repetition.name, expected: "every key once",
      found: "'\(repetition.name)' again (first on line \(repetition.first.line))", remedy: "Remove one of the two.")
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
