import Foundation
import HoldfastTime

/// Measured events, in order.
public struct Timeline: Sendable, CustomStringConvertible {
  public struct Event: Equatable, Sendable {
    public var at: BootInstant
    public var what: String
  }
  /// In the order of their instants; those of one instant in the order in which they were marked.
  public private(set) var events: [Event] = []

  public init() {}

  /// Adds an event, which need not be the latest.
  public mutating func mark(_ what: String, at instant: BootInstant = LabClock.now) {
    let index = events.lastIndex { $0.at <= instant }.map { $0 + 1 } ?? 0
    events.insert(Event(at: instant, what: what), at: index)
  }

  /// From the first event of which `first` says yes to the next after it of which `then` does; nil when there is none.
  public func time(from first: (String) -> Bool, to then: (String) -> Bool) -> Duration? {
    guard let start = events.firstIndex(where: { first($0.what) }),
      let end = events[(start + 1)...].firstIndex(where: { then($0.what) })
    else { return nil }
    return events[end].at - events[start].at
  }

  /// One line per event: seconds since the first event, since the one before, what.
  public var description: String {
    guard let zero = events.first?.at else { return "" }
    var before = zero
    return events.map { event in
      defer { before = event.at }
      return String(format: "%9.3f s  %+8.3f  ", (event.at - zero).inSeconds, (event.at - before).inSeconds) + event.what
    }.joined(separator: "\n")
  }
}
