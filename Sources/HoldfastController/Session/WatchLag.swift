import HoldfastModel
import HoldfastTime

/// Finds a watch that has gone deaf: our own renewals come through it, so one that was committed and does not arrive tells.
struct WatchLag: Hashable, Sendable {
  private struct Awaited: Hashable, Sendable {
    var revision: Revision
    var since: BootInstant
  }
  private var awaited: Awaited?

  /// When it counts as deaf, if nothing arrives; nil: nothing is awaited.
  func deafAt(patience: Duration) -> BootInstant? { awaited.map { $0.since + patience } }

  mutating func wrote(_ revision: Revision, seen: Revision, at now: BootInstant) {
    if awaited == nil, revision > seen { awaited = Awaited(revision: revision, since: now) }
  }

  mutating func seen(_ revision: Revision) {
    if let waiting = awaited, revision >= waiting.revision { awaited = nil }
  }

  /// The watch is begun anew: from now on it gets its patience again.
  mutating func restarts(at now: BootInstant) { awaited?.since = now }
}
