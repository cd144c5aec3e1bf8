/// The bounds and waits of checks, each with its unit.
enum CheckLimits {
  /// What is due within one such step is asked at once, so that hundreds of checks do not wake the node hundreds of times a second.
  static let grain: Duration = .milliseconds(20)
  /// The first probe of a run, or after a hold, begins within so long, whatever the interval: a check of once a day is not waited for for a day.
  static let firstWithin: Duration = .seconds(10)
  /// An answer that is later than the probe's timeout by so much is not waited for.
  static let lateAnswer: Duration = .seconds(2)
}
