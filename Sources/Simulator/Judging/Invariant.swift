/// What must never be, or must be in the end. The raw values are what people read.
public enum Invariant: String, CaseIterable, Sendable {
  // At every instant.
  case oneNode = "one workload, one node"
  case executingNeedsClaim = "executing needs the claim"
  case startingNeedsEpoch = "starting needs the claim's epoch"
  case memoryIsLatest = "what is resumed has the latest memory"
  case epochsGrow = "epochs only grow"
  case sessionsEndInTime = "a session ends when nothing executes under it"
  case stoppedDies = "what is isolation: stop dies with its session"
  case claimsFollow = "a claim needs the placement and a session"
  case plannerPlaces = "only the planner places"
  case unmanagedUntouched = "what is not protected is never touched"
  case rulesHold = "nothing is placed where a rule forbids it"
  case limitsHold = "no node is loaded over its limit"
  case recordsFit = "records can be read and fit together"
  case noMassFailover = "a store outage is no mass fail-over"
  case nothingIsOverlooked = "nothing is overlooked"
  case coreIsSound = "the core's checks of itself hold"
  case expiryIsWhole = "a full store ends nobody's session"
  case noCircles = "nothing goes round in circles"
  case noFloods = "a guard is asked for a bounded number of things"
  case nothingStaysFrozen = "what could run elsewhere does not stay frozen"
  // In the end.
  case everythingRuns = "what can run runs"
  case reasonsAreStated = "what does not run has a stated reason"
  case nothingMoves = "nothing moves any more"
  case nodesAreBack = "every node is back"
}
