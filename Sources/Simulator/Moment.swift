import HoldfastTime

/// A length of time in whole nanoseconds: `Duration`'s 128 bits cost too much in the simulator's innermost loop.
public struct Span: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public init(_ duration: Duration) { nanoseconds = duration.wholeNanoseconds }

  public static let zero = Span(nanoseconds: 0)
  public static func microseconds(_ count: Int64) -> Span { Span(nanoseconds: count * 1000) }
  public static func milliseconds(_ count: Double) -> Span { Span(nanoseconds: Int64(count * 1e6)) }
  public static func seconds(_ count: Double) -> Span { Span(nanoseconds: Int64(count * 1e9)) }

  public static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds + b.nanoseconds) }
  public static func - (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }

  public var inSeconds: Double { Double(nanoseconds) / 1e9 }
}

/// An instant of the world's own clock, which no host can read.
public struct Moment: Hashable, Comparable, Sendable {
  /// Nanoseconds since the world began.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public static let zero = Moment(nanoseconds: 0)

  public static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Moment, b: Span) -> Moment { Moment(nanoseconds: a.nanoseconds + b.nanoseconds) }
  public static func - (a: Moment, b: Span) -> Moment { Moment(nanoseconds: a.nanoseconds - b.nanoseconds) }
  public static func - (a: Moment, b: Moment) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }
}

extension Span: CustomStringConvertible {
  /// As a person writes it: `3s`, `250ms`, `1.5s`, `10m`.
  public var description: String {
    if nanoseconds < 0 { return "-\(Span(nanoseconds: -nanoseconds))" }
    let second: Int64 = 1_000_000_000
    if nanoseconds != 0, nanoseconds % (60 * second) == 0 { return "\(nanoseconds / (60 * second))m" }
    if nanoseconds >= second || nanoseconds == 0 { return Self.decimal(nanoseconds, unit: second) + "s" }
    return Self.decimal(nanoseconds, unit: 1_000_000) + "ms"
  }

  /// At most three decimals.
  private static func decimal(_ nanoseconds: Int64, unit: Int64) -> String {
    let thousandths = nanoseconds / (unit / 1000)
    guard thousandths % 1000 != 0 else { return "\(thousandths / 1000)" }
    var fraction = String(thousandths % 1000)
    fraction = String(repeating: "0", count: 3 - fraction.count) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    return "\(thousandths / 1000).\(fraction)"
  }
}

extension Moment: CustomStringConvertible {
  /// Seconds with six decimals.
  public var description: String {
    let micros = String(abs(nanoseconds) % 1_000_000_000 / 1000)
    let sign = nanoseconds < 0 ? "-" : ""
    return "\(sign)\(abs(nanoseconds) / 1_000_000_000)." + String(repeating: "0", count: 6 - micros.count) + micros
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
    while true {
      let missing = instant.nanoseconds - reading(at: guess).nanoseconds
      guard missing > 0 else { return guess }
      // No more than is missing, however fast the clock is.
      guess.nanoseconds += missing - missing / 8
    }
  }

  mutating func change(rate: Int64, at moment: Moment) {
    started = reading(at: moment).nanoseconds
    since = moment
    self.rate = rate
  }
}
