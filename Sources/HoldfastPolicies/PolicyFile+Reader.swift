import HoldfastCore
import HoldfastYAML

/// Reads policies for the controller.
public struct PolicyFileReader: PolicyReader {
  public init() {}

  public func read(_ files: [PolicyText]) throws(UnreadablePolicies) -> PolicySet {
    do throws(FileErrors) {
      return try PolicyFile.parse(files).policies
    } catch {
      let mistake = error.mistakes.first.map { "\($0)".split(separator: "\n").joined(separator: " ") } ?? "\(error)"
      let more = error.mistakes.count - 1
      throw UnreadablePolicies(reason: more > 0 ? "\(mistake) (and \(more) more)" : mistake)
    }
  }
}

extension PolicyFile {
  /// Reads policies from the text of their files, in order: what later ones say replaces what earlier ones said.
  ///
  /// - Returns: the policies, and warnings about what is odd in them.
  /// - Throws: every mistake in all of them, at once.
  public static func parse(_ files: [PolicyText]) throws(FileErrors) -> (policies: PolicySet, warnings: [FileMistake]) {
    var sources: [SourceText] = [], mistakes: [FileMistake] = []
    for file in files {
      do throws(FileErrors) {
        sources.append(try SourceText(file: file.file, text: file.text))
      } catch {
        mistakes += error.mistakes
      }
    }
    if !mistakes.isEmpty { throw FileErrors(mistakes) }
    return try parse(sources)
  }
}
