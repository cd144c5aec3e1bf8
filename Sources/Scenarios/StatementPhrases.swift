import Simulator

/// What can be expected in a scenario.
enum StatementPhrases {
  static let sentences = Sentences<Statement>(
    phrases: workloads + AddressPhrases.statements + NodeCheckPhrases.statements + PartPhrases.statements + past + nodes,
    kind: "something that is so", example: "w1 runs on n2")

  private static let workloads: [Phrase<Statement>] = [
    .init("everything runs", "Each workload that is meant to run does, once, where it is placed and claimed.") { _ in
      .everythingRuns
    },
    .init("not everything runs", "The opposite.") { _ in .not(.everythingRuns) },
    .init("at least NUMBER workloads run", "So many execute, or more, wherever they are.") { .atLeastRun($0.number()) },
    .init("WORKLOAD runs", "It executes on some node.") { .runs($0.workload(), on: []) },
    .init("WORKLOAD or WORKLOAD runs", "One of the two executes on some node.") {
      let one = $0.workload()
      return .eitherRuns(one, $0.workload())
    },
    .init("WORKLOAD runs on NODES", "It executes on one of these nodes.") {
      let workload = $0.workload()
      return .runs(workload, on: $0.nodes())
    },
    .init("WORKLOAD does not run", "It executes nowhere.") { .not(.runs($0.workload(), on: [])) },
    .init("WORKLOAD does not run on NODES", "It executes on none of these nodes.") {
      let workload = $0.workload()
      return .not(.runs(workload, on: $0.nodes()))
    },
    .init("a copy of WORKLOAD runs on NODE", "It was started there by hand, and executes outside protection.") {
      let workload = $0.workload()
      return .copyRuns(workload, on: $0.node())
    },
    .init("no copy of WORKLOAD runs on NODE", "The opposite.") {
      let workload = $0.workload()
      return .not(.copyRuns(workload, on: $0.node()))
    },
    .init("WORKLOAD is frozen on NODE", "Its processes are there, frozen by the guard.") {
      let workload = $0.workload()
      return .isFrozen(workload, on: $0.node())
    },
    .init("WORKLOAD answers", "It executes, and its service answers.") { .answers($0.workload()) },
    .init("WORKLOAD does not answer", "The opposite.") { .not(.answers($0.workload())) },
    .init("WORKLOAD fails its check", "The node that holds it reports so.") { .failsChecks($0.workload()) },
    .init("WORKLOAD does not fail its check", "The opposite.") { .not(.failsChecks($0.workload())) },
    .init("the health of WORKLOAD is unknown", "The node that holds it reports that its check cannot be made.") {
      .healthIsUnknown($0.workload())
    },
    .init("the health of WORKLOAD is not unknown", "The opposite.") { .not(.healthIsUnknown($0.workload())) },
    .init("WORKLOAD waits", "It is placed nowhere.") { .waits($0.workload(), because: "") },
    .init("WORKLOAD waits because TEXT", "It is placed nowhere, and the stated reasons have this text in them.") {
      let workload = $0.workload()
      return .waits(workload, because: $0.text())
    },
    .init("NODE holds WORKLOAD", "Its claim is the node's, under a session that stands.") {
      let node = $0.node()
      return .holds(node, $0.workload())
    },
    .init("nobody holds WORKLOAD", "Its claim is released, or its session is gone.") { .nobodyHolds($0.workload()) },
    .init("WORKLOAD is protected", "Holdfast knows it, and it was not released.") { .isProtected($0.workload()) },
    .init("WORKLOAD is not protected", "The opposite.") { .not(.isProtected($0.workload())) }
  ]

  private static let past: [Phrase<Statement>] = [
    .init("WORKLOAD has started TIMES", "Since the beginning, libvirt began it so often.") {
      let workload = $0.workload()
      return .hasStarted(workload, times: $0.number())
    },
    .init("WORKLOAD has not started", "Since the beginning, libvirt did not begin it.") {
      .hasStarted($0.workload(), times: 0)
    },
    .init("WORKLOAD has moved", "Since the beginning, its claim went to another node.") { .hasMoved($0.workload()) },
    .init("WORKLOAD has not moved", "The opposite.") { .not(.hasMoved($0.workload())) },
    .init("nothing has moved", "Since the beginning, no claim went to another node.") { _ in .not(.anythingHasMoved) },
    .init(
      "WORKLOAD is never down longer than SPAN",
      "Since the beginning, or since it was defined, each of its outages was at most that long, whatever its reason."
    ) {
      let workload = $0.workload()
      return .isNeverDown(workload, longerThan: $0.span())
    },
    .init("NODE has said TEXT", "Since the beginning, its controller noted something with this text in it.") {
      let node = $0.node()
      return .hasSaid(node, $0.text(), within: nil)
    },
    .init("NODE has not said TEXT", "The opposite.") {
      let node = $0.node()
      return .not(.hasSaid(node, $0.text(), within: nil))
    },
    .init("NODE has said TEXT within SPAN of SPAN", "The same as `has said`, at the second time or so long after it.") {
      said(&$0)
    },
    .init("NODE has not said TEXT within SPAN of SPAN", "The opposite.") { .not(said(&$0)) }
  ]

  private static func said(_ filling: inout Filling) -> Statement {
    let node = filling.node(), text = filling.text(), length = filling.span()
    return .hasSaid(node, text, within: .init(from: filling.span(), length: length))
  }

  private static let nodes: [Phrase<Statement>] = [
    .init("nothing runs on NODE", "No workload executes there.") { .nothingRuns(on: $0.node()) },
    .init("NODE runs NUMBER workloads", "So many workloads execute there.") {
      let node = $0.node()
      return .count(node, $0.number())
    },
    .init("NODE has a session", "Its session stands in the store.") { .hasSession($0.node()) },
    .init("NODE has no session", "The opposite.") { .not(.hasSession($0.node())) },
    .init("NODES is the planner", "One of these nodes holds the planner's record.") { .isPlanner($0.nodes()) },
    .init("NODES is not the planner", "None of these nodes does.") { .not(.isPlanner($0.nodes())) },
    .init("somebody is the planner", "Some node with a session does.") { _ in .isPlanner([]) },
    .init("NODE is isolated", "Its guard has stopped everything.") { .isIsolated($0.node()) },
    .init("NODE is not isolated", "The opposite.") { .not(.isIsolated($0.node())) }
  ]
}
