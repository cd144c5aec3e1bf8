import CLinux
import Glibc
import HoldfastTime

/// This host's boot-time clock (CLOCK_BOOTTIME), which counts suspend.
package enum BootClock {
  package static var now: BootInstant { BootInstant(nanoseconds: holdfast_boot_now()) }
}

/// This host's wall clock (CLOCK_REALTIME), which people set: for what people read, never for safety.
package enum WallClock {
  /// Since 1970.
  package static var nanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Since 1970.
  package static var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
