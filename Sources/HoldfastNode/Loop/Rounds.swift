/// Does something again and again, with a pause after each time, until the task is cancelled.
///
/// - Parameters:
///   - delay: before the first time.
///   - clock: one that goes on while the host sleeps: what came due meanwhile is done when it wakes.
package func inRounds<C: Clock>(
  every pause: Duration, after delay: Duration = .zero, clock: C = ContinuousClock(),
  isolation: isolated (any Actor)? = #isolation, _ round: () async -> Void
) async where C.Duration == Duration {
  if delay > .zero { try? await Task.sleep(for: delay, clock: clock) }
  while !Task.isCancelled {
    await round()
    try? await Task.sleep(for: pause, clock: clock)
  }
}
