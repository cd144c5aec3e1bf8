import HoldfastModel
import HoldfastPlanning
import HoldfastYAML
import Simulator

/// Reads one scenario file.
struct ScenarioReading {
  let log: MistakeLog

  init(_ log: MistakeLog) { self.log = log }

  func read() throws(ScenarioErrors) -> Scenario {
    let documents = YAMLDocuments.compose(log)
    if let second = documents.dropFirst().first {
      second.wrong(expected: "one scenario", found: "another document", remedy: "Put it into a file of its own.")
    }
    let scenario = documents.first?.section(of: ScenarioFile.keys, at: "").map(scenario)
    if documents.isEmpty, log.isEmpty {
      log.add(
        at: FilePosition(line: 1, column: 1), key: nil, expected: "a scenario", found: "nothing",
        remedy: "Start with 'scenario:', 'cluster:', 'timeline:' and 'expect:'; Docs/scenarios.md shows one.")
    }
    return try log.finish(scenario).0
  }

  private func scenario(_ top: YAMLSection) -> Scenario {
    let title = top.required("scenario", expected: "what the scenario shows", remedy: "Add 'scenario: A sentence'.")
    let why = "a text", remedy = "Write a text."
    _ = top["why"]?.text(expected: why, remedy: remedy)
    var cluster = ClusterReading(top["cluster"], top: top).read()
    let nodes = Set(cluster.nodes.map(\.name)), workloads = Set(cluster.workloads.map(\.name))
    let timeline = timeline(top["timeline"], nodes, workloads)
    // What is defined later is not there at the beginning.
    let defined = Set(
      timeline.compactMap { step -> WorkloadName? in
        if case .asked(.define(let name), _) = step.happening { name } else { nil }
      })
    for index in cluster.workloads.indices {
      cluster.workloads[index].comesLater = defined.contains(cluster.workloads[index].name)
    }
    // What is adopted is a workload from then on.
    let adopted = timeline.compactMap { step -> WorkloadName? in
      if case .asked(.adopt(let name, _), _) = step.happening { WorkloadName(name) } else { nil }
    }
    let expected = expectations(top, nodes, workloads.union(adopted))
    let named = timeline.map(\.at) + expected.compactMap(\.time.last)
    let length = length(top["lasts"], named)
    let happenings = timeline.map(\.at)
    return Scenario(
      title: title?.text(expected: "what the scenario shows", remedy: "Write a sentence.") ?? "", cluster: cluster,
      timeline: timeline, expectations: expected.map { $0.resolved(length: length, happenings: happenings) }, length: length,
      seeds: top.read("seeds", default: 3) { $0.integer(in: 1...100_000) }, begins: top["begins"].flatMap(weekTime))
  }

  private func length(_ value: YAMLValue?, _ named: [Span]) -> Span {
    let last = named.max() ?? .zero
    guard let value, let length = value.duration(in: .seconds(1) ... .seconds(86_400)) else { return last + .seconds(60) }
    if Span(length) < last {
      value.wrong(expected: "at least \(last), the last time that is named", remedy: "Raise it, or leave it out.")
    }
    return Span(length)
  }

  private func weekTime(_ value: YAMLValue) -> WeekTime? {
    let expected = "a day and a time such as Sat 01:59", remedy = "Write Mon to Sun, a space, the hour, ':' and the minute."
    guard let text = value.text(expected: expected, remedy: remedy) else { return nil }
    if let time = WeekTime(text) { return time }
    value.wrong(expected: expected, remedy: remedy)
    return nil
  }

  // MARK: what happens

  private func timeline(_ value: YAMLValue?, _ nodes: Set<NodeName>, _ workloads: Set<WorkloadName>) -> [Scenario.Step] {
    guard let value, !value.isNothing else { return [] }
    let entries = value.entries(
      expected: "times with sentences, such as 'at 10s: power off n1'", remedy: "Write 'at TIME: SENTENCE' lines.")
    var steps: [Scenario.Step] = []
    for (key, _, value) in entries ?? [] {
      let at = TimePhrases.happening.read(key, nodes: [], workloads: [])
      for sentence in value.oneOrMore {
        let happenings = TimelinePhrases.sentences.read(sentence, nodes: nodes, workloads: workloads)
        guard let at, let happenings else { continue }
        steps += happenings.map { Scenario.Step(at: at, happening: $0) }
      }
    }
    // Stable: what stands first in the file happens first.
    return steps.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
  }

  // MARK: what is expected

  private struct Expected {
    var time: ExpectedTime
    var statements: [Statement]
    var text: String
    var line: Int

    func resolved(length: Span, happenings: [Span]) -> Expectation {
      let when = time.when(length: length, happenings: happenings)
      let what: Expectation.What =
        if let when, let statement = statements.first { .state(when, statement) } else { .order(statements) }
      return Expectation(what: what, text: text, line: line)
    }
  }

  private func expectations(_ top: YAMLSection, _ nodes: Set<NodeName>, _ workloads: Set<WorkloadName>) -> [Expected] {
    let expected = "times with sentences, such as 'within 6s of 10s: w1 runs on n2'"
    let remedy = "Write 'TIME: SENTENCE' lines."
    guard let value = top.required("expect", expected: expected, remedy: remedy),
      let entries = value.entries(expected: expected, remedy: remedy)
    else { return [] }
    if entries.isEmpty { value.wrong(expected: expected, found: "nothing", remedy: remedy) }
    var all: [Expected] = []
    for (key, name, value) in entries {
      let time = TimePhrases.expectation.read(key, nodes: [], workloads: [])
      if case .during(let from, let to?)? = time, to < from {
        key.wrong(expected: "a time from an earlier to a later one", remedy: "Exchange the two.")
      }
      let sentences = value.oneOrMore.compactMap { sentence -> (Statement, String, Int)? in
        let statement = StatementPhrases.sentences.read(sentence, nodes: nodes, workloads: workloads)
        let text = sentence.found.trimming("'")
        return statement.map { ($0, text, sentence.position.line) }
      }
      guard let time else { continue }
      if time == .inOrder {
        all.append(
          Expected(
            time: time, statements: sentences.map(\.0), text: "in order: \(sentences.map(\.1).joined(separator: "; "))",
            line: key.position.line))
      } else {
        all += sentences.map { Expected(time: time, statements: [$0.0], text: "\(name): \($0.1)", line: $0.2) }
      }
    }
    return all
  }
}

extension WeekTime {
  /// `Sat 01:59`.
  fileprivate init?(_ text: String) {
    let words = text.split(separator: " "), clock = words.last?.split(separator: ":", omittingEmptySubsequences: false) ?? []
    guard words.count == 2, let day = WeekWindow.dayNames.firstIndex(of: String(words[0])), clock.count == 2,
      clock.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isASCII) && $0.allSatisfy(\.isNumber) }),
      let hour = Int(clock[0]), let minute = Int(clock[1]), hour < 24, minute < 60
    else { return nil }
    self.init(minute: day * Self.minutesOfDay + hour * 60 + minute)
  }
}

extension String {
  fileprivate func trimming(_ quote: Character) -> String {
    guard count >= 2, first == quote, last == quote else { return self }
    return String(dropFirst().dropLast())
  }
}
