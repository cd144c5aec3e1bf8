import Foundation
import HoldfastTime

/// What contradicts the invariant, or keeps the check from saying that it held.
public enum BeatViolation: Equatable, Sendable, CustomStringConvertible {
  /// Two instances of one container executed at once, from `from` to `to` at least (which may be one instant: a single beat).
  case overlap(container: String, BeatLog.Life, BeatLog.Life, from: BootInstant, to: BootInstant)
  /// The trace has a line that cannot be.
  case garbage(container: String, BeatLog.Garbage)

  public var description: String {
    switch self {
    case .overlap(let container, let a, let b, let from, let to):
      "\(container) executed on \(a.node) (epoch \(a.epoch)) and on \(b.node) (epoch \(b.epoch)) at once for "
        + "\(milliseconds(to - from)) ms, from \(seconds(from)) to \(seconds(to)) s after the machine's boot"
    case .garbage(let container, let garbage):
      "the trace of \(container), line \(garbage.line), '\(garbage.text)': \(garbage.reason)"
    }
  }

  private func milliseconds(_ duration: Duration) -> String { String(format: "%.1f", duration.inSeconds * 1000) }
  private func seconds(_ instant: BootInstant) -> String { String(format: "%.3f", Double(instant.nanoseconds) / 1e9) }
}

/// One container's change from one life to the next.
public struct Handover: Equatable, Sendable {
  public var container: String
  public var from: BeatLog.Life
  public var to: BeatLog.Life
  /// From the last beat of one to the first of the other; less than zero when they overlap.
  public var gap: Duration { to.first - from.last }
}

/// The interval checker: proves from the containers' traces that no container ever executed twice at once.
public struct BeatCheck: Equatable, Sendable {
  public var logs: [BeatLog]
  public var violations: [BeatViolation]
  /// In time's order for each container.
  public var handovers: [Handover]

  /// Checks traces.
  public init(_ logs: [BeatLog]) {
    self.logs = logs.sorted { $0.container < $1.container }
    violations = self.logs.flatMap(BeatCheck.violations)
    handovers = self.logs.flatMap { log in
      zip(log.lives, log.lives.dropFirst()).map { Handover(container: log.container, from: $0, to: $1) }
    }
  }

  /// Checks every trace in a folder; the file's name is the container's.
  public static func folder(_ path: String) throws(LabError) -> BeatCheck {
    do {
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
      return BeatCheck(
        try names.map { name in
          BeatLog(container: name, contents: [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))))
        })
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
  }

  /// When both executed. A beat of one within a span of the other counts, however short.
  private static func together(_ a: BeatLog.Life, _ b: BeatLog.Life) -> [(from: BootInstant, to: BootInstant)] {
    a.spans.flatMap { one in
      b.spans.compactMap { other in
        let from = max(one.from, other.from), to = min(one.to, other.to)
        return from <= to ? (from, to) : nil
      }
    }
  }

  private static func violations(_ log: BeatLog) -> [BeatViolation] {
    var found = log.garbage.map { BeatViolation.garbage(container: log.container, $0) }
    let lives = log.lives.sorted { $0.first < $1.first }
    for (index, life) in lives.enumerated() {
      // Sorted by their first beats: those after the first that begins when this one is over begin later still.
      for other in lives[(index + 1)...].prefix(while: { $0.first <= life.last }) {
        for (from, to) in together(life, other) {
          found.append(.overlap(container: log.container, life, other, from: from, to: to))
        }
      }
    }
    return found
  }
}
