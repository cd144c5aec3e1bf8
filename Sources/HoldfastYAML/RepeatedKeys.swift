import Yams

/// Finds where keys that are given twice stand again: Yams stops at the first mapping that has some, and tells only where the first of
/// them is.
struct RepeatedKeys {
  struct Repetition {
    var name: String
    var first: FilePosition
    var again: FilePosition
  }
  private var lines: [[Unicode.Scalar]]
  /// The letters that hide keys: of a private use area, another one each time, so that nobody's key starts with it. Each takes one column.
  private var letters: ClosedRange<UInt32> = 0xF0000...0xFFFFD

  init(_ source: SourceText) { lines = source.lines.map { Array($0.unicodeScalars) } }

  /// The text with what was hidden.
  var text: String {
    var scalars = String.UnicodeScalarView()
    for line in lines {
      scalars.append(contentsOf: line)
      scalars.append("\n")
    }
    return String(scalars)
  }

  /// Hides each of a mapping's repeated keys but the first of its name, by another letter in its place, so that the rest of the file can be read.
  ///
  /// - Parameters:
  ///   - names: of the keys.
  ///   - mark: where the first of these names stands for the first time.
  /// - Returns: what was hidden, in the file's order; empty when they cannot be found.
  mutating func hide(_ names: [String], _ mark: Mark) -> [Repetition] {
    guard lines.indices.contains(mark.line - 1), mark.column > 0 else { return [] }
    let first = FilePosition(line: mark.line, column: mark.column)
    let isBlock = lines[first.line - 1].prefix(first.column - 1).allSatisfy(Self.isBlockStart)
    let found = isBlock ? hide(keysInBlock(around: first), of: Set(names)) : []
    // A flow mapping can begin its lines as a block does.
    return found.isEmpty ? hide(keysInFlow(from: first), of: Set(names)) : found
  }

  private mutating func hide(_ keys: [Key], of names: Set<String>) -> [Repetition] {
    var seen: [String: FilePosition] = [:], found: [Repetition] = []
    for key in keys where names.contains(key.name) && !key.name.isEmpty {
      if let first = seen[key.name] {
        if !hide(key) { break }
        found.append(Repetition(name: key.name, first: first, again: key.place))
      } else {
        seen[key.name] = key.place
      }
    }
    return found
  }

  private mutating func hide(_ key: Key) -> Bool {
    guard letters.count > 1, let letter = Unicode.Scalar(letters.lowerBound) else { return false }
    letters = (letters.lowerBound + 1)...letters.upperBound
    lines[key.place.line - 1][key.place.column - 1 + (key.isQuoted ? 1 : 0)] = letter
    return true
  }

  // MARK: finding keys

  private struct Key {
    var name: String
    var place: FilePosition
    var isQuoted: Bool
  }

  private static func isBlockStart(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "-" || scalar == "?" }

  /// The keys of the block mapping that has one at this place.
  private func keysInBlock(around place: FilePosition) -> [Key] {
    let column = place.column - 1
    let first = firstLine(ofBlockAt: place)
    var keys: [Key] = []
    for number in first..<lines.count {
      let line = lines[number]
      guard let start = line.firstIndex(where: { $0 != " " }), line[start] != "#" else { continue }
      if number > first, start < column || start == 0 && Self.endsDocument(line) { break }
      // The first can stand behind a dash.
      guard start == column || number == first else { continue }
      if let key = key(at: column, of: number, inFlow: false) { keys.append(key) }
    }
    return keys
  }

  /// The number of the line, from 0, on which the block mapping begins that has a key at this place.
  private func firstLine(ofBlockAt place: FilePosition) -> Int {
    let column = place.column - 1
    var first = place.line - 1
    if lines[first].prefix(column).contains(where: { $0 != " " }) { return first }
    for number in stride(from: first - 1, through: 0, by: -1) {
      let line = lines[number]
      guard let start = line.firstIndex(where: { $0 != " " }), line[start] != "#" else { continue }
      if start < column {
        // "- key: value" opens a mapping behind its dash.
        let opens = line.count > column && line.prefix(column).allSatisfy(Self.isBlockStart)
        return opens ? number : first
      }
      if start == 0, Self.endsDocument(line) { return first }
      if start == column { first = number }
    }
    return first
  }

  private static func endsDocument(_ line: [Unicode.Scalar]) -> Bool {
    line.starts(with: "---".unicodeScalars) || line.starts(with: "...".unicodeScalars)
  }

  /// The keys of the flow mapping that has one at this place, from there on.
  private func keysInFlow(from place: FilePosition) -> [Key] {
    var keys: [Key] = []
    var depth = 0, expectsKey = true, mayQuote = true
    var quote: Unicode.Scalar?
    for number in (place.line - 1)..<lines.count {
      let line = lines[number]
      var column = number == place.line - 1 ? place.column - 1 : 0
      while column < line.count {
        let scalar = line[column]
        defer { column += 1 }
        if let open = quote {
          if scalar == "\\", open == "\"" { column += 1 } else if scalar == open { quote = nil }
          continue
        }
        switch scalar {
        case " ", "\t": continue
        case "#" where column == 0 || line[column - 1] == " " || line[column - 1] == "\t":
          column = line.count
          continue
        case "{", "[": depth += 1
        case "}", "]": depth -= 1
        case ",": expectsKey = depth == 0
        default:
          if expectsKey, depth == 0, let key = key(at: column, of: number, inFlow: true) { keys.append(key) }
          if mayQuote, scalar == "\"" || scalar == "'" { quote = scalar }
          expectsKey = false
        }
        if depth < 0 { return keys }
        mayQuote = ",:{[".unicodeScalars.contains(scalar)
      }
    }
    return keys
  }

  /// The key that stands there, perhaps in quotes, with its colon.
  private func key(at start: Int, of number: Int, inFlow: Bool) -> Key? {
    guard start < lines[number].count else { return nil }
    let line = lines[number][start...], first = lines[number][start]
    let isQuoted = first == "\"" || first == "'"
    let name: ArraySlice<Unicode.Scalar>
    if isQuoted {
      guard let end = line.dropFirst().firstIndex(of: first), line[(end + 1)...].drop(while: { $0 == " " }).first == ":" else {
        return nil
      }
      name = line[(start + 1)..<end]
    } else {
      let end = line.indices.first { index in
        line[index] == ":" && endsKey(line[(index + 1)...].first) || inFlow && ",[]{}".unicodeScalars.contains(line[index])
      }
      guard let colon = end, line[colon] == ":" else { return nil }
      let blanks = line[..<colon].reversed().prefix { $0 == " " || $0 == "\t" }
      name = line[..<(colon - blanks.count)]
    }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: name)
    return Key(name: String(text), place: FilePosition(line: number + 1, column: start + 1), isQuoted: isQuoted)
  }

  private func endsKey(_ next: Unicode.Scalar?) -> Bool { next.map { " \t,[]{}".unicodeScalars.contains($0) } ?? true }
}
