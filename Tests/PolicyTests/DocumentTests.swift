import Foundation
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML
import Testing

@Suite struct `What the documents say of policies` {
  @Test func `the schema for editors is the reader's`() throws {
    #expect(try repositoryFile("Docs/policy.schema.json") == PolicySchema.text, "it must be:\n\(PolicySchema.text)")
    #expect(try JSONSerialization.jsonObject(with: Data(PolicySchema.text.utf8)) is [String: Any])
  }

  @Test func `the table of all keys is the reader's`() throws {
    #expect(
      try repositoryFile("Docs/policies.md").contains(PolicyFile.keys.markdown), "it must have:\n\(PolicyFile.keys.markdown)")
  }

  /// The fenced examples of a kind.
  private static func examples(_ kind: String) throws -> [String] {
    let parts = try repositoryFile("Docs/policies.md").components(separatedBy: "```\(kind)\n").dropFirst()
    return parts.map { $0.components(separatedBy: "\n```")[0] + "\n" }
  }

  @Test(arguments: try examples("yaml")) func `every example is read without a word`(example: String) throws {
    let (policies, warnings) = try PolicyFile.parse(text: example, file: "example.yaml")
    #expect(warnings.isEmpty, "\(warnings)")
    #expect(policies != .none)
  }

  @Test func `the mistaken example is answered as shown`() throws {
    let example = try #require(try Self.examples("yaml mistaken").first)
    let answer = try #require(try Self.examples("mistakes").first)
    do throws(FileErrors) {
      _ = try PolicyFile.parse(text: example, file: "policies.yaml")
      Issue.record("it was read")
    } catch {
      #expect(error.description + "\n" == answer, "it must be:\n\(error.description)")
    }
  }

  /// Every `$ holdfast` of the examples, with what it prints; asked about the cluster that the document names.
  @Test func `every answer is what the command prints`() throws {
    let snapshot = "Tests/Snapshots/shop.json"
    let text = try repositoryFile("Docs/policies.md")
    #expect(text.contains(snapshot))
    let examples = try Self.examples("ask")
    #expect(examples.count >= 5)
    for example in examples {
      let command = try #require(example.split(separator: "\n").first), prompt = "$ holdfast "
      #expect(command.hasPrefix(prompt))
      let run = try CommandLine.holdfast(
        command.dropFirst(prompt.count).split(separator: " ").map(String.init) + ["--snapshot", snapshot])
      #expect(example == "\(command)\n\(run.output)", "it must be:\n\(command)\n\(run.output)")
      #expect(run.errors.isEmpty, "\(run.errors)")
    }
  }

  @Test func `every ready-made file is named, and no other`() throws {
    let text = try repositoryFile("Docs/policies.md")
    for file in try repositoryFiles(in: "Policies") { #expect(text.contains("Policies/\(file)"), "\(file)") }
  }

  @Test func `every key has an example`() throws {
    let text =
      try Self.examples("yaml").joined()
      + (try repositoryFiles(in: "Policies").map { try repositoryFile("Policies/\($0)") }.joined())
    for row in PolicyFile.keys.rows {
      let key = row.path.split(separator: ".").last.map { $0.replacing("[]", with: "") } ?? ""
      #expect(text.contains("\(key):"), "\(row.path)")
    }
  }
}
