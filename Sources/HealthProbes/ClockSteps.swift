import HoldfastTime

/// When this node's wall clock was last set forward, and by how much, as looks at it show: what was written before seems older by that.
package struct ClockSteps: Sendable {
  private var last: (wall: Int64, boot: BootInstant)?
  private var step: (size: Duration, at: BootInstant)?

  /// What looks may be apart by themselves; and a clock that is brought in line slowly gains a thousandth at most.
  private static let tolerance: Duration = .seconds(1)
  private static let gain = 1000

  package init() {}

  /// - Parameter wall: milliseconds since 1970.
  package mutating func see(wall: Int64, at now: BootInstant) {
    defer { last = (wall, now) }
    guard let last else { return }
    let passed = now - last.boot, gained = .milliseconds(wall - last.wall) - passed
    if gained > Self.tolerance + passed / Self.gain { step = (gained, now) }
  }

  /// What seems to be of this age is older than it may be only as the clock was set, and had no time to be written since.
  package func mayExplain(_ age: Duration, over most: Duration, at now: BootInstant) -> Bool {
    guard let step else { return false }
    return now - step.at <= most && age - step.size <= most
  }
}
