import HoldfastNode
import Synchronization
import Testing

/// What is done again and again beside the controller.
@Suite struct `Rounds` {
  /// Passes as soon as somebody waits; the task is cancelled in the sleep of that number.
  private final class HastyClock: Clock {
    struct State {
      var now = ContinuousClock.now
      var sleeps: [Duration] = []
    }
    private let state = Mutex(State())
    private let last: Int

    init(endingIn last: Int) { self.last = last }

    var now: ContinuousClock.Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
      let count = state.withLock { state in
        state.sleeps.append(deadline - state.now)
        state.now = deadline
        return state.sleeps.count
      }
      guard count < last else {
        withUnsafeCurrentTask { $0?.cancel() }
        throw CancellationError()
      }
    }
  }

  @Test(arguments: [
    (Duration.zero, 3, 3, [10.0, 10, 10]), (.seconds(5), 3, 2, [5, 10, 10]), (.seconds(5), 1, 0, [5])
  ])
  func `pause after each time, wait before the first where that is asked for, and end when they are cancelled`(
    delay: Duration, ending: Int, rounds: Int, sleeps: [Double]
  ) async {
    let clock = HastyClock(endingIn: ending)
    let done = await Task {
      var done = 0
      await inRounds(every: .seconds(10), after: delay, clock: clock) { done += 1 }
      return done
    }.value
    #expect(done == rounds && clock.sleeps == sleeps.map { .seconds($0) })
  }
}
