import HoldfastModel
import HoldfastYAML
import Simulator

/// Understands sentences of one kind.
struct Sentences<Meaning: Sendable>: Sendable {
  let phrases: [Phrase<Meaning>]
  /// What they are, as in "expected …".
  let kind: String
  let example: String

  /// What the value says; nil when it cannot be understood, which has been reported then.
  func read(_ value: YAMLValue, nodes: Set<NodeName>, workloads: Set<WorkloadName>) -> Meaning? {
    guard let text = value.text(expected: "\(kind) such as '\(example)'", remedy: "Write a sentence.") else { return nil }
    let words = Self.words(text)
    let matches = phrases.compactMap { phrase in phrase.filling(of: words).map { (phrase, $0) } }
    guard let first = matches.first else {
      notUnderstood(text, words, value)
      return nil
    }
    // `cut requests of n1` could be read in more than one way: the one whose names are known is meant.
    let known = matches.first { _, filling in
      filling.allNodes.allSatisfy(nodes.contains) && filling.allWorkloads.allSatisfy(workloads.contains)
    }
    guard let known else {
      for node in first.1.allNodes where !nodes.contains(node) {
        Self.unknown("node", node.text, among: nodes.map(\.text), value)
      }
      for workload in first.1.allWorkloads where !workloads.contains(workload) {
        Self.unknown("workload", workload.text, among: workloads.map(\.text), value)
      }
      return nil
    }
    var filling = known.1
    return known.0.make(&filling)
  }

  private static func unknown(_ thing: String, _ name: String, among names: [String], _ value: YAMLValue) {
    value.wrong(
      expected: "a \(thing) of the cluster", found: YAMLValue.quote(name),
      nearest: Spelling.nearest(to: name, among: names.sorted()),
      remedy: "Add it to 'cluster.\(thing)s', or name one that is there.")
  }

  private func notUnderstood(_ text: String, _ words: [String], _ value: YAMLValue) {
    let firsts = Set(phrases.compactMap { $0.template.split(separator: " ").first.map(String.init) }).sorted()
    let fixed = firsts.filter { Blank(rawValue: $0) == nil }
    let first = words.first ?? ""
    let meant = fixed.contains(first) ? first : Spelling.nearest(to: first, among: fixed)
    let near = nearest(to: words, startingWith: meant)
    guard let near else {
      return value.wrong(
        expected: "\(kind) such as '\(example)'", found: YAMLValue.quote(text),
        remedy: "See Docs/scenarios.md for all sentences.")
    }
    value.wrong(
      expected: kind, found: YAMLValue.quote(text), nearest: near,
      remedy: "Write it so, with your own names in the place of the capital words; Docs/scenarios.md has all sentences.")
  }

  /// The template with the most words of the sentence in it.
  private func nearest(to words: [String], startingWith first: String?) -> String? {
    let candidates = phrases.map { $0.template.split(separator: " ").map(String.init) }
      .filter { template in first.map { template.first == $0 } ?? (template.first.flatMap(Blank.init(rawValue:)) != nil) }
    func common(_ template: [String]) -> Int {
      template.count { word in
        Blank(rawValue: word) == nil && words.contains { Spelling.nearest(to: $0, among: [word]) == word || $0 == word }
      }
    }
    let ranked = candidates.map { ($0, common($0), abs($0.count - words.count)) }.filter { $0.1 > 0 }
    return ranked.max { ($0.1, -$0.2) < ($1.1, -$1.2) }?.0.joined(separator: " ")
  }

  /// Words between spaces; a text in double quotes is one.
  static func words(_ text: String) -> [String] {
    var words: [String] = [], current = "", isQuoted = false
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if character.isWhitespace, !isQuoted {
        if !current.isEmpty { words.append(current) }
        current = ""
      } else {
        current.append(character)
      }
    }
    return current.isEmpty ? words : words + [current]
  }

  /// The table for the reference page.
  var markdown: String {
    let lines = phrases.map { "| `\($0.template)` | \($0.explanation) |" }
    return (["| sentence | meaning |", "| --- | --- |"] + lines).joined(separator: "\n")
  }
}
