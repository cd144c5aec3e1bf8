import Foundation
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML

/// Policy files as an operator names them: files, and directories whose `*.yaml` are meant, in the order of their names.
struct PolicySources {
  /// Each with its path as it was given, for messages.
  private(set) var texts: [PolicyText] = []

  /// - Throws: `FileErrors` for what cannot be read, `Failure` for a directory without policies, and for two files of one name.
  init(_ paths: [String]) throws {
    var mistakes: [FileMistake] = []
    for path in try paths.flatMap({ try Self.files($0) }) {
      do throws(FileErrors) {
        texts.append(PolicyText(file: path, text: try SourceText.read(path).text))
      } catch {
        mistakes += error.mistakes
      }
    }
    if !mistakes.isEmpty { throw FileErrors(mistakes) }
    var known: [String: String] = [:]
    for text in texts {
      guard let other = known.updateValue(text.file, forKey: Self.name(text.file)) else { continue }
      throw Failure(
        kind: "invalid", thing: text.file, reason: "another file has the same name: \(other)",
        remedy: "Rename one of the two: a cluster knows its policy files by their names without directories.")
    }
  }

  /// The file itself, or the `*.yaml` of a directory.
  ///
  /// - Parameter kind: what the files are of, for messages.
  static func files(_ path: String, of kind: String = "policy") throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else { return [path] }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw Failure(
        kind: "invalid", thing: path, reason: "the directory cannot be read", remedy: "Check its permissions.")
    }
    let files = names.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }
    if files.isEmpty {
      let other = names.first { $0.hasSuffix(".yml") }
      throw Failure(
        kind: "invalid", thing: path, reason: "no file in this directory ends in .yaml",
        remedy: other.map { "Rename \($0), or name it on the command line." }
          ?? "Name \(kind) files, or a directory that has some\(kind == "policy" ? "; `holdfast policy apply --none` puts none in force" : "")."
      )
    }
    return files.map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
  }

  private static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// As the cluster keeps them.
  var named: [PolicyText] { texts.map { PolicyText(file: Self.name($0.file), text: $0.text) } }

  /// - Throws: every mistake in all of them.
  func parse() throws(FileErrors) -> (policies: PolicySet, warnings: [FileMistake]) { try PolicyFile.parse(texts) }
}
