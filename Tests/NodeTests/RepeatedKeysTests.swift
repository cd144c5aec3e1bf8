import HoldfastYAML
import Testing

/// Keys that are given twice are told, each in its place, however many there are.
@Suite struct RepeatedKeysTests {
  private func mistakes(in text: String) throws -> [FileMistake] {
    let log = MistakeLog(try SourceText(file: "f.yaml", text: text))
    _ = YAMLDocuments.compose(log)
    do throws(FileErrors) {
      _ = try log.finish(true)
      return []
    } catch {
      return error.mistakes
    }
  }

  @Test(arguments: [
    ("a: 1\nb: 2\n", []), ("a: 1\nb: 2\na: 3\nb: 4\n'a': 5\n", ["3:1 a", "4:1 b", "5:1 a"]),
    ("- a: 1\n  b: 2\n  a: 3\n- a: 1\n  a: 2\n- a: 1\n", ["3:3 a", "5:3 a"]),
    ("x:\n- a: 1\n- b: 1\ny: 1\nx: 2\n", ["5:1 x"]), ("a: |\n  a: 1\n  a: 2\nb:\n  a: 3\na: 4\n", ["6:1 a"]),
    ("b: 1\nc: 1\nb: 2\na: 1\na: 2\nc: 2\n", ["3:1 b", "5:1 a", "6:1 c"]),
    ("x: {a: 1, b: {a: 2}, 'a': 3, c: it's, b: 4}\n", ["1:22 a", "1:39 b"]),
    ("x: {\n  a: 1,\n  # a: 0\n  a: 2}\n", ["4:3 a"]), ("x: {b: 'a: 1, a: 2', a: [a, a], a: 3}\n", ["1:33 a"]),
    ("a: 1\na: 2\n---\na: 3\n", ["2:1 a"])
  ]) func `each is told in its place`(text: String, expected: [String]) throws {
    #expect(try mistakes(in: text).map { "\($0.position.map { "\($0)" } ?? "") \($0.key ?? "")" } == expected)
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      (1...10_000).map { "k: \($0)\n" }.joined(), (0..<10_000).map { "k\($0 % 5000): 1\n" }.joined(),
      "x: {" + (0..<10_000).map { "k\($0 % 5000): 1" }.joined(separator: ", ") + "}\n"
    ]) func `ten thousand in one mapping take one more reading`(text: String) throws
  {
    #expect(try mistakes(in: text).count == MistakeLog.limit)
  }

  @Test(.timeLimit(.minutes(1))) func `a mistake in every one of many mappings does not make the file be read for each`() throws
  {
    let text = (0..<10_000).map { "- name: n\($0)\n  name: m\($0)\n" }.joined()
    let count = try mistakes(in: text).count
    #expect(count > 1 && count <= MistakeLog.limit)
  }
}
