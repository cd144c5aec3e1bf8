import Yams

/// Says in plain words why a text is no YAML: libyaml's messages are written for people who know its grammar.
enum YAMLSyntax {
  static func mistake(_ error: YamlError, in source: SourceText) -> FileMistake {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      // At the end of a text without a last line break libyaml is already on the next line.
      return explain(
        problem, opened: context.map { source.clamp(position($0.mark)) }, at: source.clamp(position(mark)), in: source)
    case .duplicatedKeysInMapping(let names, let context):
      let name = names.first ?? ""
      return report(
        at: position(context.mark), expected: "every key once", found: "'\(name)' more than once",
        remedy: "Remove all but one.", in: source)
    case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem), .representer(let problem):
      return report(
        at: FilePosition(line: 1, column: 1), expected: "valid YAML", found: problem, remedy: "Save the file as UTF-8.",
        in: source)
    case .no, .memory, .dataCouldNotBeDecoded:
      return report(
        at: FilePosition(line: 1, column: 1), expected: "valid YAML", found: "a text that could not be processed",
        remedy: "Try a smaller file.", in: source)
    }
  }

  private static func explain(
    _ problem: String, opened: FilePosition?, at place: FilePosition, in source: SourceText
  ) -> FileMistake {
    let opening = opened ?? place
    let end = "nothing that closes it up to line \(place.line)"
    switch problem {
    case "found character that cannot start any token":
      return misplaced(at: place, in: source)
    case "found unexpected end of stream", "found unexpected document indicator":
      return report(
        at: opening, expected: "a closing quote", found: end, remedy: "Close the quote that is opened here.", in: source)
    case "did not find expected ',' or ']'":
      return report(
        at: opening, expected: "',' or ']' after each entry", found: end,
        remedy: "Close the list that is opened here with ']'.", in: source)
    case "did not find expected ',' or '}'":
      return report(
        at: opening, expected: "',' or '}' after each entry", found: end,
        remedy: "Close the mapping that is opened here with '}'.", in: source)
    case "mapping values are not allowed in this context":
      return report(
        at: place, expected: "one 'key: value' to a line", found: "a ':' that starts another value",
        remedy: "Put a value that contains ': ' in quotes, or check the indentation.", in: source)
    case "could not find expected ':'":
      return report(
        at: opening, expected: "a ':' and a space after the key", found: "none",
        remedy: "Write 'key: value', with a space after the colon.", in: source)
    case "did not find expected key", "did not find expected '-' indicator",
      "block sequence entries are not allowed in this context":
      return report(
        at: place, expected: "an entry indented like those before it", found: "something else",
        remedy: "Indent it as deep as its neighbours, with spaces, and close quotes before it.", in: source)
    case "did not find expected node content":
      return report(
        at: place, expected: "a value", found: place == source.end ? "the end of the file" : "none",
        remedy: "Close the brackets that are open here.", in: source)
    case "did not find expected alphabetic or numeric character":
      return report(
        at: opening, expected: "a value", found: "a '*' or '&' by itself",
        remedy: "Put a value that starts with '*' or '&' in quotes.", in: source)
    case "found undefined alias":
      return report(
        at: place, expected: "an alias that has an anchor", found: "an alias (*) to nothing",
        remedy: "Put a value that starts with '*' in quotes.", in: source)
    case _ where problem.hasPrefix("Maximum nesting level"):
      return report(
        at: place, expected: "a file of moderate depth", found: "more than 1000 levels", remedy: "Nest less deeply.", in: source
      )
    default:
      return report(
        at: place, expected: "valid YAML", found: "text that is none (\(problem))",
        remedy: "Check the indentation, the brackets and the quotes here.", in: source)
    }
  }

  private static func misplaced(at place: FilePosition, in source: SourceText) -> FileMistake {
    let line = source.lines.indices.contains(place.line - 1) ? Array(source.lines[place.line - 1].unicodeScalars) : []
    let scalar: Unicode.Scalar = line.indices.contains(place.column - 1) ? line[place.column - 1] : " "
    if scalar == "\t" {
      return report(
        at: place, expected: "spaces", found: "a tab", remedy: "Indent with spaces: YAML forbids tabs there.", in: source)
    }
    return report(
      at: place, expected: "a value", found: "the character '\(scalar)', which cannot start one",
      remedy: "Put the value in quotes.", in: source)
  }

  private static func report(
    at place: FilePosition, expected: String, found: String, remedy: String, in source: SourceText
  ) -> FileMistake {
    FileMistake(
      file: source.file, position: place, expected: expected, found: found, remedy: remedy, excerpt: source.excerpt(of: place))
  }

  private static func position(_ mark: Mark) -> FilePosition { FilePosition(line: mark.line, column: mark.column) }
}
