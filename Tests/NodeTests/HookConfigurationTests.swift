import Foundation
import HoldfastModel
import HoldfastNode
import HoldfastPlanning
import HoldfastYAML
import Testing

@Suite struct `Hooks in a configuration` {
  private func read(_ hooks: String) throws -> NodeConfiguration {
    try NodeConfiguration.parse(`A node's configuration`.minimal + "hooks: \(hooks)\n", file: "c.yaml", host: testHost)
  }

  @Test func `are read in their order`() throws {
    let scratch = try ScratchDirectory.withCredentials(), path = "\(scratch.path)/hook"
    let configuration = try read(
      "[{run: \(path), before: [start], after: [stop], workloads: [db-*, tier=db], timeout: 5s, on-failure: ignore}, "
        + "{run: \(path), after: [migrate]}]")
    #expect(
      configuration.hooks == [
        Hook(
          path, before: [.start], after: [.stop], workloads: try Selection(parsing: "db-* or tier=db"), timeout: .seconds(5),
          onFailure: .ignore), Hook(path, after: [.migrate])
      ])
    #expect(configuration.warnings.isEmpty)
    #expect(try read("").hooks.isEmpty && read("[]").hooks.isEmpty)
  }

  @Test func `are so many at most`() throws {
    let scratch = try ScratchDirectory.withCredentials()
    let many = (0...Hook.most).map { _ in "{run: \(scratch.path)/hook, before: [start]}" }
    #expect(try read("[\(many.dropLast().joined(separator: ", "))]").hooks.count == Hook.most)
    #expect(throws: ConfigurationErrors.self) { try read("[\(many.joined(separator: ", "))]") }
  }
}

/// `Docs/hooks.md` and `Docs/hook.schema.json` against what executables are told.
@Suite struct `The documentation of hooks` {
  @Test func `has every moment and every cause`() throws {
    let schema = try APISchema("Docs/hook.schema.json"), page = try repositoryFile("Docs/hooks.md")
    func words(_ field: String) -> [String] {
      schema.definitions["HookDocument"]?["properties"]?[field]?["enum"]?.list.compactMap(\.text) ?? []
    }
    #expect(Set(words("hook")) == Set(HookMoment.all.map(\.name)) && words("hook").count == HookMoment.all.count)
    #expect(words("because") == HookCause.allCases.map(\.rawValue))
    #expect(words("outcome") == HookDocument.Outcome.allCases.map(\.rawValue))
    for cause in HookCause.allCases { #expect(page.contains("\n| `\(cause.rawValue)` | \(cause.meaning) |\n")) }
    for moment in HookMoment.all { #expect(page.contains("`\(moment.name)`")) }
  }

  @Test func `has the fields of the document, and no others`() throws {
    let schema = try APISchema("Docs/hook.schema.json")
    for isLeast in [false, true] {
      let example = schema.example(of: "HookDocument", turn: 0, isLeast: isLeast)
      let document = try JSONDecoder().decode(HookDocument.self, from: JSONEncoder().encode(example))
      #expect(try JSONDecoder().decode(JSONValue.self, from: Data(document.json())) == example)
    }
    let page = try repositoryFile("Docs/hooks.md")
    let table = try #require(page.components(separatedBy: "\n## The document\n").last?.components(separatedBy: "\n## ").first)
    let told = table.split(separator: "\n").filter { $0.hasPrefix("| `") }.flatMap { row in
      row.split(separator: "|")[0].matches(of: #/`(\w+)`/#).map { String($0.1) }
    }
    #expect(told.sorted() == schema.fieldNames(of: "HookDocument").sorted())
  }

  @Test func `shows a document as it is`() throws {
    let page = try repositoryFile("Docs/hooks.md")
    let shown = try #require(page.components(separatedBy: "```json\n").last?.components(separatedBy: "\n```").first)
    let document = try JSONDecoder().decode(HookDocument.self, from: Data(shown.utf8))
    #expect(String(decoding: try document.json(), as: UTF8.self) == shown)
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(shown.utf8))
    #expect(try APISchema("Docs/hook.schema.json").flaws(value, as: "HookDocument") == [])
  }
}
