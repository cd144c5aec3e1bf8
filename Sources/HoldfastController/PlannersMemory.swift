import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What planning needs besides the store's records: since when nodes are there or away, and what time of the week it is. Every controller keeps it,
/// so that any of them can become the planner.
struct PlannersMemory: Sendable {
  private var standing: [NodeName: (isAvailable: Bool, since: BootInstant)] = [:]
  /// The local time of the week, as it was told last, and when.
  private var told: (time: WeekTime, milliseconds: Int64, at: BootInstant)?

  /// - Parameter isAvailable: of every node, whether it can take workloads. What is seen first counts from now.
  mutating func see(_ isAvailable: [NodeName: Bool], now: BootInstant) {
    standing = isAvailable.reduce(into: [:]) { fresh, node in
      let known = standing[node.key]
      fresh[node.key] = known.flatMap { $0.isAvailable == node.value ? $0 : nil } ?? (node.value, now)
    }
  }

  /// Seconds for which the node has been as it is; nil: not known.
  func seconds(of node: NodeName, isAvailable: Bool, now: BootInstant) -> Double? {
    standing[node].flatMap { $0.isAvailable == isAvailable ? (now - $0.since).inSeconds : nil }
  }

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

  /// Milliseconds since 1970; nil: nobody told yet. For what people ask for by their clocks, never for safety.
  func wallTime(now: BootInstant) -> Int64? {
    told.map { $0.milliseconds + Int64((now - $0.at).inSeconds * 1000) }
  }
}

extension Controller {
  /// Takes note of which nodes can take workloads.
  mutating func seeAvailability() {
    var isAvailable: [NodeName: Bool] = [:]
    for node in view.nodes.keys { isAvailable[node] = unavailability(of: node) == nil }
    memory.see(isAvailable, now: now)
  }

  mutating func learn(_ time: WeekTime, _ milliseconds: Int64) {
    guard memory.tell(time, milliseconds, now: now) else { return }
    isNews = true
    role.planIsDue = true
  }
}
