import Simulator

/// When an expectation must hold, as its key tells; the end is known only when the whole file was read.
enum ExpectedTime: Hashable, Sendable {
  case at(Span)
  case atEnd
  case by(Span)
  case byEnd
  case during(Span, Span?)
  case always
  case never
  case inOrder

  /// The last time that it names.
  var last: Span? {
    switch self {
    case .at(let span), .by(let span): span
    case .during(let from, let to): to ?? from
    case .atEnd, .byEnd, .always, .never, .inOrder: nil
    }
  }

  /// nil for an order.
  func when(length: Span) -> Expectation.When? {
    switch self {
    case .at(let span): .at(span)
    case .atEnd: .at(length)
    case .by(let span): .by(span)
    case .byEnd: .by(length)
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
      .init("by SPAN", "At some moment, not later than that.") { .by($0.span()) },
      .init("by end", "At some moment.") { _ in .byEnd },
      .init("within SPAN of SPAN", "At some moment, not later than so long after that time: `within 6s of 10s` is `by 16s`.") {
        let length = $0.span()
        return .by($0.span() + length)
      },
      .init("from SPAN to SPAN", "All the time between the two.") {
        let from = $0.span()
        return .during(from, $0.span())
      },
      .init("from SPAN to end", "From then on.") { .during($0.span(), nil) },
      .init("always", "All the time.") { _ in .always },
      .init("never", "At no moment.") { _ in .never },
      .init("in order", "A list: each becomes true, and not before the one above it did.") { _ in .inOrder }
    ], kind: "a time", example: "within 6s of 10s")
}
