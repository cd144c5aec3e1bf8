import HoldfastModel
import HoldfastTime

/// Finds a watch that has gone deaf: our own renewals come through it, so one that was committed and does not arrive tells.
struct WatchLag: Hashable, Sendable {
  private struct Awaited: Hashable, Sendable {
    var revision: Revision
    var since: BootInstant
  }
  private var awaited: Awaited?
  private var patience: Duration = .seconds(1)

  var nextLook: BootInstant? { awaited.map { $0.since + patience } }

  mutating func wrote(_ revision: Revision, seen: Revision, at now: BootInstant) {
    if awaited == nil, revision > seen { awaited = Awaited(revision: revision, since: now) }
  }
  mutating func seen(_ revision: Revision) {
    if let waiting = awaited, revision >= waiting.revision { awaited = nil }
  }
  /// True once each time it has been deaf for another `patience`.
  mutating func isDeaf(at now: BootInstant, patience: Duration) -> Bool {
    self.patience = patience
    guard let waiting = awaited, now - waiting.since >= patience else { return false }
    awaited = Awaited(revision: waiting.revision, since: now)
    return true
  }
}
