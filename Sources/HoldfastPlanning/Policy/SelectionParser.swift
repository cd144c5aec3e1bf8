import HoldfastModel

/// Why a text is no value of the policy language.
public struct TextFlaw: Error, Hashable, Sendable {
  /// Where in the text, in Unicode scalars from its start.
  public var offset: Int
  public var expected: String
  public var found: String
  public var remedy: String

  public init(offset: Int = 0, expected: String, found: String, remedy: String) {
    self.offset = offset
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }
}

extension Selection {
  /// - Throws: what is wrong, and where.
  public init(parsing text: String) throws(TextFlaw) {
    var parser = SelectionParser(text)
    self = try parser.selection()
  }
}

/// Reads `tier=db and not env=test or web-*`.
struct SelectionParser {
  private struct Word {
    var offset: Int
    var text: String
    /// From this scalar of the text on it stood in quotes: taken letter by letter.
    var quotedFrom: Int?
  }
  private let scalars: [Unicode.Scalar]
  private var next = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  mutating func selection() throws(TextFlaw) -> Selection {
    let words = try words()
    guard !words.isEmpty else {
      throw TextFlaw(
        expected: "names or labels such as web-* or tier=db", found: "nothing", remedy: "Write 'all' for all of them.")
    }
    var alternatives: [[Selection.Condition]] = [[]]
    var isNegated = false, needsTerm = true
    for word in words {
      switch word.quotedFrom == 0 ? "" : word.text {
      case "and" where !needsTerm: needsTerm = true
      case "or" where !needsTerm:
        needsTerm = true
        alternatives.append([])
      case "not" where needsTerm && !isNegated: isNegated = true
      case "and", "or", "not":
        throw TextFlaw(
          offset: word.offset, expected: needsTerm ? "a name or a label" : "'and' or 'or'", found: "'\(word.text)'",
          remedy: needsTerm ? "Remove it." : "Write 'and not'.")
      case "AND", "OR", "NOT", "And", "Or", "Not":
        throw TextFlaw(
          offset: word.offset, expected: "'\(word.text.lowercased())' in small letters", found: "'\(word.text)'",
          remedy: "Write it in small letters.")
      default:
        if word.quotedFrom == nil, word.text.first == "=" {
          throw TextFlaw(
            offset: word.offset, expected: "label=value", found: "a space before '='",
            remedy: "Write label=value without spaces.")
        }
        guard needsTerm else {
          throw TextFlaw(
            offset: word.offset, expected: "'and' or 'or' before it", found: "'\(word.text)'",
            remedy: "Join the two with 'and' or 'or', or write a list; a value with spaces goes in quotes.")
        }
        if let condition = try condition(word, isNegated: isNegated) { alternatives[alternatives.count - 1].append(condition) }
        (needsTerm, isNegated) = (false, false)
      }
    }
    guard !needsTerm else {
      throw TextFlaw(
        offset: scalars.count, expected: "a name or a label after '\(words.last?.text ?? "")'", found: "nothing",
        remedy: "Write what is meant, or remove the word.")
    }
    return Selection(alternatives)
  }

