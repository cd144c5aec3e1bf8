import HoldfastModel

/// Moves what is where a rule does not allow it: rules change, labels change, and workloads were placed before either.
extension PlanRun {
  /// Moves what can be moved, the least important first; what cannot stays and is told: running in the wrong place is better than
  /// not running.
  mutating func amend() {
    for workload in misplaced().sorted(by: { tables.goesFirst($1.workload, $0.workload) }).map(\.workload) {
      // Another one's move may have settled it.
      guard board.isPlaced(workload), let rule = violation(of: workload) else { continue }
      let here = Int(board.at[workload])
      board.take(workload, tables)
      search.prepare(workload, board, tables)
      if let best = search.best(board, tables), !best.score.waits, !best.score.isSilent, !best.score.isAiling {
        pinned[workload] = false
        accept(best, because: .notAllowed(rule: rule, on: wording.node(here)))
      } else {
        board.put(workload, on: here, tables)
        reunite(workload, because: rule)
      }
    }
  }

  /// Says of what could not be moved that it stays.
  mutating func tellMisplaced() {
    for (workload, rule) in misplaced() where waiting[workload] == nil {
      let node = wording.node(Int(board.at[workload]))
      warnings.append(PlanWarning(workload: wording.name(workload), .stays(node, against: rule)))
    }
  }

  private func misplaced() -> [(workload: Int, rule: String)] {
    tables.workloads.indices.compactMap { workload in
      guard board.isPlaced(workload), !fixed[workload] else { return nil }
      return violation(of: workload).map { (workload, $0) }
    }
  }

  /// The rule that does not allow a workload to be where it is.
  func violation(of workload: Int) -> String? {
    let node = Int(board.at[workload]), profile = Int(tables.profileOf[workload])
    if !tables.nodes.sets.contains(tables.profiles[profile].passing, node) {
      guard let filter = tables.profiles[profile].filters.first(where: { !tables.nodes.sets.contains($0.passing, node) }) else {
        return nil
      }
      return filter.kind == .dedicated ? tables.policies.nodes[Int(filter.rule)].name : wording.rule(filter.rule)
    }
    for index in tables.neighbours.checks(workload) {
      let check = tables.neighbours.checks[index]
      guard check.kind == .apart || check.kind == .clearOf else { continue }
      if neighbours(of: workload, counted: check, on: node) >= check.limit { return wording.rule(check.rule) }
    }
    for cohort in tables.neighbours.cohorts where cohort.tallies[workload] >= 0 {
      let tally = cohort.tallies[workload]
      if board.tallies[Int(tally)].main != board.domain(cohort.topology, node, tables) {
        return wording.rule(tables.neighbours.cohortRule[tally] ?? 0)
      }
    }
    return nil
  }

  /// Workloads in the same place that a check counts, besides the workload itself.
  private func neighbours(of workload: Int, counted check: Neighbours.Check, on node: Int) -> Int32 {
    let domain = board.domain(tables.neighbours.tallyTopology[Int(check.tally)], node, tables)
    let isCounted = tables.neighbours.counted[tables.neighbours.counted(workload)].contains(check.tally)
    return board.tallies[Int(check.tally)].count(domain) - (isCounted ? 1 : 0)
  }

  /// How well a workload's place suits it now; compare only what stands before the load.
  func standing(_ workload: Int) -> Score {
    let node = Int(board.at[workload]), profile = Int(tables.profileOf[workload])
    var score = Score(rank: tables.profiles[profile].rank(node, tables.nodes.sets))
    if tables.nodes.isSpare[node], !tables.profiles[profile].names(node, tables.nodes.sets) { score.spare = 1 }
    for avoided in tables.profiles[profile].avoided where tables.nodes.sets.contains(avoided.nodes, node) { score.broken += 1 }
    for index in tables.neighbours.checks(workload) {
      let check = tables.neighbours.checks[index]
      let there = neighbours(of: workload, counted: check, on: node)
      switch check.kind {
      case .apart, .clearOf: break
      case .ratherApart: score.broken += there >= check.limit ? 1 : 0
      case .ratherClearOf: score.broken += Int(there)
      case .ratherTogether:
        let isCounted = tables.neighbours.counted[tables.neighbours.counted(workload)].contains(check.tally)
        score.broken += Int(board.tallies[Int(check.tally)].total - (isCounted ? 1 : 0) - there)
      }
    }
    return score
  }
}
