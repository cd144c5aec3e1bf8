import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastYAML

/// Workload files as an operator names them: files, directories whose `*.yaml` are meant, and `-` for standard input.
struct WorkloadSources {
  private(set) var definitions: [WorkloadDefinition] = []
  /// What was read, for the daemon's log.
  private(set) var files: [String] = []

  /// - Throws: `MistakenFiles` with every mistake in all of them; `Failure` for a directory without files.
  init(_ paths: [String]) throws {
    var mistakes: [FileMistake] = []
    for path in try paths.flatMap({ $0 == "-" ? [$0] : try PolicySources.files($0, of: "workload") }) {
      do throws(FileErrors) {
        definitions += path == "-" ? try Self.standardInput() : try WorkloadFile.parse(path: path)
      } catch {
        mistakes += error.mistakes
      }
      files.append(path == "-" ? Self.inputName : path)
    }
    if !mistakes.isEmpty { throw MistakenFiles("nothing was applied", FileErrors(mistakes)) }
  }

  private static let inputName = "standard input"

  /// Paths in it start in the current directory.
  private static func standardInput() throws(FileErrors) -> [WorkloadDefinition] {
    let bytes: Data?
    do {
      bytes = try FileHandle.standardInput.readToEnd()
    } catch {
      throw FileErrors([
        FileMistake(
          file: inputName, position: nil, expected: "text that can be read", found: "\(error)", remedy: "Name a file instead.")
      ])
    }
    return try WorkloadFile.parse(text: try SourceText(file: inputName, bytes: Array(bytes ?? Data())).text, file: inputName)
  }
}
