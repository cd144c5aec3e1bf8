import HoldfastModel
import Housekeeping
import Synchronization

/// How long the last transactions took. Taking a measure is a store into a ring: it is done on the way of every renewal.
final class WriteClock: Sendable {
  private struct Measure {
    var at: ContinuousClock.Instant
    var took: Duration
  }
  private struct State {
    var ring: [Measure] = []
    var next = 0
  }

  /// Measures that are kept: those of a busy node's window.
  private static let size = 512
  /// What is older says nothing about now.
  static let window: Duration = .seconds(300)

  private let state = Mutex(State())

  /// A transaction that was sent at that instant has been answered.
  func answered(sent: ContinuousClock.Instant, at now: ContinuousClock.Instant = .now) {
    let measure = Measure(at: now, took: now - sent)
    state.withLock { state in
      if state.ring.count < Self.size { state.ring.append(measure) } else { state.ring[state.next] = measure }
      state.next = (state.next + 1) % Self.size
    }
  }

  /// nil: nothing was measured lately.
  func times(at now: ContinuousClock.Instant = .now) -> WriteTimes? {
    let ring = state.withLock { $0.ring }
    let taken = ring.filter { $0.at + Self.window >= now }.map(\.took).sorted()
    return taken.isEmpty ? nil : WriteTimes(count: taken.count, median: taken[taken.count / 2])
  }
}
