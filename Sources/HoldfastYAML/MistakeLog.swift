/// Collects the mistakes of one file while it is read, so that all of them are reported at once.
///
/// A reading goes on after a mistake with a stand-in for the wrong value; `finish` sees to it that the result is used
/// only when there was no error.
public final class MistakeLog {
  public let source: SourceText
  private var mistakes: [FileMistake] = []
  /// Keys that were given before in the same mapping: already reported, and not read.
  var repeatedKeys: Set<FilePosition> = []
  /// How long the lines of literal blocks are, in Unicode scalars and without their indentation, by the block's position.
  var literalLines: [FilePosition: [Int]] = [:]

  /// Nobody reads more; and a small file that repeats itself through YAML aliases cannot make the log grow without bound.
  public static let limit = 500

  public init(_ source: SourceText) { self.source = source }

  /// Nothing was wrong so far.
  public var isEmpty: Bool { mistakes.isEmpty }
  /// Something in it makes the file useless.
  public var hasErrors: Bool { mistakes.contains { $0.severity == .error } }
  /// What is added is dropped: reading on is of no use.
  public var isFull: Bool { mistakes.count >= Self.limit }

  /// Adds a mistake that was found in this or another file.
  public func add(_ mistake: FileMistake) {
    if !isFull { mistakes.append(mistake) }
  }

  /// Adds a mistake at a position of this file.
  public func add(
    _ severity: FileMistake.Severity = .error, at position: FilePosition, key: String?, expected: String, found: String,
    nearest: String? = nil, remedy: String, showing excerpt: String? = nil
  ) {
    add(
      FileMistake(
        severity: severity, file: source.file, position: position, key: key, expected: expected, found: found,
        nearest: nearest, remedy: remedy, excerpt: excerpt ?? source.excerpt(of: position)))
  }

  /// The result and the warnings, when there is no error.
  ///
  /// - Parameter result: nil when something that was reported made it impossible.
  /// - Throws: all mistakes in the order of the file, the ones of other files last.
  public func finish<Result>(_ result: Result?) throws(FileErrors) -> (Result, warnings: [FileMistake]) {
    let file = source.file
    let sorted = mistakes.enumerated().sorted { (a, b) in
      let (left, right) = (a.element, b.element)
      if (left.file == file) != (right.file == file) { return left.file == file }
      if left.file != right.file { return left.file < right.file }
      let (one, other) = (left.position ?? FilePosition(line: 0, column: 0), right.position ?? FilePosition(line: 0, column: 0))
      return one == other ? a.offset < b.offset : one < other
    }.map(\.element)
    // A full log may have dropped an error.
    guard let result, !isFull, !sorted.contains(where: { $0.severity == .error }) else { throw FileErrors(sorted) }
    return (result, sorted)
  }
}
