import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

extension PolicyFile {
  /// Every key of a policy file, with what holds without it. `Docs/policies.md` shows this table.
  public static let keys = KeyTable(clusterKeys + nodeKeys + workloadKeys + nodeCheckKeys)

  private static let clusterKeys: [KeyTable.Row] = [
    .init(
      "cluster.spread", words(Spread.self), .value("least-loaded"),
      "Which of the nodes that can take a workload gets it, where no preference decides."),
    .init(
      "cluster.load", "list of resources", .value("[memory, cpus]"),
      "What the load of a node is: the fullest of these, as a share of its capacity."),
    .init(
      "cluster.count-unprotected", "`yes` or `no`", .value("yes"),
      "Whether domains that Holdfast does not protect count: they use memory too."),
    .init(
      "cluster.survive", "`{nodes: 1}`, `{rack: 1}`, `{rack=b: 1}`", .rule("nothing is kept free"),
      "Room is kept for so many failures at once: of nodes, of values of a label, or of what is selected."),
    .init("cluster.survive.tolerate", "percentage, 0% to 90%", .value("0%"), "What workloads may have to do without after it."),
    .init(
      "cluster.survive.otherwise", words(Survival.Otherwise.self), .value("warn"),
      "What happens to new workloads that would use this room."),
    .init(
      "cluster.pool", "`{NAME: NUMBER}`", .value("{}"), "Countable things that all nodes share, such as floating licences."),
    .init(
      "cluster.moves-to-make-room", "integer, 0 to 4", .value("\(ClusterPolicy.defaultMovesToMakeRoom)"),
      "How many workloads may be moved so that one finds room; only those with `make-room: yes`."),
    .init(
      "cluster.moves.at-once", "integer, 1 to 1000", .value("\(MovePace.defaultAtOnce)"),
      "How many workloads move by themselves at a time."),
    .init(
      "cluster.moves.per-node", "integer, 1 to 1000", .value("\(MovePace.defaultPerNode)"),
      "How many of these leave one node, or come to it, at a time."),
    .init(
      "cluster.moves.halt-after", "integer, 1 to 1000", .value("\(MovePace.defaultHaltAfter)"),
      "After so many moves in a row that did not start on their new node no more are begun until `holdfast moves on`.")
  ]

  private static let nodeKeys: [KeyTable.Row] = [
    .init("nodes", "list", .rule("no rules for nodes"), "Rules for nodes."),
    .init("nodes[].name", "text", .required, "The rule's name, which explanations quote."),
    .init("nodes[].for", "selection", .required, "Which nodes."),
    .init("nodes[].spare", "`yes` or `no`", .value("no"), "Takes workloads only when no other node can."),
    .init("nodes[].only-for", "selection of workloads", .rule("any workload"), "Takes no other workloads."),
    .init(
      "nodes[].capacity", "`{RESOURCE: AMOUNT}`", .rule("what the node says of itself"),
      "Memory, `cpus`, or anything that can be counted: `{gpus: 2}`."),
    .init("nodes[].overcommit", "`{RESOURCE: FACTOR}`", .rule("1"), "How many times a resource is given away: `{cpus: 4}`."),
    .init(
      "nodes[].reserve", "`{RESOURCE: AMOUNT}`", .value("{}"),
      "What is kept free: `{memory: 4GiB, cpus: 10%}`. Taken off first.")
  ]

