import HoldfastModel
import HoldfastTime

/// The machines of one controller. Each owns its state; here are the questions that more than one of them is asked for.
struct Machines: Sendable {
  var lease: Lease
  var peers: PeerExpiry
  var clocks = PeerClocks()
  var guardLink = GuardLink()
  var planning = PlannerRole()
  var workloads = WorkloadTable()
  var report = NodeReport()
  var departure = Departure()
  var drain = DrainDeadline()
  var nodeChecks = NodeCheckWatch()

  init(_ configuration: ControllerConfiguration, saved: OwnSession.Saved?) {
    lease = Lease(configuration, saved: saved)
    peers = PeerExpiry(timing: configuration.timing)
  }

  /// A transition that is none of the listed ones; nil: there was none.
  var breach: String? {
    workloads.breach ?? lease.breach ?? peers.breach ?? guardLink.breach ?? departure.breach ?? report.breach
      ?? planning.breach
  }

  func isPlanner(_ facts: Facts) -> Bool {
    guard let own = lease.session.incarnation, let planner = facts.view.planner?.value.incarnation else { return false }
    return planner == own
  }

  /// The turn that begins, with what holds for the whole of it.
  func turn(_ facts: Facts) -> Turn {
    let session = lease.session.permit(facts)
    let word = guardLink.word(within: session)
    return Turn(at: facts.now, session, word, stance(facts))
  }

  func stance(_ facts: Facts) -> Stance {
    Stance(
      departure: departure.pace, leavesLast: departure.pace != nil && !Departure.somebodyStays(facts),
      isPastDeadline: drain.isPast, isPlanner: isPlanner(facts),
      isOutdated: facts.formatFlaw != nil)
  }

  /// The session does not stand any more, whatever the cluster is.
  func isOutOfTime(_ facts: Facts) -> Bool {
    if let deadline = lease.session.deadline { return facts.now >= deadline }
    return facts.bornAt.map { facts.now >= $0 + facts.timing.ttl } ?? false
  }

  /// The guard protects something, as far as it has said.
  var protectsSomething: Bool {
    guardLink.workloads.contains { workloads[WorkloadName($0)]?.parts.protection.isForgotten != true }
  }

  /// Something of an ended session may go on here: this controller stays until it has seen that everything is frozen.
  var mayExecute: Bool {
    if guardLink.isFreezing { return false }
    return guardLink.isAboutToFreeze || protectsSomething
      || workloads.all.contains { $0.parts.protection.told != nil || !$0.parts.run.isIdle }
  }
}
