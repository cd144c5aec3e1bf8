/// A place in a text file. Lines and columns count from 1; columns count Unicode scalars.
public struct FilePosition: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
  public static func < (a: FilePosition, b: FilePosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
  public var description: String { "\(line):\(column)" }
}

/// One thing that is wrong in a file that a person wrote: where, what was expected, what was found, and what to do.
public struct FileMistake: Hashable, Sendable, Codable, CustomStringConvertible {
  public enum Severity: String, Sendable, Codable {
    /// The file cannot be used.
    case error
    /// The file can be used, and somebody should look.
    case warning
  }
  public var severity: Severity
  /// The file's path, as the person gave it.
  public var file: String
  /// nil: it concerns the file as a whole, such as one that cannot be read.
  public var position: FilePosition?
  /// The key's path from the top of the file, such as `timing.ttl`; nil where the text is no YAML or no XML.
  public var key: String?
  /// What would be right, as the end of "expected …".
  public var expected: String
  /// What is there, as the end of "found …".
  public var found: String
  /// The known spelling that comes closest to what was found.
  public var nearest: String?
  /// What to do about it, one sentence.
  public var remedy: String
  /// The line of the file that it is about.
  public var excerpt: String?

  public init(
    severity: Severity = .error, file: String, position: FilePosition?, key: String? = nil, expected: String, found: String,
    nearest: String? = nil, remedy: String, excerpt: String? = nil
  ) {
    self.severity = severity
    self.file = file
    self.position = position
    self.key = key
    self.expected = expected
    self.found = found
    self.nearest = nearest
    self.remedy = remedy
    self.excerpt = excerpt
  }

  /// The mistake in one line.
  public var headline: String {
    let place = position.map { "\(file):\($0)" } ?? file
    let name = key.map { "\($0): " } ?? ""
    let hint = nearest.map { " (did you mean '\($0)'?)" } ?? ""
    return "\(place): \(severity.rawValue): \(name)expected \(expected), found \(found)\(hint)"
  }

  /// The mistake with its line of the file and the remedy, without a newline at the end.
  public var description: String {
    var lines = [headline]
    if let position, let excerpt {
      let margin = String(repeating: " ", count: String(position.line).count)
      lines.append("  \(position.line) | \(excerpt)")
      lines.append("  \(margin) | \(String(repeating: " ", count: max(position.column - 1, 0)))^")
    }
    lines.append("  remedy: \(remedy)")
    return lines.joined(separator: "\n")
  }
}

/// All mistakes of a file that cannot be used, in the file's order.
public struct FileErrors: Error, Hashable, Sendable, Codable, CustomStringConvertible {
  /// At least one of them is an error; warnings are among them.
  public var mistakes: [FileMistake]

  public init(_ mistakes: [FileMistake]) { self.mistakes = mistakes }

  /// One error, before anything could be read.
  init(file: String, position: FilePosition?, expected: String, found: String, remedy: String) {
    mistakes = [FileMistake(file: file, position: position, expected: expected, found: found, remedy: remedy)]
  }

  /// How many are shown to a person at once; all are in `mistakes`.
  public static let shown = 50

  /// Every mistake with its place and remedy, and a last line that counts them.
  public var description: String {
    var parts = mistakes.prefix(Self.shown).map(\.description)
    if mistakes.count > Self.shown { parts.append("… and \(mistakes.count - Self.shown) more") }
    return (parts + [Self.count(mistakes)]).joined(separator: "\n")
  }

  /// Such as "2 errors, 1 warning".
  public static func count(_ mistakes: [FileMistake]) -> String {
    func part(_ severity: FileMistake.Severity) -> String? {
      let number = mistakes.count { $0.severity == severity }
      return number == 0 ? nil : "\(number) \(severity.rawValue)\(number == 1 ? "" : "s")"
    }
    let parts = [part(.error), part(.warning)].compactMap { $0 }
    return parts.isEmpty ? "no errors" : parts.joined(separator: ", ")
  }
}
