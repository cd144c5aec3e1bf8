import HoldfastYAML
import Simulator

/// The YAML files that tell what goes wrong, and how often, for `holdfast simulate --faults`.
public enum FaultsFile {
  /// Every key of the file. `Docs/simulator.md` shows this table.
  public static let keys = KeyTable(
    [
      KeyTable.Row(
        "start-from", "`none`, `sparse` or `dense`", .value("none"), "The rates that hold for what is not in the file."),
      .init(
        "late-messages", "percentage, 0% to 50%", .rule("as `start-from` has it"),
        "Messages to and from the store that come late."),
      .init("lost-messages", "percentage, 0% to 50%", .rule("as `start-from` has it"), "Messages that are lost."),
      .init(
        "aftershock", "percentage, 0% to 100%", .rule("as `start-from` has it"),
        "Fail-overs that are followed at once by another fault.")
    ]
      + FaultKind.allCases.map {
        .init($0.rawValue, "duration, 100ms to 24h, or `never`", .rule("as `start-from` has it"), $0.meaning)
      })

  enum Base: String, CaseIterable { case none, sparse, dense }

  /// - Throws: every mistake in it, at once.
  public static func parse(path: String) throws(FileErrors) -> FaultRates {
    try read(MistakeLog(try SourceText.read(path)))
  }

  /// - Throws: every mistake in it, at once.
  public static func parse(text: String, file: String) throws(FileErrors) -> FaultRates {
    try read(MistakeLog(try SourceText(file: file, text: text)))
  }

  /// The rates of one of the names that `start-from` has; nil for another.
  public static func named(_ name: String) -> FaultRates? { Base(rawValue: name).map(rates) }

  private static func rates(_ base: Base) -> FaultRates {
    switch base {
    case .none: .none
    case .sparse: .sparse
    case .dense: .dense
    }
  }

  private static func read(_ log: MistakeLog) throws(FileErrors) -> FaultRates {
    let documents = YAMLDocuments.compose(log)
    if documents.isEmpty, log.isEmpty {
      log.add(
        at: FilePosition(line: 1, column: 1), key: nil, expected: "kinds of faults and how often they happen", found: "nothing",
        remedy: "Write lines such as 'host-crash: 5m'; Docs/simulator.md has all kinds.")
    }
    return try log.finish(documents.first?.section(of: keys, at: "").map(rates)).0
  }

  private static func rates(_ top: YAMLSection) -> FaultRates {
    var rates = rates(top.read("start-from", default: .none) { $0.choice(Base.self) })
    func share(_ key: String, _ limit: Int64, _ present: Double) -> Double {
      top.read(key, default: nil) { $0.percentage(to: limit) }.map { Double($0) / 1_000_000 } ?? present
    }
    rates.lateMessages = share("late-messages", 500_000, rates.lateMessages)
    rates.lostMessages = share("lost-messages", 500_000, rates.lostMessages)
    rates.aftershock = share("aftershock", 1_000_000, rates.aftershock)
    for kind in FaultKind.allCases {
      guard let value = top[kind.rawValue] else { continue }
      if value.isNever {
        rates.intervals[kind] = nil
      } else if let interval = value.duration(in: .milliseconds(100) ... .seconds(86_400)) {
        rates.intervals[kind] = Span(interval)
      }
    }
    return rates
  }
}

extension YAMLValue {
  fileprivate var isNever: Bool { found == Self.quote("never") }
}
