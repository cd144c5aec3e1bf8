import HoldfastModel
import HoldfastTime

/// The work that is due in a turn, and when the rest is to be looked at again. One table says what change makes what due.
struct Agenda: Sendable {
  private enum Breadth: Comparable {
    /// Only those that are named.
    case named
    /// The workloads that this node does something about.
    case everyMachine
    case everyWorkload
  }

  /// The node's own matters: session, guard, plan, report, departure. Workloads are besides.
  private(set) var isTurnDue = true
  private(set) var isPlanDue = true
  private(set) var isReportDue = true
  private var workloads: Set<WorkloadName> = []
  /// More workloads that are due.
  private var breadth = Breadth.named

  private var workloadInstants: [WorkloadName: BootInstant] = [:]
  private var nodeInstant: BootInstant?
  /// Workloads whose start waits for another's end.
  private var waitingToStart: Set<WorkloadName> = []
  /// Workloads for which too little time is left to the deadline.
  private var waitingForTime: Set<WorkloadName> = []
  /// The alarm that is set, and the instant that it is for: a little earlier, where alarms are not that fine.
  private var alarm: (rings: BootInstant, due: BootInstant)?

  // MARK: what makes what due

  mutating func note(_ news: News) {
    isTurnDue = true
    switch news {
    case .listed: due(plan: true, report: true, .everyWorkload)
    // Where the last nodes leave, what they run waits for them.
    case .session(let hasComeOrGone): due(plan: true, hasComeOrGone ? .everyWorkload : .everyMachine)
    // A workload that leaves protection and is nobody's is forgotten by the planner.
    case .planner(let isThisNode): due(plan: true, isThisNode ? .everyWorkload : .named)
    case .node, .losses, .movesOff: due(plan: true)
    // What was to go there may have to stay, or may go.
    case .peerReport(let isOnAbility): due(plan: true, isOnAbility ? .everyMachine : .named)
    case .maintenance, .disarm: due(plan: true, .everyWorkload)
    // What may run more than once is told of where everything is frozen.
    case .policies: due(plan: true, report: true, .everyWorkload)
    case .claim(let workload, let matters, let isSeen): due(plan: matters, report: isSeen, workload)
    case .definition(let workload): due(plan: true, report: true, workload)
    case .placement(let workload, let isPlanned): due(plan: !isPlanned, workload)
    case .kill(let workload): due(workload)
    // Whether a domain is this node's hangs on what it wrote and on what the guard holds: the report tells of those that are not.
    case .write(let workload, let isSeen): due(report: isSeen, workload)
    case .operation(let workload, let freesStart):
      due(workload)
      if freesStart { workloads.formUnion(waitingToStart) }
    case .domains(let names), .guardLists(let names), .health(let names), .addresses(let names):
      due(report: true)
      workloads.formUnion(names)
    case .hypervisor(let isOutage): due(isOutage ? .everyWorkload : .everyMachine)
    case .guardPhase: due(report: true)
    case .guardAnew: due(report: true, .everyWorkload)
    case .ownSession, .departure: due(.everyWorkload)
    case .leaving: due(plan: true, .everyWorkload)
    case .plan: due(plan: true)
    case .report: due(report: true)
    // What fails here is left alone while the node's own checks fail.
    case .nodeHealth: due(report: true, .everyMachine)
    case .other: break
    }
  }

  private mutating func due(plan: Bool = false, report: Bool = false, _ workload: WorkloadName) {
    due(plan: plan, report: report)
    workloads.insert(workload)
  }

  private mutating func due(plan: Bool = false, report: Bool = false, _ breadth: Breadth = .named) {
    isPlanDue = isPlanDue || plan
    isReportDue = isReportDue || report
    self.breadth = max(self.breadth, breadth)
  }

  /// Makes everything due, as if nothing were known of what changed: a turn after that must ask for nothing. All but the plan: in an evacuation it
  /// depends on whose turn came last.
  mutating func noteEverything() {
    let isPlanDue = isPlanDue
    note(.listed)
    self.isPlanDue = isPlanDue
    nodeInstant = nil
  }

  // MARK: when to look again

  mutating func look(at instant: BootInstant) { nodeInstant = min(nodeInstant ?? instant, instant) }

  mutating func look(at workload: WorkloadName, at instant: BootInstant) {
    workloadInstants[workload] = min(workloadInstants[workload] ?? instant, instant)
  }

  /// A workload about which nothing can be begun now is looked at when it can; one that is busy is due when that ends.
  mutating func wait(_ workload: WorkloadName, for door: Door) {
    if case .shut(let until) = door { look(at: workload, at: until) }
  }

  mutating func drop(_ workload: WorkloadName) { workloadInstants[workload] = nil }