  /// nil: everything.
  private func condition(_ word: Word, isNegated: Bool) throws(TextFlaw) -> Selection.Condition? {
    let text = Array(word.text.unicodeScalars)
    let unquoted = word.quotedFrom ?? text.count
    guard let equals = text[..<unquoted].firstIndex(of: "=") else {
      if word.text == "all" || word.text == "*", word.quotedFrom == nil {
        if !isNegated { return nil }
        throw TextFlaw(
          offset: word.offset, expected: "something that is left", found: "'not \(word.text)'", remedy: "Remove the rule.")
      }
      try check(text, of: word, as: "a name: letters, digits, '.', '_', '-', and '*' or '?'", Self.isNameLetter)
      return .init(.name(pattern(word.text, isLiteral: word.quotedFrom != nil)), isNegated: isNegated)
    }
    let label = String(String.UnicodeScalarView(text[..<equals]))
    if let last = label.last,
      last == "!" || last == "=" || text.dropFirst(equals + 1).first == "=" && word.quotedFrom != equals + 1
    {
      let name = label.filter { $0 != "!" }, value = String(word.text.dropFirst(equals + 1).drop { $0 == "=" })
      throw TextFlaw(
        offset: word.offset, expected: "label=value", found: "'\(word.text)'",
        remedy: last == "!" ? "Write 'not \(name)=\(value)'." : "Write '\(name)=\(value)'.")
    }
    try check(Array(label.unicodeScalars), of: word, as: "a label's name before '='") {
      $0 != "*" && $0 != "?" && Self.isNameLetter($0)
    }
    guard NodeName.isValid(label) else {
      throw TextFlaw(
        offset: word.offset, expected: "a label's name before '='", found: label.isEmpty ? "nothing" : "'\(label)'",
        remedy: "Write label=value; names have letters, digits, '.', '_' and '-'.")
    }
    let value = String(String.UnicodeScalarView(text[(equals + 1)...]))
    guard !value.isEmpty || word.quotedFrom != nil else {
      throw TextFlaw(
        offset: word.offset, expected: "a value after '\(label)='", found: "nothing",
        remedy: "Write \(label)=* for any value, \(label)=\"\" for an empty one; no space after '='.")
    }
    return .init(.label(label, pattern(value, isLiteral: word.quotedFrom != nil)), isNegated: isNegated)
  }

  private func pattern(_ text: String, isLiteral: Bool) -> Selection.Pattern {
    let glob = Glob(text)
    return isLiteral || !glob.isPattern ? .exactly(text) : .glob(glob)
  }

  private func check(
    _ text: [Unicode.Scalar], of word: Word, as expected: String, _ isGood: (Unicode.Scalar) -> Bool
  ) throws(TextFlaw) {
    guard let bad = text.firstIndex(where: { !isGood($0) }) else { return }
    let remedy =
      switch text[bad] {
      case ",": "Write 'or' instead of the comma, or a list in [ ]."
      case "!": "Write 'not' and a space."
      case ":": "Labels are written label=value."
      case "(", ")": "Leave out the brackets: 'and' binds closer than 'or'; more goes in a list."
      case "&", "|": "Write 'and' or 'or'."
      default: "Remove the character '\(text[bad])'."
      }
    throw TextFlaw(offset: word.offset + bad, expected: expected, found: "'\(word.text)'", remedy: remedy)
  }

  // MARK: words

  private mutating func words() throws(TextFlaw) -> [Word] {
    var words: [Word] = []
    while next < scalars.count {
      if scalars[next] == " " || scalars[next] == "\t" {
        next += 1
      } else {
        words.append(try word())
      }
    }
    return words
  }

  private mutating func word() throws(TextFlaw) -> Word {
    var word = Word(offset: next, text: "", quotedFrom: nil)
    while next < scalars.count, scalars[next] != " ", scalars[next] != "\t" {
      let scalar = scalars[next]
      let opens = scalar == "\"" || scalar == "'"
      if opens, next == word.offset || scalars[next - 1] == "=" {
        word.quotedFrom = word.text.unicodeScalars.count
        word.text += try quoted(by: scalar)
        guard next == scalars.count || scalars[next] == " " || scalars[next] == "\t" else {
          throw TextFlaw(
            offset: next, expected: "a space after the closing quote", found: "'\(scalars[next])'",
            remedy: "Put the whole value in quotes.")
        }
        return word
      }
      word.text.unicodeScalars.append(scalar)
      next += 1
    }
    return word
  }

  private mutating func quoted(by quote: Unicode.Scalar) throws(TextFlaw) -> String {
    let start = next
    next += 1
    var text = String.UnicodeScalarView()
    while next < scalars.count, scalars[next] != quote {
      text.append(scalars[next])
      next += 1
    }
    guard next < scalars.count else {
      throw TextFlaw(offset: start, expected: "a closing quote", found: "none", remedy: "Close the quote that is opened here.")
    }
    next += 1
    return String(text)
  }

  private static func isNameLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", "*", "?": true
    default: false
    }
  }

  /// Whether an exact text would be read as something else without quotes.
  static func needsQuotes(_ text: String) -> Bool {
    ["", "and", "or", "not", "all"].contains(text.lowercased())
      || text.unicodeScalars.contains { " \t*?\"'=".unicodeScalars.contains($0) }
  }
}
