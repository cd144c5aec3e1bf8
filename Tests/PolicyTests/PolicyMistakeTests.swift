import HoldfastPolicies
import HoldfastYAML
import Testing

@Suite struct `Mistakes in a policy file` {
  private func mistakes(in text: String) -> [FileMistake] {
    do throws(FileErrors) {
      return try PolicyFile.parse(text: text, file: "p.yaml").warnings
    } catch {
      return error.mistakes
    }
  }

  @Test(arguments: try MistakeRow.read("policies.txt"))
  func `each is told with its place, what was expected and what to do`(row: MistakeRow) {
    let said = mistakes(in: row.text).map { $0.description + "\n" }.joined()
    #expect(said == row.said)
    if said != row.said {
      print("ROW \(row.name)\n" + said.split(separator: "\n").map { ">> " + $0 }.joined(separator: "\n") + "\nEND")
    }
  }
}
