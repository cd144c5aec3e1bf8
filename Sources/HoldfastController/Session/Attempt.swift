import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Something that is tried, one attempt at a time, and after a failure not at once again.
struct Attempt: Hashable, Sendable {
  private var underWay = false
  private var notBefore: BootInstant?

  /// When the next attempt may be made, if one waits.
  var nextLook: BootInstant? { underWay ? nil : notBefore }

  /// True when an attempt is to be made now.
  mutating func begins(at now: BootInstant) -> Bool {
    guard !underWay, notBefore.map({ now >= $0 }) ?? true else { return false }
    underWay = true
    return true
  }
  mutating func succeeded() { self = Attempt() }
  mutating func failed(until instant: BootInstant) {
    underWay = false
    notBefore = instant
  }
}
