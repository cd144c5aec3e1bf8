import HoldfastModel

/// A node's knowledge of itself at one instant, whether or not the store takes it.
public struct OwnSight: Hashable, Sendable {
  public var node: NodeName
  /// The report that the node would write now.
  public var report: ReportRecord
  /// Workloads that it holds and that ran, and whose domain is seen to be gone while everything is frozen: what is `isolation: stop` was killed
  /// at the deadline.
  public var killed: Set<WorkloadName>
  /// Why it has no session; nil: it has one.
  public var absence: SessionAbsence?
  /// Why the store's layout is not this build's, so that the node begins nothing: a clause; nil: it is.
  public var formatFlaw: String?

  public init(
    node: NodeName, report: ReportRecord, killed: Set<WorkloadName> = [], absence: SessionAbsence? = nil,
    formatFlaw: String? = nil
  ) {
    self.node = node
    self.report = report
    self.killed = killed
    self.absence = absence
    self.formatFlaw = formatFlaw
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
    return OwnSight(
      node: facts.me, report: report, killed: report.freeze == nil ? [] : killed(),
      absence: machines.lease.absence(facts, machines.peers, machines.stance(facts), machines.guardLink),
      formatFlaw: facts.formatFlaw.map { "\($0)" })
  }

  private func killed() -> Set<WorkloadName> {
    let held = facts.view.claims.filter { $0.value.value.holder?.node == facts.me && $0.value.value.activity == .running }
    return Set(held.keys.filter { WorkloadFacts($0, facts, under: nil).sight == .absent })
  }
}
