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
  public static func - (a: BootInstant, b: BootInstant) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
}

extension Duration {
  /// The duration in nanoseconds, towards zero; enough for 292 years.
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// The duration in seconds, for people and logs.
  public var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}
