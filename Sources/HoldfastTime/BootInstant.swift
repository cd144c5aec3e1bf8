/// An instant on this host's boot-time clock (CLOCK_BOOTTIME), which counts suspend.
///
/// Instants of different hosts, or of one host before and after a reboot, have nothing to do with each other. Nothing in
/// Holdfast sends one to another host.
public struct BootInstant: Hashable, Comparable, Sendable, Codable {
  /// Nanoseconds since the host booted.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = BootInstant(nanoseconds: 0)

  public static func < (a: BootInstant, b: BootInstant) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: BootInstant, b: Duration) -> BootInstant {
    BootInstant(nanoseconds: a.nanoseconds + b.wholeNanoseconds)
  }
  public static func - (a: BootInstant, b: Duration) -> BootInstant {
    BootInstant(nanoseconds: a.nanoseconds - b.wholeNanoseconds)
  }
  public static func - (a: BootInstant, b: BootInstant) -> Duration {
    Duration(wholeNanoseconds: a.nanoseconds - b.nanoseconds)
  }
}

extension Duration {
  /// The duration in nanoseconds, towards zero; enough for 292 years.
  public var wholeNanoseconds: Int64 {
    // A division of 128 bits is slow, and 64 bits hold the attoseconds of what is shorter than 18 s.
    let attoseconds = attoseconds
    if attoseconds >= 0, attoseconds <= Int128(UInt64.max) {
      return Int64(UInt64(truncatingIfNeeded: attoseconds) / Self.attosecondsPerNanosecond)
    }
    return Int64(attoseconds / Int128(Self.attosecondsPerNanosecond))
  }

  public init(wholeNanoseconds: Int64) {
    self.init(attoseconds: Int128(wholeNanoseconds) * Int128(Self.attosecondsPerNanosecond))
  }

  private static let attosecondsPerNanosecond: UInt64 = 1_000_000_000

  /// The duration in seconds, for people and logs.
  public var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}
