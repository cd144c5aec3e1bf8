import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// Values that only policy files have.
extension YAMLValue {
  /// What a rule is called: a text that explanations can quote.
  func ruleName() -> String? {
    value(
      expected: "a name of one line, at most 80 characters", remedy: { _ in "Say in a few words what the rule is for." },
      { text in
        let isSound = !text.isEmpty && text.count <= 80 && !text.contains(where: \.isNewline)
        return isSound ? text : nil
      })
  }

  /// A selection, or a list of them: what any of them selects.
  package func selection(of what: String) -> Selection? {
    if !isList { return oneSelection(of: what) }
    let parts = selections(of: what)
    return parts.isEmpty ? nil : Selection(anyOf: parts)
  }

  /// A list of selections, or one; each once.
  func selections(of what: String) -> [Selection] {
    if !isList { return oneSelection(of: what).map { [$0] } ?? [] }
    let expected = Self.selectionExpected(what)
    guard let items = items(expected: expected, remedy: "Write names and labels.") else { return [] }
    if items.isEmpty { wrong(expected: expected, found: "an empty list", remedy: "Write names and labels, or 'all'.") }
    return YAMLValue.distinct(items) { $0.oneSelection(of: what) }
  }

  private static func selectionExpected(_ what: String) -> String {
    what == "nodes" ? "\(what) such as n1, rack=a or a list of them" : "\(what) such as web-*, tier=db or a list of them"
  }

  private func oneSelection(of what: String) -> Selection? {
    guard let text = text(expected: Self.selectionExpected(what), remedy: "Write names and labels, or 'all'.") else {
      return nil
    }
    do throws(TextFlaw) {
      return try Selection(parsing: text)
    } catch {
      wrong(at: position(ofScalar: error.offset), expected: error.expected, found: error.found, remedy: error.remedy)
      return nil
    }
  }

  /// A label whose values are places, or `node`.
  func topology() -> String? {
    value(
      expected: "a label of nodes such as rack, or 'node'",
      remedy: { text in
        ["yes", "true", "always"].contains(text) ? "Write 'node' for different nodes." : "Write the name of one label."
      },
      { text in
        guard NodeName.isValid(text), !["yes", "true", "no", "false", "always", "never"].contains(text) else { return nil }
        return ["node", "nodes", "host", "hosts"].contains(text) ? nodeTopology : text
      })
  }

  /// The name of a label of workloads.
  func labelName() -> String? {
    value(
      expected: "the name of a label of workloads, such as app",
      remedy: {
        $0.contains("=") ? "Write the label's name only: those with the same value belong together." : "Write one name."
      },
      { NodeName.isValid($0) ? $0 : nil })
  }

  /// Times of the week.
  func windows() -> [WeekWindow] {
    let values =
      isList ? items(expected: "times such as Sat 02:00-06:00", remedy: "Write some, or remove 'window'.") ?? [] : [self]
    if isList, values.isEmpty {
      wrong(expected: "times such as Sat 02:00-06:00", found: "an empty list", remedy: "Write some, or remove 'window'.")
    }
    return YAMLValue.distinct(values) { $0.window() }
  }

  private func window() -> WeekWindow? {
    guard let text = text(expected: "a time such as Sat 02:00-06:00", remedy: "Write days and two times.") else { return nil }
    do throws(TextFlaw) {
      return try WeekWindow(parsing: text)
    } catch {
      wrong(at: position(ofScalar: error.offset), expected: error.expected, found: error.found, remedy: error.remedy)
      return nil
    }
  }

  // MARK: resources

  /// Resources with values, each name once.
  func resources<Value>(expected: String, _ convert: (_ name: String, YAMLValue) -> Value?) -> [String: Value] {
    guard let entries = entries(expected: expected, remedy: "Write {NAME: AMOUNT}.") else { return [:] }
    if entries.isEmpty { wrong(.warning, expected: expected, found: "nothing", remedy: "Write {NAME: AMOUNT}, or remove it.") }
    var result: [String: Value] = [:]
    for entry in entries {
      guard let name = entry.key.resourceName() else { continue }
      if let value = convert(name, entry.value) { result[name] = value }
    }
    return result
  }

  private func resourceName() -> String? {
    let usual = ["cpu": "cpus", "core": "cpus", "cores": "cpus", "processors": "cpus", "ram": "memory", "mem": "memory"]
    return value(
      expected: "memory, cpus, or the name of something that can be counted",
      remedy: { usual[$0.lowercased()].map { "Write '\($0)'." } ?? "Use letters, digits, '.', '_' and '-'." },
      { NodeName.isValid($0) && usual[$0.lowercased()] == nil ? $0 : nil })
  }

  /// MiB of memory, processors, or a whole number of anything else.
  func amount(of name: String) -> Double? {
    switch name {
    case ResourceName.memory: mebibytes().map(Double.init)
    case ResourceName.cpus: processors(from: 0, to: 10_000)
    default: integer(in: 0...1_000_000).map(Double.init)
    }
  }

  /// The same, or a share of what there is.
  func amountOrShare(of name: String) -> Amount? {
    guard let text = text(expected: "an amount, or a percentage such as 10%", remedy: "Write one of the two."),
      text.hasSuffix("%")
    else { return isNothing || isList || isMapping ? nil : amount(of: name).map { .units($0) } }
    return percentage(to: 900_000).map { .share(Double($0) / 1_000_000) }
  }

  /// MiB a second.
  func bandwidth() -> Int? {
    value(
      expected: "MiB a second, such as 100MiB",
      remedy: { text in
        let number = text.prefix { $0.isNumber || $0 == "." }
        return text.lowercased().hasSuffix("bit") || text.lowercased().hasSuffix("bps")
          ? "Write bytes, not bits: a network of 10 Gbit/s carries about 1100MiB."
          : "Write \(number.isEmpty ? "100" : String(number))MiB; the second is understood."
      },
      { Quantity.mebibytes($0).flatMap { (1...1_048_576).contains($0) ? $0 : nil } })
  }

  /// How many times a resource is given away.
  func factor() -> Double? {
    value(
      expected: "a factor from 0.1 to 1000, such as 4 or 1.5",
      remedy: { $0.hasSuffix("%") ? "Write 4 for 400%." : "Write a number: 4 gives every processor away four times." },
      { Quantity.processors($0).flatMap { (0.1...1000).contains($0) ? $0 : nil } })
  }
}
