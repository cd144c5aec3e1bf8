import HoldfastModel
import HoldfastTime

/// Since when a workload is paused for an I/O error, and when it is to be resumed next.
struct IOErrorPause: Hashable, Sendable {
  private var next: BootInstant?

  var isBlank: Bool { next == nil }
  /// When it is to be resumed.
  var due: BootInstant { next ?? .zero }

  /// The error has only just come: its disk gets some time.
  mutating func begin(at now: BootInstant) { next = next ?? now + Limits.ioErrorPause }

  mutating func tried(at now: BootInstant) { next = now + Limits.ioErrorPause }

  /// True when there was one until now.
  mutating func end() -> Bool {
    defer { next = nil }
    return next != nil
  }
}
