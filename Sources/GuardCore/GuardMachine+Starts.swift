// What becomes of starts that keep a freeze from being confirmed.

import HoldfastTime

extension GuardMachine {
  /// Kills the starts that are under way, where the deadline has passed and the freeze has not been confirmed in its time. Their memory is seconds old; and
  /// while the freeze is not confirmed, the node is of no use to anybody. With its SIGKILL pending a process executes nothing more, whatever it
  /// waits for. Tried again after the same time: another start may have come.
  mutating func endStarts(_ now: BootInstant) {
    guard case .isolated(var isolated) = phase, isolated.killsAt == nil, let due = isolated.startsEndAt, now >= due else {
      return
    }
    isolated.startsEndAt = now + times.freezeLimit
    let targets = isolated.knowsAll ? startTargets : []
    // Who is spared may have changed.
    kills = kills.filter { !$0.value.isOfStart || targets.contains($0.key) }
    let new = targets.filter { kills[$0] == nil }
    let isSaid = isolated.saidStarts || new.isEmpty
    isolated.saidStarts = isolated.saidStarts || !new.isEmpty
    phase = .isolated(isolated)
    if !isSaid {
      let names = new.compactMap(\.workload).joined(separator: ", ")
      log(.warning, "the freeze is not confirmed, and starts are under way (\(names)): killing what is in no known cgroup")
    }
    beginKills(new, isolation: false, isOfStart: true, now)
  }

  /// Each start whose cgroup nobody knows. None, while anything else may be where nobody knows: it is not told from a start.
  private var startTargets: [KillTarget] {
    let known = workloads.values
    guard mayStart, known.allSatisfy({ $0.isStarting || $0.cgroup != nil }) else { return [] }
    let spared = Set(known.compactMap(\.cgroup)).union(released.values)
    return known.filter { $0.cgroup == nil }.map(\.name).sorted().map { .unseen(name: $0, cgroup: nil, sparing: spared) }
  }

  /// The freeze is confirmed without them, and a process that does not even take its SIGKILL (it hangs in the kernel) is not waited for.
  mutating func dropEndedStarts() {
    guard case .isolated(let isolated) = phase, isolated.confirmed else { return }
    for (target, kill) in kills where kill.isOfStart && kill.overdue { kills[target] = nil }
  }
}
