/// The bounds and waits of checks, each with its unit.
enum CheckLimits {
  /// What is due within one such step is asked at once, so that hundreds of checks do not wake the node hundreds of times a second.
  static let grain: Duration = .milliseconds(20)
  /// An answer that is later than the probe's timeout by so much is not waited for.
  static let lateAnswer: Duration = .seconds(2)
}
