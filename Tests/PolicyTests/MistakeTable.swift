import Foundation
import HoldfastYAML
import Testing

/// A row of a table of mistakes: a text, and everything that is said about it.
struct MistakeRow: Sendable, CustomTestStringConvertible {
  var name: String
  var text = ""
  /// The mistakes as a person sees them.
  var said = ""

  var testDescription: String { name }

  /// The rows of a file in `Tests/Mistakes`: a line `## NAME`, the text, and the lines to be said, each after `>> `.
  static func read(_ file: String) throws -> [MistakeRow] {
    var rows: [MistakeRow] = []
    for line in try repositoryFile("Tests/Mistakes/\(file)").split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") {
        rows.append(MistakeRow(name: String(line.dropFirst(3))))
      } else if let last = rows.indices.last {
        if line.hasPrefix(">> ") {
          rows[last].said += line.dropFirst(3) + "\n"
        } else if rows[last].said.isEmpty {
          rows[last].text += line + "\n"
        }
      }
    }
    return rows
  }
}
