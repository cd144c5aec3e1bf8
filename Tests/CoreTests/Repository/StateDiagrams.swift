import Foundation

/// The transitions of a machine's states, as text has them: the lists in the code, and the diagrams of Docs/machines.md. Both are read as they are
/// written in this repository, not as Swift or Mermaid in general.
enum StateDiagrams {
  struct Edge: Hashable, CustomStringConvertible {
    var from: String, to: String
    var description: String { "\(from) --> \(to)" }
    var isLoop: Bool { from == to }
  }

  /// The edges of a section's diagram, by the composite state around them; "": none. Arrows from the beginning and to the end are no transitions.
  static func drawn(_ section: String, _ index: Int, in document: String) -> [String: Set<Edge>] {
    let found = document.components(separatedBy: "\n### ").first { $0.hasPrefix("`\(section)`") }
    let blocks = (found ?? "").components(separatedBy: "```mermaid\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    guard blocks.indices.contains(index) else { return [:] }
    var edges: [String: Set<Edge>] = [:], around = ""
    for line in blocks[index].split(separator: "\n") {
      if let state = line.firstMatch(of: #/^ *state (\w+) \{/#) { around = String(state.1) }
      if line.hasSuffix("}") { around = "" }
      guard let arrow = line.firstMatch(of: #/^ *(\w+) --> (\w+)/#) else { continue }
      edges[around, default: []].insert(Edge(from: uncapitalized(arrow.1), to: uncapitalized(arrow.2)))
    }
    return edges
  }

  private static func uncapitalized(_ name: Substring) -> String { name.prefix(1).lowercased() + name.dropFirst() }

  /// What the list after those words lets follow what, with some payloads at least; nil: there is no such list.
  static func listed(after words: String, in source: String) -> Set<Edge>? {
    let parts = source.components(separatedBy: words).dropFirst().first?.components(separatedBy: "switch (self, next) {")
    guard let parts, parts.count > 1 else { return nil }
    func code(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.contains(#/^ *\/\//#) } }
    let states = code(parts[0]).compactMap { $0.firstMatch(of: #/^ +case ([a-z].*)$/#)?.1 }.flatMap { line in
      line.replacing(#/\([^)]*\)/#, with: "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let cases = code(parts[1].components(separatedBy: "\n      }")[0].components(separatedBy: "\n    }\n")[0]).joined(
      separator: " ")
    var edges: Set<Edge> = [], decided: Set<Edge> = []
    for row in cases.components(separatedBy: "default:")[0].components(separatedBy: "case ").dropFirst() {
      let (pairs, value) = split(row)
      for pair in pairs {
        let ends = pair.map { side in side == "_" ? states : [String(side.dropFirst().prefix { $0 != "(" })] }
        // A pattern of certain payloads leaves the others to the patterns after it.
        let isOfAll = !pair.contains { $0.dropFirst().contains(".") || $0.contains("nil") }
        for edge in ends[0].flatMap({ from in ends[1].map { Edge(from: from, to: $0) } }) where !decided.contains(edge) {
          if value != "false" { edges.insert(edge) }
          if isOfAll { decided.insert(edge) }
        }
      }
    }
    return edges
  }

  /// `(.a(let b), .c), (_, .d): true` as its pairs and its value.
  private static func split(_ row: String) -> (pairs: [[String]], value: String) {
    var pairs: [[String]] = [], depth = 0
    for (index, character) in zip(row.indices, row) {
      if character == ")" { depth -= 1 }
      switch (character, depth) {
      case (":", 0): return (pairs, row[row.index(after: index)...].trimmingCharacters(in: .whitespaces))
      case ("(", 0): pairs.append([""])
      case (",", 1): pairs[pairs.count - 1].append("")
      case (" ", _), (_, 0): break
      default: pairs[pairs.count - 1][pairs[pairs.count - 1].count - 1].append(character)
      }
      if character == "(" { depth += 1 }
    }
    return (pairs, "")
  }
}
