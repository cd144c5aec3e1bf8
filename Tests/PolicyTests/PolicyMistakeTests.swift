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

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "workloads:\n" + (0..<10_000).map { "  - {name: r\($0), for: app=a\($0), priority: 3}\n" }.joined(),
      "workloads:\n  - name: a\n    for: all\n    prefer: [" + (0..<10_000).map { "k\($0)" }.joined(separator: ", ") + "]\n"
    ]) func `ten thousand rules, or steps, are not compared each with each`(text: String)
  {
    #expect(mistakes(in: text).isEmpty)
  }

  @Test func `what is overruled is found wherever it is, and by the first that does it`() {
    let text = """
      workloads:
        - {name: a, for: x=1 and y=2, priority: 1}
        - {name: b, for: y=2, keep-apart: node}
        - {name: c, for: x=1 or z=3, priority: 2}
        - {name: d, for: all, priority: 3}
        - {name: e, for: z=3, priority: 4}
        - {name: f, for: x=1 or y=2, prefer: [n1, rack=a, n1 and rack=a, n2]}
      """
    let found = mistakes(in: text).map { "\($0.position?.line ?? 0): \($0.found)" }
    #expect(
      found == [
        "2: one that 'c' replaces for all of them: later rules win",
        "4: one that 'd' replaces for all of them: later rules win",
        "7: 'n1 and rack=a' after 'n1', which has it already"
      ])
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
