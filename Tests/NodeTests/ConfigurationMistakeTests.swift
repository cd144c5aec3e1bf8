import Foundation
import HoldfastNode
import HoldfastYAML
import Testing

@Suite struct `Mistakes in a configuration` {
  private func mistakes(in text: String) -> [FileMistake] {
    do throws(ConfigurationErrors) {
      return try NodeConfiguration.parse(text, file: "c.yaml", host: testHost).warnings
    } catch {
      return error.mistakes
    }
  }

  @Test(arguments: try MistakeRow.read("configuration.txt"))
  func `each is told with its place, what was expected and what to do`(row: MistakeRow) throws {
    let scratch = try ScratchDirectory.withCredentials()
    let said = MistakeRow.said(mistakes(in: row.text.replacing("@", with: scratch.path)), in: scratch.path)
    #expect(said == row.said)
    if said != row.said {
      print("ROW \(row.name)\n" + said.split(separator: "\n").map { ">> " + $0 }.joined(separator: "\n") + "\nEND")
    }
  }
}
