import HoldfastModel
import HoldfastTime

/// The wall clocks of the other nodes, beside this node's: one that is off is told. Nothing is decided by them.
struct PeerClocks: Sendable {
  private struct Seen: Hashable, Sendable {
    var node: NodeName
    /// Milliseconds that the node's clock is ahead of this one's, as far as was seen since `began`. A record that comes late makes it look slow, so the
    /// greatest counts.
    var ahead: Int64
    var began: BootInstant
    /// The same of the time before; nil: there was none.
    var settled: Int64?
  }
  private var seen: [Incarnation: Seen] = [:]
  /// As long as this node's clock is off, or may be; nil: it is not, as far as is known.
  private(set) var flaw: NodeFlaw?

  /// A session was renewed, or is gone.
  mutating func saw(_ incarnation: Incarnation, _ record: SessionRecord?, _ facts: Facts, _ effects: inout Effects) {
    guard let record else {
      seen[incarnation] = nil
      // Nobody is left to compare it with. What was said is not said again for that.
      if seen.isEmpty { flaw = nil }
      return
    }
    guard record.node != facts.me, let clock = record.clock, let own = facts.wallTime else { return }
    let ahead = clock - own
    guard var known = seen[incarnation] else {
      seen[incarnation] = Seen(node: record.node, ahead: ahead, began: facts.now)
      return
    }
    known.ahead = max(known.ahead, ahead)
    let isOver = facts.now - known.began >= Limits.clockWindow
    if isOver { known = Seen(node: record.node, ahead: ahead, began: facts.now, settled: known.ahead) }
    seen[incarnation] = known
    if isOver { tell(facts, &effects) }
  }

  private mutating func tell(_ facts: Facts, _ effects: inout Effects) {
    let settled = seen.values.compactMap(\.settled).sorted()
    // Who is alike is told of all of them, or not yet.
    guard let low = settled.count < seen.count || settled.isEmpty ? nil : settled[(settled.count - 1) / 2] else { return }
    let high = settled[settled.count / 2]
    // Where half of the others agree with this node, it is the others' matter.
    let ahead = low.magnitude < high.magnitude ? low : high
    guard isOff(ahead) else {
      flaw = nil
      effects.unsay(.clock)
      return
    }
    let seconds = ahead.magnitude / 1000
    // Said again when it is another figure only.
    let rough = seconds > 120 ? "\(seconds / 60) min" : "more than \(Int(Limits.clockTolerance.inSeconds)) s"
    let (count, alike) = (settled.count, seen.values.filter { $0.settled.map { !isOff($0 - ahead) } ?? false }.map(\.node))
    // Most of all clocks, this one counted, have to agree that it is this one that is off.
    guard alike.count * 2 > count + 1 else {
      let others = Set(alike).sorted()
      flaw = Self.standOffFlaw(others, isPair: count == 1, rough, isBehind: ahead > 0)
      effects.noteOnce(.clock, Self.standOff(facts.me, others, isPair: count == 1, rough, isBehind: ahead > 0))
      return
    }
    flaw = NodeFlaw(
      NodeFlaw.clock,
      "has a clock that is \(rough) \(ahead > 0 ? "behind" : "ahead of") the other nodes' clocks: times in its commands and events are wrong"
    )
    effects.noteOnce(
      .clock,
      "the clock of \(facts.me) is \(rough) \(ahead > 0 ? "behind" : "ahead of") the other nodes' clocks. Set it: times in commands and events of this node are wrong"
    )
  }

  private func isOff(_ difference: Int64) -> Bool { difference.magnitude > UInt64(Limits.clockTolerance.inSeconds * 1000) }

  /// The same as a flaw of this node.
  private static func standOffFlaw(_ others: [NodeName], isPair: Bool, _ difference: String, isBehind: Bool) -> NodeFlaw {
    let names = InWords.list(others.map(\.text), most: 3)
    return NodeFlaw(
      NodeFlaw.clock,
      "has a clock that is \(difference) \(isBehind ? "behind" : "ahead of") \(others.count == 1 ? "that" : "those") of \(names), and "
        + (isPair ? "which one is wrong nobody can tell here" : "there is no majority that agrees which is right"))
  }

  /// Nobody can tell from here which is right.
  ///
  /// - Parameters:
  ///   - others: whose clocks differ from this one's by so much.
  ///   - isPair: there are no other clocks than these two. Both nodes say the same then.
  private static func standOff(
    _ me: NodeName, _ others: [NodeName], isPair: Bool, _ difference: String, isBehind: Bool
  ) -> String {
    guard !isPair else {
      let both = InWords.list((others + [me]).sorted().map(\.text), most: 2)
      return
        "the clocks of \(both) differ by \(difference): one of them is wrong, and which one nobody can tell here. Compare both with a time server"
    }
    let (those, names) = (others.count == 1 ? "that" : "those", InWords.list(others.map(\.text), most: 3))
    return "the clock of \(me) is \(difference) \(isBehind ? "behind" : "ahead of") \(those) of \(names), "
      + "and there is no majority that agrees which is right. Compare all clocks with a time server"
  }
}
