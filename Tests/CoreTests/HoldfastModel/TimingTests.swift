import HoldfastModel
import Testing

/// Pauses that follow the cluster's pace.
@Suite struct TimingTests {
  @Test(arguments: [
    (Duration.milliseconds(600), Duration.milliseconds(100), Duration.seconds(5)),
    (.seconds(1), .nanoseconds(166_666_666), .seconds(5)), (.seconds(3), .milliseconds(500), .seconds(5)),
    (.seconds(6), .milliseconds(500), .seconds(10)), (.seconds(30), .milliseconds(500), .seconds(50))
  ])
  func `bars come no later than libvirt needs, and a migration's target has time for a write that nobody answers`(
    ttl: Duration, bar: Duration, patience: Duration
  ) {
    let timing = Timing(ttl: ttl)
    #expect((timing.barPause - bar).magnitude < .microseconds(1))
    #expect(timing.migrationPatience == patience)
    #expect(timing.migrationPatience > timing.requestTimeout)
  }

  @Test(arguments: [Duration.milliseconds(500), .seconds(3), .seconds(60)])
  func `several attempts fit between two renewals`(ttl: Duration) {
    let timing = Timing(ttl: ttl)
    #expect(timing.retryPause * 4 <= timing.renewInterval && timing.deadlinePause * 2 <= timing.renewInterval)
  }
}

extension Duration {
  fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
