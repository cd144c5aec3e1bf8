import Glibc
import GuardProtocol

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
