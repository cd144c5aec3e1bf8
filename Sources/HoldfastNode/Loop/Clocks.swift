import Glibc
import HoldfastPlanning
import HoldfastTime
import LinuxBasics

extension BootClock {
  /// Sleeps until an instant of this clock. `ContinuousClock` is the same clock.
  static func sleep(until instant: BootInstant) async throws {
    try await Task.sleep(for: max(Duration.zero, instant - now), tolerance: .zero, clock: .continuous)
  }
}

/// Milliseconds since 1970 on this host's wall clock.
func wallTime() -> Int64 { WallClock.milliseconds }

/// The minute of the week on this host's wall clock, in its time zone: for windows in policies, never for safety.
func localWeekTime() -> WeekTime {
  var seconds = time(nil), local = tm()
  localtime_r(&seconds, &local)
  // C's week begins on Sunday.
  let day = (Int(local.tm_wday) + 6) % 7
  return WeekTime(minute: day * WeekTime.minutesOfDay + Int(local.tm_hour) * 60 + Int(local.tm_min))
}
