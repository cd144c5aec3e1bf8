import HoldfastModel

/// A node's knowledge of itself at one instant, whether or not the store takes it.
public struct OwnSight: Hashable, Sendable {
  public var node: NodeName
  /// The report that the node would write now.
  public var report: ReportRecord
  /// Workloads that it holds and that ran, and whose domain is seen to be gone while everything is frozen: what is `isolation: stop` was killed
  /// at the deadline.
  public var killed: Set<WorkloadName>

  public init(node: NodeName, report: ReportRecord, killed: Set<WorkloadName> = []) {
    self.node = node
    self.report = report
    self.killed = killed
  }
}

/// The basis of an `OwnSight`. A value that shares its storage with the controller until one of them changes, as `PlanningBasis` does.
public struct OwnBasis: Sendable {
  private let facts: Facts
  private let machines: Machines

  init(_ facts: Facts, _ machines: Machines) {
    self.facts = facts
    self.machines = machines
  }

  /// Walks through every workload of the node.
  public func sight() -> OwnSight {
    let report = NodeReport.record(machines.turn(facts), facts, machines.workloads, machines.guardLink)
    return OwnSight(node: facts.me, report: report, killed: report.freeze == nil ? [] : killed())
  }

  private func killed() -> Set<WorkloadName> {
    let held = facts.view.claims.filter { $0.value.value.holder?.node == facts.me && $0.value.value.activity == .running }
    return Set(held.keys.filter { WorkloadFacts($0, facts, under: nil).sight == .absent })
  }
}
