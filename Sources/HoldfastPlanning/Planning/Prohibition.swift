import HoldfastModel

extension PolicyPlanner {
  /// What keeps a workload, or one that must go with it, off a node, whatever room there is: a rule, that libvirt there cannot run it, or a definition
  /// that is in its way; nil: nothing does, or one of the two is not in the snapshot.
  public func prohibition(of name: WorkloadName, on node: NodeName, in snapshot: PlanningSnapshot) -> Exclusion? {
    var run = run(on: snapshot)
    guard let row = run.tables.workloads.firstIndex(where: { $0.name == name }), let target = run.tables.nodes.row(node) else {
      return nil
    }
    let here = run.board.at[row]
    guard here != Int32(target) else { return nil }
    // Those that must be on its node go with it, as when the planner serves the move.
    let unit = [row] + (here >= 0 ? run.unitMates(of: row).filter { run.board.at[$0] == here } : [])
    for member in unit where run.board.at[member] >= 0 { run.board.take(member, run.tables) }
    run.search.prepare(unit, run.board, run.tables)
    guard let refusal = run.search.refusal(target, run.board, run.tables) else { return nil }
    let exclusion = run.wording.exclusion(refusal, of: run.search, by: target, run.board)
    return exclusion.isLasting ? exclusion : nil
  }
}

extension Exclusion {
  /// A rule is against it, or what the node is: neither time nor room changes that.
  fileprivate var isLasting: Bool {
    switch self {
    case .incompatible, .leftover: true
    case .onlyOn, .neverOn, .notInOrder, .dedicated, .apart, .apartInPlace, .together, .togetherInPlace, .contradiction: true
    default: false
    }
  }
}
