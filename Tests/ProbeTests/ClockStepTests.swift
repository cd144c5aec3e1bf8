import HealthProbes
import HoldfastTime
import Testing

/// A clock that is set makes every file older at once.
@Suite struct `A clock that is set` {
  struct Row: Sendable {
    /// Seconds.
    var gained: Int
    var since: Int
    var age: Int
    var expected: Bool
  }

  @Test(arguments: [
    Row(gained: 3600, since: 1, age: 3630, expected: true),
    // Too old before, too.
    Row(gained: 3600, since: 1, age: 3700, expected: false),
    // It had time to be written since.
    Row(gained: 3600, since: 61, age: 3640, expected: false),
    Row(gained: 0, since: 1, age: 61, expected: false), Row(gained: -3600, since: 1, age: 61, expected: false),
    // Brought in line slowly.
    Row(gained: 1, since: 1, age: 61, expected: false)
  ]) func `explains an age that files have by that alone`(row: Row) {
    var clock = ClockSteps(), now = BootInstant(nanoseconds: 1_000_000_000)
    clock.see(wall: 50_000, at: now)
    now = now + .seconds(10)
    clock.see(wall: 60_000 + Int64(row.gained) * 1000, at: now)
    now = now + .seconds(row.since)
    clock.see(wall: 60_000 + Int64(row.gained + row.since) * 1000, at: now)
    #expect(clock.mayExplain(.seconds(row.age), over: .seconds(60), at: now) == row.expected)
  }
}
