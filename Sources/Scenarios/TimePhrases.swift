import Simulator

/// When an expectation must hold, as its key tells; the end, and what happened last, are known only when the whole file was read.
enum ExpectedTime: Hashable, Sendable {
  case at(Span)
  case atEnd
  /// So long after that time at the latest, and not only before it.
  case within(Span, of: Span)
  case by(Span)
  case byEnd
  /// Then at the latest, and to the end.
  case settled(Span)
  case during(Span, Span?)
  case always
  case never
  case inOrder

  /// The last time that it names.
  var last: Span? {
    switch self {
    case .at(let span), .by(let span), .settled(let span): span
    case .within(let span, let start): start + span
    case .during(let from, let to): to ?? from
    case .atEnd, .byEnd, .always, .never, .inOrder: nil
    }
  }

  /// - Parameter happenings: the times at which something happens.
  /// - Returns: nil for an order.
  func when(length: Span, happenings: [Span]) -> Expectation.When? {
    func last(before end: Span) -> Span { happenings.filter { $0 < end }.max() ?? .zero }
    return switch self {
    case .at(let span): .at(span)
    case .atEnd: .at(length)
    case .within(let span, let start): .comes(after: start, by: start + span)
    case .by(let span): .comes(after: last(before: span), by: span)
    case .byEnd: .comes(after: last(before: length), by: length)
    case .settled(let span): .during(span, length)
    case .during(let from, let to): .during(from, to ?? length)
    case .always: .during(.zero, length)
    case .never: .never
    case .inOrder: nil
    }
  }
}

enum TimePhrases {
  static let happening = Sentences<Span>(
    phrases: [.init("at SPAN", "At this time, counted from when everything runs.") { $0.span() }], kind: "a time",
    example: "at 10s")

  static let expectation = Sentences<ExpectedTime>(
    phrases: [
      .init("at SPAN", "Then, after everything that happens at that time.") { .at($0.span()) },
      .init("at end", "When the scenario ends.") { _ in .atEnd },
      .init(
        "within SPAN of SPAN",
        "It becomes so at or after the second time, and not later than so long after it. What was so before must cease and come back."
      ) {
        let length = $0.span()
        return .within(length, of: $0.span())
      },
      .init("by SPAN", "The same, not later than that time, and counted from the last thing that happens before it.") {
        .by($0.span())
      },
      .init("by end", "The same, before the scenario ends.") { _ in .byEnd },
      .init(
        "settled within SPAN of SPAN",
        "So long after that time it is so, and stays so to the end. It may have been so before, all the time."
      ) {
        let length = $0.span()
        return .settled($0.span() + length)
      },
      .init("settled by SPAN", "The same, with the time itself: it is `from SPAN to end`.") { .settled($0.span()) },
      .init("from SPAN to SPAN", "All the time between the two.") {
        let from = $0.span()
        return .during(from, $0.span())
      },
      .init("from SPAN to end", "From then on.") { .during($0.span(), nil) },
      .init("always", "All the time.") { _ in .always },
      .init("never", "At no moment.") { _ in .never },
      .init("in order", "A list: each is so at some moment, and not before the one above it was.") { _ in .inOrder }
    ], kind: "a time", example: "within 6s of 10s")
}
