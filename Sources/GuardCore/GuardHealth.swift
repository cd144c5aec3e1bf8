import HoldfastTime

/// How the guard itself is: what it was told to use and cannot. It is for people; nothing is decided by it.
public struct GuardHealth: Hashable, Sendable {
  /// The hardware watchdog that the guard feeds.
  public enum Watchdog: Hashable, Sendable {
    /// The guard was not told to feed a watchdog.
    case none
    /// The guard was told to feed one, and the driver has not answered yet: whether there is a fence is not known.
    case opening
    /// The watchdog is open, and resets the host when it was not fed for so long, in seconds; nil: its driver does not tell.
    case open(timeout: Int?)
    /// The watchdog cannot be opened or fed, and why: nothing resets a host on which the freeze fails.
    case unusable(reason: String)
  }
  /// After so many seconds an unfed watchdog resets the host, unless the guard is told otherwise: in time with the default TTL of 3 s.
  public static let watchdogTimeout = 2

  public var watchdog: Watchdog
  /// Why the state that the next guard needs could not be written; nil: it is written.
  public var recordFlaw: String?

  /// The same in the words of version 2 of the messages, which knows no watchdog of which something is not known: what is not known to be a fence is none.
  var inVersion2: GuardHealth {
    var health = self
    switch watchdog {
    case .opening: health.watchdog = .unusable(reason: "its driver has not answered yet")
    case .open(nil): health.watchdog = .unusable(reason: "its driver does not tell its timeout")
    case .none, .open, .unusable: break
    }
    return health
  }

  public init(watchdog: Watchdog = .none, recordFlaw: String? = nil) {
    self.watchdog = watchdog
    self.recordFlaw = recordFlaw
  }
}

/// What is to be said of a write that is tried again and again, where it fails now and then: that it fails, and when it has gone well for a while that it
/// does again. A full filesystem takes one write and refuses the next.
public struct WriteTrouble: Hashable, Sendable {
  public enum Word: Hashable, Sendable {
    case fails(reason: String)
    /// The write fails still, so many times since that was said last.
    case failsStill(reason: String, count: Int)
    case isOver
  }

  /// From one word to the next, and from the last failure until it counts as over.
  public static let pause = Duration.seconds(60)

  /// Why it failed, as it was said last, until it counts as over; nil: it does not fail.
  public private(set) var reason: String?
  private var lastFailure = BootInstant.zero
  private var lastWord = BootInstant.zero
  private var unsaid = 0

  public init() {}

  /// - Parameter failure: why it failed; nil: it went well.
  /// - Returns: what is to be said now.
  public mutating func tried(_ failure: String?, at now: BootInstant) -> Word? {
    guard let failure else {
      guard reason != nil, now >= lastFailure + Self.pause else { return nil }
      self = WriteTrouble()
      return .isOver
    }
    lastFailure = now
    guard reason != nil else {
      (reason, lastWord) = (failure, now)
      return .fails(reason: failure)
    }
    unsaid += 1
    guard now >= lastWord + Self.pause else { return nil }
    defer { (reason, lastWord, unsaid) = (failure, now, 0) }
    return .failsStill(reason: failure, count: unsaid)
  }
}
