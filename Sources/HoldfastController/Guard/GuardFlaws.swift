import GuardCore
import HoldfastModel
import HoldfastTime

/// The guard's last word of what it needs and does not have, and what people were told of it.
struct GuardFlaws: Hashable, Sendable {
  private var health = GuardHealth()
  /// The flaws that follow from that, sorted.
  private(set) var list: [NodeFlaw] = []
  /// The codes of those that people were told of and that are not known to be over.
  private var told: Set<String> = []

  private static func flaws(of health: GuardHealth, _ timing: Timing) -> [NodeFlaw] {
    var flaws: [NodeFlaw] = []
    switch health.watchdog {
    case .unusable(let reason):
      flaws.append(
        NodeFlaw(NodeFlaw.watchdog, "is without its fence: its guard cannot use the hardware watchdog (\(reason))"))
    case .opening:
      flaws.append(
        NodeFlaw(
          NodeFlaw.watchdogOpening, "is not known to have its fence: its hardware watchdog's driver has not answered yet"))
    case .open(nil):
      flaws.append(
        NodeFlaw(
          NodeFlaw.watchdogUntold,
          "is not known to have its fence in time: its hardware watchdog's driver does not tell after how long it resets the host"
        ))
    case .open(let timeout?) where .seconds(timeout) > timing.fenceLimit:
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
    // The same flaw for another reason is no news. Nor is a watchdog that is being opened: each guard begins with that, and soon knows.
    let before = told, flaws = Self.flaws(of: said, facts.timing), codes = Set(flaws.map(\.code))
    health = said
    list = flaws.sorted()
    told = said.watchdog == .opening ? before.union(codes) : codes
    told.remove(NodeFlaw.watchdogOpening)
    for flaw in flaws where told.contains(flaw.code) && !before.contains(flaw.code) {
      let isMilder = [NodeFlaw.watchdogLate, NodeFlaw.watchdogUntold].contains(flaw.code)
      effects.note(.guardFlawed, "\(facts.me) \(flaw.text)", severity: isMilder ? .warning : .error)
    }
    if told.isEmpty, !before.isEmpty { effects.note(.guardBack, "the guard of \(facts.me) has all that it needs") }
    effects.agenda.note(.report)
  }
}
