import HoldfastPlanning
import HoldfastTime

/// The local time of the week and the wall clock, as they were told last and reckoned on since. For what people ask for by their clocks, never
/// for safety.
struct Calendar: Sendable {
  private var told: (time: WeekTime, milliseconds: Int64, at: BootInstant)?

  /// - Returns: true when it is not the time that was reckoned with.
  mutating func tell(_ time: WeekTime, _ milliseconds: Int64, now: BootInstant) -> Bool {
    defer { told = (time, milliseconds, now) }
    guard let expected = weekTime(now: now) else { return true }
    let difference = WeekTime(minute: time.minute - expected.minute).minute
    return difference > 1 && difference < 7 * WeekTime.minutesOfDay - 1
  }

  func weekTime(now: BootInstant) -> WeekTime? {
    told.map { WeekTime(minute: $0.time.minute + Int((now - $0.at).inSeconds / 60)) }
  }

  /// Milliseconds since 1970; nil: nobody told yet.
  func wallTime(now: BootInstant) -> Int64? {
    told.map { $0.milliseconds + Int64((now - $0.at).inSeconds * 1000) }
  }
}
