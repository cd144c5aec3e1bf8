import HoldfastModel
import HoldfastTime

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
  /// Seconds for which nothing under protection has executed here, for certain; nil: something may.
  public var frozenFor: Double?
  /// What it knows without the store; nil: it has read the store.
  public var unread: UnreadSight?

  public init(
    node: NodeName, report: ReportRecord, killed: Set<WorkloadName> = [], absence: SessionAbsence? = nil,
    formatFlaw: String? = nil, frozenFor: Double? = nil, unread: UnreadSight? = nil
  ) {
    self.node = node
    self.report = report
    self.killed = killed
    self.absence = absence
    self.formatFlaw = formatFlaw
    self.frozenFor = frozenFor
    self.unread = unread
  }
}

/// A node's knowledge of what is under protection on it, as long as its controller has not read the store: a controller that begins on a node that is
/// cut off knows nothing else, and what is frozen there must not look as if there were nothing.
public struct UnreadSight: Hashable, Sendable {
  /// A workload by its domain's mark, or as the guard names it.
  public struct Workload: Hashable, Sendable {
    public var name: WorkloadName
    /// Its domain here; nil: none is seen.
    public var domain: DomainObservation?
    /// The guard stops it in time; nil: there is no guard that could say.
    public var isGuarded: Bool?

    public init(_ name: WorkloadName, domain: DomainObservation?, isGuarded: Bool?) {
      self.name = name
      self.domain = domain
      self.isGuarded = isGuarded
    }
  }
  /// As its configuration says.
  public var record: NodeRecord
  /// Sorted by name.
  public var workloads: [Workload]
  /// Every connection tells what it runs: a domain that is not seen is not here.
  public var isComplete: Bool

  public init(record: NodeRecord, workloads: [Workload], isComplete: Bool) {
    self.record = record
    self.workloads = workloads
    self.isComplete = isComplete
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
      formatFlaw: facts.formatFlaw.map { "\($0)" },
      frozenFor: machines.guardLink.frozenSince.map { max(.zero, facts.now - $0).inSeconds },
      unread: facts.view.isLoaded ? nil : unread())
  }

  private func unread() -> UnreadSight {
    let link = machines.guardLink
    var domains: [WorkloadName: DomainObservation] = [:]
    for domain in facts.local.domains.values where facts.isMarked(domain) {
      if let mark = domain.mark { domains[WorkloadName(mark.workload)] = domain }
    }
    let names = Set(domains.keys).union(link.workloads.map { WorkloadName($0) })
    return UnreadSight(
      record: facts.configuration.record,
      workloads: names.sorted().map { name in
        UnreadSight.Workload(
          name, domain: domains[name], isGuarded: link.isConnected ? link.workloads.contains(name.text) : nil)
      },
      isComplete: facts.local.isComplete && facts.local.unreachable.isEmpty)
  }

  private func killed() -> Set<WorkloadName> {
    let held = facts.view.claims.filter { $0.value.value.holder?.node == facts.me && $0.value.value.activity == .running }
    return Set(held.keys.filter { WorkloadFacts($0, facts, under: nil).sight == .absent })
  }
}
