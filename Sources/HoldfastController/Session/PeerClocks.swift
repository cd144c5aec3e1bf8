import HoldfastModel
import HoldfastTime

/// The wall clocks of the other nodes, beside this node's: one that is off is told. Nothing is decided by them.
struct PeerClocks: Sendable {
  private struct Seen: Hashable, Sendable {
    /// Milliseconds that the node's clock is ahead of this one's, as far as was seen since `began`. A record that comes late makes it look slow, so the
    /// greatest counts.
    var ahead: Int64
    var began: BootInstant
    /// The same of the time before; nil: there was none.
    var settled: Int64?
  }
  private var seen: [Incarnation: Seen] = [:]

  /// A session was renewed, or is gone.
  mutating func saw(_ incarnation: Incarnation, _ record: SessionRecord?, _ facts: Facts, _ effects: inout Effects) {
    guard let record else {
      seen[incarnation] = nil
      return
    }
    guard record.node != facts.me, let clock = record.clock, let own = facts.wallTime else { return }
    let ahead = clock - own
    guard var known = seen[incarnation] else {
      seen[incarnation] = Seen(ahead: ahead, began: facts.now)
      return
    }
    known.ahead = max(known.ahead, ahead)
    let isOver = facts.now - known.began >= Limits.clockWindow
    if isOver { known = Seen(ahead: ahead, began: facts.now, settled: known.ahead) }
    seen[incarnation] = known
    if isOver { tell(facts, &effects) }
  }

  private func tell(_ facts: Facts, _ effects: inout Effects) {
    let settled = seen.values.compactMap(\.settled).sorted()
    guard let low = settled.isEmpty ? nil : settled[(settled.count - 1) / 2] else { return }
    let high = settled[settled.count / 2]
    // Where half of the others agree with this node, it is the others' matter.
    let ahead = low.magnitude < high.magnitude ? low : high
    guard ahead.magnitude > UInt64(Limits.clockTolerance.inSeconds * 1000) else {
      effects.unsay(.clock)
      return
    }
    let seconds = ahead.magnitude / 1000
    // Said again when it is another figure only.
    let rough = seconds > 120 ? "\(seconds / 60) min" : "more than \(Int(Limits.clockTolerance.inSeconds)) s"
    effects.noteOnce(
      .clock,
      "the clock of \(facts.me) is \(rough) \(ahead > 0 ? "behind" : "ahead of") the other nodes' clocks. Set it: times in commands and events of this node are wrong"
    )
  }
}
