import GuardCore
import HoldfastModel
import HoldfastYAML
import Simulator

/// A kind of sentence: fixed words, and capital ones for what is filled in.
struct Phrase<Meaning: Sendable>: Sendable {
  let template: String
  /// What it means, for the reference.
  let explanation: String
  let make: @Sendable (inout Filling) -> Meaning
  private let slots: [Slot]

  private enum Slot: Sendable {
    case word(String)
    case blank(Blank)
  }

  init(_ template: String, _ explanation: String, _ make: @escaping @Sendable (inout Filling) -> Meaning) {
    self.template = template
    self.explanation = explanation
    self.make = make
    slots = template.split(separator: " ").map { Blank(rawValue: String($0)).map(Slot.blank) ?? .word(String($0)) }
  }

  /// The way in which the words fill it; nil when they do not.
  func filling(of words: [String]) -> Filling? {
    var filling = Filling()
    return fill(slots[...], words[...], &filling) ? filling : nil
  }

  private func fill(_ slots: ArraySlice<Slot>, _ words: ArraySlice<String>, _ filling: inout Filling) -> Bool {
    guard let slot = slots.first else { return words.isEmpty }
    switch slot {
    case .word(let word):
      return words.first == word && fill(slots.dropFirst(), words.dropFirst(), &filling)
    case .blank(let blank):
      let before = filling
      for count in stride(from: min(words.count, blank.longest), to: 0, by: -1) {
        guard let filled = blank.read(words.prefix(count)) else { continue }
        filling.blanks.append(filled)
        if fill(slots.dropFirst(), words.dropFirst(count), &filling) { return true }
        filling = before
      }
      return false
    }
  }

  /// A regular expression for editors.
  var pattern: String {
    let parts = slots.map { slot in
      switch slot {
      case .word(let word): word
      case .blank(let blank): blank.pattern
      }
    }
    return "^" + parts.joined(separator: " ") + "$"
  }
}

/// What is filled in.
enum Blank: String, Sendable, CaseIterable {
  case node = "NODE"
  case nodes = "NODES"
  case workload = "WORKLOAD"
  case domain = "DOMAIN"
  case span = "SPAN"
  case times = "TIMES"
  case number = "NUMBER"
  case rate = "RATE"
  case text = "TEXT"
  case address = "ADDRESS"
  case check = "CHECK"
  case part = "PART"

  enum Filled: Sendable {
    case nodes([NodeName])
    case workload(WorkloadName)
    case domain(String)
    case span(Span)
    case number(Int)
    case text(String)
    case address(IPAddress)
    case check(CheckName)
    case part(String)
  }

  var meaning: String {
    switch self {
    case .node: "a node of the cluster"
    case .nodes: "one or more nodes: `n1`, `n1 and n2`, `n1, n2 or n3`"
    case .workload: "a workload of the cluster"
    case .domain: "the name of a domain on the node, such as a workload's"
    case .span: "a length of time: `300ms`, `10s`, `2m`"
    case .times: "`once`, `twice`, or `3 times`"
    case .number: "a whole number"
    case .rate: "a percentage, such as `0.5%`"
    case .text: "a text in double quotes"
    case .address: "an IP address: `10.0.0.1`"
    case .check: "a node check of the scenario's policies"
    case .part: "a part of the workload"
    }
  }

  /// Words that it can take.
  var longest: Int {
    switch self {
    case .nodes: 64
    case .times: 2
    default: 1
    }
  }

