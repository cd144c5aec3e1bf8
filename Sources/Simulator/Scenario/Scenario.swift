import HoldfastPlanning

/// A cluster, what happens to it, and what is expected of it.
public struct Scenario: Sendable {
  /// What it shows, in a line.
  public var title: String
  public var cluster: ClusterSetup
  /// In the order of time, counted from when everything runs.
  public var timeline: [Step]
  public var expectations: [Expectation]
  public var length: Span
  /// With how many seeds it must hold.
  public var seeds: Int
  /// The time of the week at which the story begins, on every host's wall clock; nil: soon after a Monday's midnight.
  public var begins: WeekTime?

  public struct Step: Hashable, Sendable {
    public var at: Span
    public var happening: Happening

    public init(at: Span, happening: Happening) {
      self.at = at
      self.happening = happening
    }
  }

  public init(
    title: String, cluster: ClusterSetup, timeline: [Step], expectations: [Expectation], length: Span, seeds: Int,
    begins: WeekTime? = nil
  ) {
    self.title = title
    self.cluster = cluster
    self.timeline = timeline
    self.expectations = expectations
    self.length = length
    self.seeds = seeds
    self.begins = begins
  }
}

/// What must be true, and when.
public struct Expectation: Hashable, Sendable {
  public enum When: Hashable, Sendable {
    case at(Span)
    /// It comes to be so between the two. What was so just before the first must have ceased in between.
    case comes(after: Span, by: Span)
    /// All the time in between.
    case during(Span, Span)
    /// At no moment.
    case never
  }
  public enum What: Hashable, Sendable {
    case state(When, Statement)
    /// Each becomes true after the one before it did.
    case order([Statement])
  }
  public var what: What
  /// As somebody wrote it.
  public var text: String
  /// Its line in the file.
  public var line: Int

  public init(what: What, text: String, line: Int) {
    self.what = what
    self.text = text
    self.line = line
  }
}