  private static let nodeCheckKeys: [KeyTable.Row] = [
    .init(
      "node-checks", "list", .rule("nodes are not looked at"),
      "What tells whether nodes are fit to run workloads: [checks.md](checks.md#node-checks)."),
    .init("node-checks[].name", "name", .required, "The check's name, which screens and events quote."),
    .init("node-checks[].for", "selection of nodes", .rule("all nodes"), "The nodes on which it is made."),
    .init("node-checks[].link", "name", .rule("each check asks one thing"), "This network interface is up and has a carrier."),
    .init("node-checks[].ping", "address or name", .rule("the same"), "It answers an ICMP echo."),
    .init("node-checks[].gateway", "`yes`", .rule("the same"), "The gateway of the default route answers an ICMP echo."),
    .init(
      "node-checks[].writable", "path", .rule("the same"),
      "A file can be made, written to the disk and removed in this directory."),
    .init("node-checks[].disk-space", "mapping", .rule("the same"), "A file system has room."),
    .init("node-checks[].disk-space.path", "path", .required, "Of a file or directory on it."),
    .init("node-checks[].disk-space.free", "percentage, or memory", .required, "So much is to be free: `5%`, `2GiB`."),
    .init("node-checks[].memory", "mapping with one key", .rule("the same"), "The node has memory to work with."),
    .init(
      "node-checks[].memory.pressure", "percentage", .rule("not looked at"),
      "All tasks wait for memory for no more of the time (PSI, `full`, ten seconds)."),
    .init(
      "node-checks[].memory.available", "percentage, or memory", .rule("not looked at"),
      "So much is to be available: `5%`, `2GiB`."),
    .init("node-checks[].script", "list of texts", .rule("the same"), "This executable on the node ends with status 0."),
    .init(
      "node-checks[].interval", "duration, 200ms to 24h", .value(Quantity.text(HealthCheck.defaultInterval)),
      "From the start of one question to the start of the next."),
    .init(
      "node-checks[].timeout", "duration, 50ms to 5m", .rule("5s, or the interval where that is shorter"),
      "What has not answered by then has failed."),
    .init(
      "node-checks[].down", "integer, 1 to 100", .value("\(HealthCheck.defaultDown)"),
      "So many failures in a row, and it fails."),
    .init(
      "node-checks[].up", "integer, 1 to 100", .value("\(NodeCheck.defaultUp)"),
      "So many good answers in a row, and it is well."),
    .init(
      "node-checks[].then", words(NodeCheck.Then.self), .value(NodeCheck.Then.evacuate.rawValue),
      "While it fails: what runs there leaves and nothing new comes; nothing new comes; or people are told.")
  ]

  private static let workloadKeys: [KeyTable.Row] =
    [
      .init("workloads", "list", .rule("no rules for workloads"), "Rules for workloads."),
      .init("workloads[].name", "text", .required, "The rule's name, which explanations quote."),
      .init("workloads[].for", "selection", .required, "Which workloads."),
      .init("workloads[].only-on", "selection of nodes", .rule("any node"), "They run on these nodes and on no others."),
      .init("workloads[].never-on", "selection of nodes", .rule("none"), "They never run on these nodes."),
      .init(
        "workloads[].only-in-order", "list of selections of nodes", .rule("any node"),
        "They run on the first of these that can take them, and on no others."),
      .init(
        "workloads[].prefer", "list of selections of nodes, or `{SELECTION: POINTS}`", .rule("none"),
        "The first that can take them, then any other; or the node with the most points, -1000 to 1000 each."),
      .init("workloads[].avoid", "selection of nodes", .rule("none"), "They run there only when no other node can take them."),
      .init(
        "workloads[].keep-apart", "a label of nodes, or `node`; or a mapping; or a list of them", .rule("none"),
        "No two of them in one place."),
      .init("workloads[].keep-apart.over", "a label of nodes, or `node`", .value("node"), "What a place is."),
      .init(
        "workloads[].keep-apart.same", "a label of workloads", .rule("all of them"),
        "Only those with the same value of this label are kept apart from each other."),
      .init(
        "workloads[].keep-apart.from", "selection of workloads", .rule("each other"),
        "Kept apart from these, not from each other."),
      .init("workloads[].keep-apart.at-most", "integer, 1 to 1000", .value("1"), "So many may be in one place."),
      .init("workloads[].keep-apart.if-possible", "`yes` or `no`", .value("no"), "Broken rather than that one does not run."),
      .init(
        "workloads[].keep-together", "a label of nodes, or `node`; or a mapping; or a list of them", .rule("none"),
        "All of them in one place, and whoever is kept together with one of them."),
      .init("workloads[].keep-together.over", "a label of nodes, or `node`", .value("node"), "What a place is."),
      .init(
        "workloads[].keep-together.same", "a label of workloads", .rule("all of them"),
        "Only those with the same value of this label are kept together."),
      .init("workloads[].keep-together.with", "selection of workloads", .rule("each other"), "These as well."),
      .init(
        "workloads[].keep-together.if-possible", "`yes` or `no`", .value("no"), "Broken rather than that one does not run."),
      .init(
        "workloads[].demand", "`{RESOURCE: AMOUNT}`", .rule("what the workload's definition says"),
        "Memory, `cpus`, or anything that can be counted: `{gpus: 1}`."),
      .init(
        "workloads[].priority", "integer, -1000000 to 1000000", .rule("the definition's"), "Higher goes first when not all fit."
      ),
      .init(
        "workloads[].displace", words(Displacement.self), .value("nobody"),
        "Whether running workloads of lower priority are stopped to make room."),
      .init(
        "workloads[].make-room", "`yes` or `no`", .value("no"),
        "They may be moved while they run, so that another one finds room."),
      .init("workloads[].spread", words(Spread.self), .rule("the cluster's"), "The same for these workloads only.")
    ] + failureKeys