  func read(_ words: ArraySlice<String>) -> Filled? {
    guard let first = words.first, words.count <= longest else { return nil }
    switch self {
    case .node: return Self.name(first).map { .nodes([NodeName($0)]) }
    case .nodes: return Self.list(Array(words)).map { .nodes($0.map { NodeName($0) }) }
    case .workload: return Self.name(first).map { .workload(WorkloadName($0)) }
    case .domain: return Self.name(first).map { .domain($0) }
    case .span: return Quantity.duration(first).map { .span(Span($0)) }
    case .times: return Self.times(Array(words)).map { .number($0) }
    case .number: return Int(first).map { .number($0) }
    case .rate: return Quantity.partsPerMillion(first).map { .number(Int($0)) }
    case .text:
      guard first.count >= 2, first.first == "\"", first.last == "\"" else { return nil }
      return .text(String(first.dropFirst().dropLast()))
    case .address: return (try? IPAddress(first)).map { .address($0) }
    case .check: return Self.name(first).map { .check(CheckName($0)) }
    case .part: return Self.name(first).map { .part($0) }
    }
  }

  private static func name(_ word: String) -> String? { NodeName.isValid(word) ? word : nil }

  /// `n1`, `n1 and n2`, `n1, n2 or n3`.
  private static func list(_ words: [String]) -> [String]? {
    var names: [String] = []
    var expectsName = true
    for (index, word) in words.enumerated() {
      if expectsName {
        let bare = word.last == "," ? String(word.dropLast()) : word
        guard let name = name(bare) else { return nil }
        names.append(name)
        expectsName = word.last == ","
      } else {
        guard word == "and" || word == "or", index + 1 < words.count else { return nil }
        expectsName = true
      }
    }
    return expectsName ? nil : names
  }

  private static func times(_ words: [String]) -> Int? {
    switch words {
    case ["once"]: 1
    case ["twice"]: 2
    default: words.count == 2 && words[1] == "times" ? Int(words[0]).flatMap { $0 >= 0 ? $0 : nil } : nil
    }
  }

  fileprivate var pattern: String {
    let name = "[A-Za-z0-9][A-Za-z0-9._-]*"
    return switch self {
    case .node, .workload, .domain, .check, .part: name
    case .nodes: "\(name)(, \(name))*( (and|or) \(name))?"
    case .span: "[0-9]+(\\.[0-9]+)?(ms|s|m|h)"
    case .times: "(once|twice|[0-9]+ times)"
    case .number: "[0-9]+"
    case .rate: "[0-9]+(\\.[0-9]+)?%"
    case .text: "\"[^\"]*\""
    case .address: "[0-9a-fA-F.:]+"
    }
  }
}

/// What fills the blanks of a sentence, taken one after the other.
struct Filling: Sendable {
  fileprivate(set) var blanks: [Blank.Filled] = []
  private var next = 0

  private mutating func take() -> Blank.Filled? {
    defer { next += 1 }
    return blanks.indices.contains(next) ? blanks[next] : nil
  }

  mutating func nodes() -> [NodeName] { if case .nodes(let nodes)? = take() { nodes } else { [] } }
  mutating func node() -> NodeName { nodes().first ?? "" }
  mutating func workload() -> WorkloadName { if case .workload(let name)? = take() { name } else { "" } }
  mutating func domain() -> String { if case .domain(let name)? = take() { name } else { "" } }
  mutating func span() -> Span { if case .span(let span)? = take() { span } else { .zero } }
  mutating func number() -> Int { if case .number(let number)? = take() { number } else { 0 } }
  mutating func address() -> IPAddress { if case .address(let address)? = take() { address } else { .four(0) } }
  mutating func check() -> CheckName { if case .check(let name)? = take() { name } else { "" } }
  /// Of the workload that is named next.
  mutating func part() -> PartName {
    guard case .part(let name)? = take() else { return PartName("", of: "") }
    return PartName(name, of: workload())
  }
  mutating func text() -> String { if case .text(let text)? = take() { text } else { "" } }

  var allNodes: [NodeName] { blanks.flatMap { blank -> [NodeName] in if case .nodes(let nodes) = blank { nodes } else { [] } } }
  var allChecks: [CheckName] { blanks.compactMap { if case .check(let name) = $0 { name } else { nil } } }
  var allWorkloads: [WorkloadName] { blanks.compactMap { if case .workload(let name) = $0 { name } else { nil } } }
}