  mutating func waitToStart(_ workload: WorkloadName) { waitingToStart.insert(workload) }
  mutating func starts(_ workload: WorkloadName) { waitingToStart.remove(workload) }
  /// A start is over whose call had ended before: whoever waits for its place is looked at at once.
  mutating func startEnded(at now: BootInstant) { for workload in waitingToStart { look(at: workload, at: now) } }

  /// The workload is due when a renewal gives it the time; at the latest at that instant.
  mutating func waitForTime(_ workload: WorkloadName, until instant: BootInstant) {
    waitingForTime.insert(workload)
    look(at: workload, at: instant)
  }

  /// The deadline has moved. Where nothing waits for that, nothing is due.
  mutating func timeWasGained() {
    guard !waitingForTime.isEmpty else { return }
    isTurnDue = true
    workloads.formUnion(waitingForTime)
    waitingForTime.removeAll(keepingCapacity: true)
  }

  /// Nothing is to be looked at any more.
  mutating func forgetInstants() {
    workloadInstants = [:]
    nodeInstant = nil
    alarm = nil
  }

  // MARK: a turn

  /// An event comes. What it brings makes due what it makes due.
  mutating func begin() { isTurnDue = false }

  /// Whether anything is to be decided now: something changed, or the time has come that was asked for.
  func isDue(at now: BootInstant) -> Bool { isTurnDue || alarm.map { now >= $0.due } ?? true }

  mutating func takeNode(at now: BootInstant) { if let instant = nodeInstant, instant <= now { nodeInstant = nil } }

  mutating func takePlan() { isPlanDue = false }
  mutating func takeReport() { isReportDue = false }

  /// The workloads that are due now, sorted.
  ///
  /// - Parameter machines: of which this node has machines.
  mutating func takeWorkloads(
    at now: BootInstant, _ view: ClusterView, _ machines: some Sequence<WorkloadName>
  ) -> [WorkloadName] {
    for (workload, at) in workloadInstants where at <= now {
      workloadInstants[workload] = nil
      workloads.insert(workload)
    }
    if breadth >= .everyWorkload {
      workloads.formUnion(view.specs.keys)
      workloads.formUnion(view.claims.keys)
    }
    if breadth >= .everyMachine { workloads.formUnion(machines) }
    breadth = .named
    defer { workloads.removeAll(keepingCapacity: true) }
    return workloads.sorted()
  }

  /// An alarm that rang a moment early must not have been the last.
  mutating func alarmRang() { alarm = nil }

  /// The alarm to set, when it is another than the one that is set.
  mutating func nextAlarm(_ others: BootInstant?, now: BootInstant) -> BootInstant? {
    let next = [workloadInstants.values.min(), nodeInstant, others].compactMap { $0 }.min()
    guard let next else { return nil }
    let at = max(next, now + Limits.finestAlarm), isSet = alarm?.rings == at
    alarm = (at, next)
    return isSet ? nil : at
  }
}

/// Something that changed, as far as anything may be due because of it.
enum News: Hashable, Sendable {
  /// All of the store was read anew.
  case listed
  /// A node's session is in another phase now, or has come or gone.
  case session(hasComeOrGone: Bool)
  case planner(isThisNode: Bool)
  case policies, node, maintenance, losses, disarm, movesOff
  /// A report says something that plans depend on; where a node can run more than before, or less, moves depend on it as well.
  case peerReport(onAbility: Bool)
  case claim(WorkloadName, matters: Bool, isSeen: Bool)
  /// A spec or an intent.
  case definition(WorkloadName)
  /// A placement: as this node has planned it, or by a write that it did not hear of, which may be an earlier plan's.
  case placement(WorkloadName, isPlanned: Bool)
  /// A transaction about the workload ended.
  case write(WorkloadName, isSeen: Bool)
  /// An operation on the workload's domain ended; others may have waited for the end of a start.
  case operation(WorkloadName, freesStart: Bool)
  case domains(Set<WorkloadName>)
  /// Checks have told something of these workloads, or that nothing is to be told for a while.
  case health(Set<WorkloadName>)
  /// A check of this node is another than it was.
  case nodeHealth
  /// Neighbours have answered about these workloads' addresses, or the guard is another step further with them.
  case addresses(Set<WorkloadName>)
  /// A connection was lost or is back; or it told what it runs.
  case hypervisor(isOutage: Bool)
  case guardPhase
  case guardLists(Set<WorkloadName>)
  /// The guard is another one, or goes on after a stop.
  case guardAnew
  case kill(WorkloadName)
  /// This node's session opened, ended, or is valid again.
  case ownSession
  /// The departure has become fast, or the time to empty this node is over.
  case departure
  case leaving
  case plan
  case report
  case other
}

extension BootInstant {
  /// The earlier of two instants, of which either may not be there.
  static func earlier(_ a: BootInstant?, _ b: BootInstant?) -> BootInstant? {
    guard let a, let b else { return a ?? b }
    return min(a, b)
  }
}
