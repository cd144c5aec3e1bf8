import Foundation
import HoldfastNode
import HoldfastYAML
import Testing

/// A host for defaults that do not depend on the machine that runs the tests.
let testHost = HostFacts(name: "h1", memory: 16_384, processors: 8)

/// A row of a table of mistakes: a text, and everything that is said about it.
struct MistakeRow: Sendable, CustomTestStringConvertible {
  var name: String
  var text: String
  /// The mistakes as a person sees them. `@` stands for the test's directory here and in the text.
  var said: String

  var testDescription: String { name }

  /// The rows of a file in `Tests/Mistakes`: a line `## NAME`, the text, and the lines to be said, each after `>> `.
  static func read(_ file: String) throws -> [MistakeRow] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Mistakes/\(file)")
    var rows: [MistakeRow] = []
    for line in try String(contentsOf: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") {
        rows.append(MistakeRow(name: String(line.dropFirst(3)), text: "", said: ""))
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

  static func said(_ mistakes: [FileMistake], in directory: String) -> String {
    mistakes.map { $0.description.replacing(directory, with: "@") + "\n" }.joined()
  }
}

/// A directory of its own with the files that configurations name; gone with the value.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }

  /// PEM files by their markers (the reader looks no deeper), and a password.
  static func withCredentials() throws -> ScratchDirectory {
    let scratch = try ScratchDirectory()
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    try scratch.write("ca.pem", certificate, mode: 0o644)
    try scratch.write("client.pem", certificate, mode: 0o644)
    try scratch.write("client-key.pem", key)
    try scratch.write("open-key.pem", key, mode: 0o644)
    try scratch.write("locked-key.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    try scratch.write("password", "hunter2\n")
    try scratch.write("empty", "")
    return scratch
  }
}
