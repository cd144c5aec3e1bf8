import HoldfastModel

/// Brings workloads back to what they like better, when their policies let them go by themselves.
extension PlanRun {
  mutating func failBack() {
    var seen: Set<Int32> = []
    var movable: [Int] = []
    for workload in tables.workloads.indices where mayGoBack(workload) { movable.append(workload) }
    for workload in movable.sorted(by: tables.goesFirst) {
      let affinityGroup = tables.neighbours.affinityGroup[workload]
      if affinityGroup < 0 {
        failBack(workload)
      } else if seen.insert(affinityGroup).inserted {
        failBack(affinityGroup: Int(affinityGroup), led: workload)
      }
    }
  }

  /// The workload might be better off elsewhere, and may go there now.
  private mutating func mayGoBack(_ workload: Int) -> Bool {
    let profile = Int(tables.profileOf[workload])
    guard tables.profiles[profile].settings.failback.mode == .automatic, board.isPlaced(workload), !fixed[workload],
      !pinned[workload]
    else { return false }
    let standing = standing(workload)
    guard standing.spare > 0 || standing.broken > 0 || tables.profiles[profile].isChoosy else { return false }
    let windows = tables.profiles[profile].settings.failback.windows
    if windows.isEmpty { return true }
    guard let time = tables.time else { return false }
    let minutes = windows.map { $0.minutes(from: time) }.min() ?? 0
    if minutes > 0 { lookAgain(after: Double(minutes * 60)) }
    return minutes == 0
  }

  private mutating func failBack(_ workload: Int) {
    let here = Int(board.at[workload]), now = standing(workload)
    let gain = tables.profiles[Int(tables.profileOf[workload])].leastGain
    board.take(workload, tables)
    search.prepare(workload, board, tables)
    let stable = stability(for: workload)
    var soonest = Double.infinity
    var best: (node: Int, score: Score)?
    search.scan(board, tables) { node, score in
      guard node != here, !score.waits, !score.isSilent, !score.isAiling, Self.isBetter(score, than: now, by: gain) else {
        return
      }
      let left = stable(node)
      soonest = min(soonest, left)
      if left <= 0, best.map({ score < $0.score }) ?? true { best = (node, score) }
    }
    if let best {
      accept(best, because: .backFrom(wording.node(here)))
    } else {
      board.put(workload, on: here, tables)
      if soonest < .infinity { lookAgain(after: soonest) }
    }
  }

  /// Better than where it is by what stands before the load: nothing moves to and fro for the load's sake.
  private static func isBetter(_ score: Score, than now: Score, by gain: Int) -> Bool {
    if score.spare != now.spare { return score.spare < now.spare }
    if score.broken != now.broken { return score.broken < now.broken }
    return score.rank + gain <= now.rank
  }

  /// Seconds that a node must still prove itself before the workload goes there.
  private func stability(for workload: Int) -> (Int) -> Double {
    let after = tables.profiles[Int(tables.profileOf[workload])].settings.failback.after
    let nodes = tables.nodes.nodes
    return { node in nodes[node].availableFor.map { after - $0 } ?? 0 }
  }

  // MARK: affinity groups

  private mutating func failBack(affinityGroup number: Int, led workload: Int) {
    let members = tables.neighbours.affinityGroups[number].map(Int.init).filter { board.isPlaced($0) }
    let places = Dictionary(uniqueKeysWithValues: members.map { ($0, Int(board.at[$0])) })
    // A member that may not go holds the others.
    guard members.allSatisfy({ mayStir($0) }) else { return }
    let before = total(members)
    let stable = stability(for: workload)
    let gain = tables.profiles[Int(tables.profileOf[workload])].leastGain
    let isMoved = moveAffinityGroup(
      number, because: .backTogether,
      among: { [tables] member, node in
        places[member] == node || stable(node) <= 0 && !tables.nodes.isSilent[node] && !tables.nodes.ailments.isAiling[node]
      },
      if: { run in Self.isBetter(run.total(members), than: before, by: gain) })
    if isMoved { return }
    let proving = (0..<tables.nodes.count).lazy.filter { [tables] in tables.nodes.isAvailable[$0] }.map(stable).filter {
      $0 > 0
    }
    guard let soonest = proving.min() else { return }
    // Whether it would go somewhere if it did not have to wait: tried, and undone.
    var wouldMove = false
    _ = moveAffinityGroup(number, because: .backTogether, among: { _, _ in true }) { run in
      wouldMove = Self.isBetter(run.total(members), than: before, by: gain)
      return false
    }
    if wouldMove { lookAgain(after: soonest) }
  }

  private func mayStir(_ workload: Int) -> Bool {
    !fixed[workload] && !pinned[workload]
      && tables.profiles[Int(tables.profileOf[workload])].settings.failback.mode == .automatic
  }

  private func total(_ members: [Int]) -> Score {
    members.reduce(into: Score()) { sum, member in
      let score = standing(member)
      sum.spare += score.spare
      sum.broken += score.broken
      sum.rank += score.rank
    }
  }
}
