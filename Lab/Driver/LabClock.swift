import HoldfastTime
import LinuxBasics

/// The machine's clocks. All hosts of the lab are one machine's, so an instant on the boot clock is the same on all of them.
public enum LabClock {
  /// Now, on CLOCK_BOOTTIME.
  public static var now: BootInstant { BootClock.now }

  /// The instant on the boot clock at which the wall clock showed `seconds` since 1970, such as "1795236972.426146".
  ///
  /// Holds as long as nobody set the wall clock in between. Nil when the text is no such number.
  public static func instant(wallClock seconds: some StringProtocol) -> BootInstant? {
    let parts = seconds.split(separator: ".", maxSplits: 1)
    guard parts.count == 2, let whole = Int64(parts[0]), parts[1].count == 6, let micro = Int64(parts[1]) else { return nil }
    let age = WallClock.nanoseconds - (whole * 1_000_000_000 + micro * 1000)
    return BootClock.now - Duration(wholeNanoseconds: age)
  }

  /// The same for milliseconds since 1970, as the daemons' history has them.
  public static func instant(milliseconds: Int64) -> BootInstant {
    let age = WallClock.nanoseconds - milliseconds * 1_000_000
    return BootClock.now - Duration(wholeNanoseconds: age)
  }
}
