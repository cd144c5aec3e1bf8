import GuardCore
import HoldfastModel
import HoldfastTime

/// The guard's last word of what it needs and does not have, and what people were told of it.
struct GuardFlaws: Hashable, Sendable {
  private var health = GuardHealth()
  /// The flaws that follow from that, sorted.
  private(set) var list: [NodeFlaw] = []

  private static func flaws(of health: GuardHealth, _ timing: Timing) -> [NodeFlaw] {
    var flaws: [NodeFlaw] = []
    switch health.watchdog {
    case .unusable(let reason):
      flaws.append(
        NodeFlaw(NodeFlaw.watchdog, "is without its fence: its guard cannot use the hardware watchdog (\(reason))"))
    case .open(let timeout) where .seconds(timeout) > timing.fenceLimit:
      flaws.append(
        NodeFlaw(
          NodeFlaw.watchdogLate,
          "is without its fence in time: its hardware watchdog resets the host \(timeout) s after it hangs, "
            + "and other nodes may take its workloads over after \(InWords.number(timing.fenceLimit.inSeconds)) s"))
    case .open, .none: break
    }
    if let reason = health.recordFlaw {
      flaws.append(
        NodeFlaw(
          NodeFlaw.guardState,
          "has a guard that cannot write down what it guards (\(reason)): when that guard ends, everything is frozen at once"))
    }
    return flaws
  }

  mutating func take(_ said: GuardHealth, _ facts: Facts, _ effects: inout Effects) {
    guard said != health else { return }
    // The same flaw for another reason is no news.
    let before = Set(list.map(\.code)), flaws = Self.flaws(of: said, facts.timing)
    health = said
    list = flaws.sorted()
    for flaw in flaws where !before.contains(flaw.code) {
      effects.note(.guardFlawed, "\(facts.me) \(flaw.text)", severity: flaw.code == NodeFlaw.watchdogLate ? .warning : .error)
    }
    if flaws.isEmpty, !before.isEmpty { effects.note(.guardBack, "the guard of \(facts.me) has all that it needs") }
    effects.agenda.note(.report)
  }
}
