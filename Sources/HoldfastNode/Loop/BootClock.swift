import Glibc
import HoldfastPlanning
import HoldfastTime

/// This host's boot-time clock, which counts suspend.
package enum BootClock {
  package static var now: BootInstant {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return BootInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Sleeps until an instant of this clock. `ContinuousClock` is the same clock.
  package static func sleep(until instant: BootInstant) async throws {
    try await Task.sleep(for: max(Duration.zero, instant - now), tolerance: .zero, clock: .continuous)
  }
}

/// Milliseconds since 1970 on this host's wall clock.
func wallTime() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// The minute of the week on this host's wall clock, in its time zone: for windows in policies, never for safety.
func localWeekTime() -> WeekTime {
  var seconds = time(nil), local = tm()
  localtime_r(&seconds, &local)
  // C's week begins on Sunday.
  let day = (Int(local.tm_wday) + 6) % 7
  return WeekTime(minute: day * WeekTime.minutesOfDay + Int(local.tm_hour) * 60 + Int(local.tm_min))
}
