import GuardProtocol

/// An instant of the world's own clock, which no host can read.
public struct Moment: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Nanoseconds since the world began.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public static let zero = Moment(nanoseconds: 0)

  public static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Moment, b: Duration) -> Moment { Moment(nanoseconds: a.nanoseconds + b.wholeNanoseconds) }
  public static func - (a: Moment, b: Moment) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }

  public var description: String {
    let micros = String(nanoseconds % 1_000_000_000 / 1000)
    return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - micros.count) + micros
  }
}

/// A host's boot-time clock: begins anywhere, runs a little fast or slow.
struct HostClock {
  private static let million: Int64 = 1_000_000

  private var since: Moment
  private var started: Int64
  /// Parts per million that it gains.
  private(set) var rate: Int64

  init(at moment: Moment, reading: BootInstant, rate: Int64) {
    since = moment
    started = reading.nanoseconds
    self.rate = rate
  }

  func reading(at moment: Moment) -> BootInstant {
    let elapsed = moment.nanoseconds - since.nanoseconds
    return BootInstant(
      nanoseconds: started + elapsed + elapsed / Self.million * rate + elapsed % Self.million * rate / Self.million)
  }

  /// The first moment at which the clock shows `instant` or more, if its rate stays.
  func moment(of instant: BootInstant) -> Moment {
    let wanted = instant.nanoseconds - started
    var guess = Moment(nanoseconds: since.nanoseconds + wanted - wanted / (Self.million + rate) * rate)
    while reading(at: guess) < instant { guess.nanoseconds += max(1, (instant - reading(at: guess)).wholeNanoseconds / 2) }
    return guess
  }

  mutating func change(rate: Int64, at moment: Moment) {
    started = reading(at: moment).nanoseconds
    since = moment
    self.rate = rate
  }
}