  private static let failureKeys: [KeyTable.Row] = [
    .init(
      "workloads[].failover.wait", "duration, 0s to 24h", .value("0s"),
      "How long a failed node may take to come back before they go elsewhere."),
    .init(
      "workloads[].failover.restarts", "integer, 1 to 100", .value("\(Failover.defaultRestarts)"),
      "Failed starts on a node, or ends or failed checks in a row there, before another one is tried."),
    .init(
      "workloads[].failover.nodes", "integer, 1 to 1000",
      .rule("all; \(Failover.defaultUnwellNodes) for what fails its checks"), "On how many nodes they are tried."),
    .init(
      "workloads[].failover.then", words(Failover.Then.self), .value("try-again"),
      "When they failed on all of these: tried again with growing pauses, or left for a person; what fails its checks may be left "
        + "running."),
    .init(
      "workloads[].failback", words(Failback.Mode.self) + ", or a mapping", .value("by-hand"),
      "Whether they go back by themselves to a node that they prefer."),
    .init("workloads[].failback.when", words(Failback.Mode.self), .value("automatic"), "The same."),
    .init(
      "workloads[].failback.after", "duration, 0s to 24h", .value("5m"), "For how long the node must have been well by then."),
    .init(
      "workloads[].failback.window", "a time of the week, or a list of them", .rule("at any time"),
      "`Sat 02:00-06:00`, `Mon-Fri 22:00-05:00`, `daily 03:00-04:00`, in local time."),
    .init(
      "workloads[].evacuation", words(Evacuation.Method.self) + ", or a mapping", .value("live"),
      "How they leave a node that is being drained: moved while they run, stopped and started, or not at all."),
    .init("workloads[].evacuation.how", words(Evacuation.Method.self), .value("live"), "The same."),
    .init("workloads[].evacuation.at-once", "integer, 1 to 1000", .rule("all"), "How many leave a node at a time."),
    .init(
      "workloads[].evacuation.otherwise", words(Evacuation.Otherwise.self), .value("restart"),
      "What becomes of one that cannot be moved while it runs: stopped and started elsewhere, or left where it is."),
    .init(
      "workloads[].evacuation.time-limit", "duration, 1s to 24h", .value("10m"),
      "A live migration that takes longer is given up."),
    .init(
      "workloads[].evacuation.bandwidth", "MiB a second: `100MiB`, at most 1TiB", .rule("what there is"),
      "What one live migration may send."),
    .init(
      "workloads[].evacuation.downtime", "duration, 1ms to 1m", .rule("QEMU's own limit"),
      "How long the VM may be paused at the end of a live migration."),
    .init(
      "workloads[].evacuation.slow-down", "`yes` or `no`", .value("yes"),
      "One that changes its memory faster than it can be sent is slowed down."),
    .init(
      "workloads[].evacuation.copy-storage", "`yes` or `no`", .value("no"),
      "Its disks are copied with it: for nodes that share no storage."),
    .init(
      "workloads[].stickiness", "integer, 0 to 2000", .value("0"),
      "They go back only to a node with more points than this above those of the node where they are."),
    .init(
      "workloads[].exclusive", "`yes` or `no`", .value("yes"),
      "`no`: copies may run at the same time, so nobody freezes them."),
    .init(
      "workloads[].isolation", "`freeze` or `stop`", .rule("the definition's"), "What the guard does at the deadline."),
    .init(
      "workloads[].when-it-ends", words(WhenItEnds.self), .value("restart"),
      "What becomes of them when they end, or crash, without being told to. `restart-on-failure`: they stay down where the guest powered itself off."
    ),
    .init(
      "workloads[].on-io-error", words(OnIOError.self), .value("leave"),
      "What becomes of a VM that libvirt paused as a disk of it has an I/O error: it is resumed every 10 s until the disk answers, ended and started anew, or left paused."
    )
  ]

  private static func words<T: CaseIterable & RawRepresentable>(_ type: T.Type) -> String where T.RawValue == String {
    T.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
  }
}
