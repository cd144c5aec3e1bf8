import HoldfastTime

/// When an address answered that is pinged all the time (`ping -D`).
public struct PingTrace: Equatable, Sendable {
  /// In time's order.
  public let answers: [BootInstant]

  /// Reads what ping wrote. What is no answer is passed over.
  public init(_ text: String) {
    answers = text.split(separator: "\n").compactMap { line in
      guard line.first == "[", line.contains(" bytes from "), let end = line.firstIndex(of: "]") else { return nil }
      return LabClock.instant(wallClock: line[..<end].dropFirst())
    }
  }

  /// The longest time from one answer to the next, of those that ended after `instant`; nil: nothing has answered since.
  public func longestGap(since instant: BootInstant) -> Duration? {
    zip(answers, answers.dropFirst()).filter { $0.1 > instant }.map { $0.1 - $0.0 }.max()
  }
}
