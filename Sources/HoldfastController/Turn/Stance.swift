import HoldfastModel

/// How this node stands in the cluster.
struct Stance: Hashable, Sendable {
  /// A clean departure is under way; its host goes down soon when it is fast, and nothing is moved while it runs.
  var departure: DeparturePace?
  /// It leaves, and so does every other node that could take something: what it runs goes down with it, and keeps its place.
  var leavesLast = false
  /// The time to empty this node is over: nothing that is on its way while it runs is waited for any more.
  var isPastDeadline = false
  var isPlanner = false
  /// The store's layout is a later build's.
  var isOutdated = false

  var isLeaving: Bool { departure != nil }
  var leavesFast: Bool { departure == .fast }
  /// Nothing is begun and nothing decided: what runs here runs on. It may leave all the same.
  var decidesNothing: Bool { isOutdated && !isLeaving }

  /// A node that leaves takes the planner's role only when nobody else is there who could: otherwise it would wait for a planner for ever.
  func mayPlanForOthers(_ facts: Facts) -> Bool {
    !isLeaving || !facts.view.sessions.values.contains { $0.value.phase == .active && $0.value.node != facts.me }
  }
}
