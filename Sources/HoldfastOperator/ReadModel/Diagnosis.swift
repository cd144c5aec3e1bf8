import HoldfastModel
import Housekeeping

/// The diagnosis of a status: how bad it is, why, and what to type next.
struct Diagnosis {
  private(set) var health: ClusterStatus.Health = .ok
  /// The worst first.
  var reasons: [String] { critical + degraded }
  private(set) var steps: [ClusterStatus.Step] = []
  private var critical: [String] = []
  private var degraded: [String] = []

  private static let mostSteps = 5
  private static let namesInSentence = 3

  /// - Parameters:
  ///   - concerns: about the store, the worst first.
  ///   - clashes: what workloads have at the same time without sharing it.
  init(
    _ status: ClusterStatus, _ sight: ClusterSight, _ concerns: [StoreConcern], _ clashes: [BelongingsIndex.Clash]
  ) {
    let view = sight.view
    lookAtController(status)
    lookAtFreezes(status)
    // What a node that is down had then says nothing about now.
    let leftovers = view.leftovers().values.joined().filter(\.isNodeUp)
    lookAtCopies(status, view, leftovers.filter(\.isRunning))
    lookAtHealth(of: concerns, status)
    lookAtStore(status, view)
    lookAt(SessionTrouble(status, view))
    lookAtDisarm(status)
    lookAtMoves(status)
    lookAtIdleWorkloads(status, view)
    lookAtCrashedWorkloads(status)
    lookAtPausedWorkloads(status)
    lookAtNodes(status)
    lookAtLeftovers(leftovers.filter { !$0.isRunning })
    lookAtUncertainWorkloads(status)
    lookAtStarts(status, sight)
    lookAt(UnhealthyWorkloads(status, most: Self.namesInSentence))
    lookAt(MissingAddresses(status, sight, most: Self.namesInSentence))
    lookAt(TroubledParts(status, most: Self.namesInSentence))
    lookAtRestlessWorkloads(status)
    lookAt(BrokenRules(status, sight, most: Self.namesInSentence))
    lookAtDisks(status, view)
    lookAt(RecordTroubles(view, clashes, most: Self.mostSteps, named: Self.namesInSentence))
    lookAtPolicies(status)
    if let outdated = status.outdated.first {
      suggest("holdfast workload \(outdated)", "it runs an older definition: the changed one holds from its next start")
    }
    health = critical.isEmpty ? (degraded.isEmpty ? .ok : .degraded) : .critical
    if steps.isEmpty, health != .ok { suggest("holdfast events --limit 20", "what happened") }
    for node in status.nodes { for flaw in node.flaws where flaw.isMinor { suggestRemedy(of: flaw, on: node) } }
    steps = Array(steps.prefix(Self.mostSteps))
  }

  private mutating func suggest(_ command: String, _ purpose: String, on node: String? = nil) {
    let step = ClusterStatus.Step(command: command, purpose: purpose, on: node)
    if !steps.contains(step) { steps.append(step) }
  }

  private mutating func lookAtHealth(of concerns: [StoreConcern], _ status: ClusterStatus) {
    for concern in concerns {
      if concern.weight == .outage { critical.append(concern.text) } else { degraded.append(concern.text) }
      // A member often has the name of the node whose host it runs on.
      for remedy in concern.remedies {
        let host = remedy.member.flatMap { name in status.nodes.first { $0.name == name }?.name }
        suggest(remedy.command, remedy.purpose, on: remedy.isHere ? status.node : host)
      }
    }
  }

  private mutating func lookAtController(_ status: ClusterStatus) {
    guard let fault = status.fault else { return }
    critical.append(
      "holdfastd on \(status.node) found an error in itself, and everything under protection there is frozen: \(fault)")
    suggest("systemctl restart holdfastd", "begin anew from what is observed; keep the log and report it", on: status.node)
  }

  /// Frozen workloads, those of the node that tells it first.
  private mutating func lookAtFreezes(_ status: ClusterStatus) {
    let frozen = status.nodes.filter { $0.freeze?.workloads ?? 0 > 0 }
    for node in frozen.filter({ $0.name == status.node }) + frozen.filter({ $0.name != status.node }) {
      guard let freeze = node.freeze, status.fault == nil || node.name != status.node else { continue }
      let what = freeze.workloads == 1 ? "1 workload of \(node.name) is" : "\(freeze.workloads) workloads of \(node.name) are"
      critical.append("\(what) frozen: \(freeze.reason)")
      if node.guardPhase == .absent {
        suggest("systemctl status holdfast-guard", "what stopped the guard", on: node.name)
        suggest("systemctl restart holdfast-guard", "what is frozen there continues when the guard is back", on: node.name)
      } else if status.store.isAnswering {
        suggest("holdfast events --limit 20", "why the guard has isolated \(node.name); it continues by itself when it can")
      }
    }
  }

  /// Copies: domains that run outside protection and are a workload, or call themselves one.
  ///
  /// - Parameter running: of what is defined beside the workloads' domains.
  private mutating func lookAtCopies(_ status: ClusterStatus, _ view: ClusterView, _ running: [LeftoverInfo]) {
    for node in status.nodes where node.state != .down {
      let running = running.filter { $0.node == node.name }.sorted { $0.name < $1.name }
      func holder(_ workload: String) -> String? {
        view.holder(of: WorkloadName(workload)).flatMap { $0.text == node.name ? nil : $0.text }
      }
      for copy in node.unmanagedDuplicates {
        guard let holder = holder(copy), let spec = view.specs[WorkloadName(copy)]?.value else { continue }
        critical.append("A second copy of \(copy) runs on \(node.name) outside protection, beside the one on \(holder)")
        let defined = running.first { $0.workload == copy && $0.uuid == spec.uuid }
        suggestEnd(
          of: defined?.name ?? spec.uuid, autostart: defined?.autostart ?? false, spec.connection, on: node, beside: holder)
      }
      for other in running where !node.unmanagedDuplicates.contains(other.workload) {
        guard let holder = holder(other.workload) else { continue }
        critical.append(
          "Another domain named \(other.name) runs on \(node.name) outside protection, beside the workload on \(holder)")
        suggestEnd(of: other.name, autostart: other.autostart, other.connection, on: node, beside: holder)
      }
      let alone = node.unmanagedDuplicates.filter { holder($0) == nil }
      guard let first = alone.first else { continue }
      degraded.append("Node \(node.name) runs \(InWords.list(alone, most: Self.namesInSentence)) outside protection")
      suggest(
        "holdfast release \(first)", "release it, then adopt the domain; or destroy the domain with virsh", on: node.name)
    }
  }

  private mutating func suggestEnd(
    of domain: String, autostart: Bool, _ connection: String, on node: NodeInfo, beside holder: String
  ) {
    suggest("virsh -c \(connection) destroy \(domain)", "end it, if the one on \(holder) has the right data", on: node.name)
    if autostart {
      suggest("virsh -c \(connection) autostart --disable \(domain)", "or the next boot starts it again", on: node.name)
    }
  }

  /// Leftovers that keep workloads from starting where they may have to.
  private mutating func lookAtLeftovers(_ left: [LeftoverInfo]) {
    guard !left.isEmpty else { return }
    func names(_ values: [String]) -> String { InWords.list(Set(values).sorted(), most: Self.namesInSentence) }
    degraded.append(
      "Definitions left on \(names(left.map(\.node))) keep \(names(left.map(\.workload))) from starting there")
    let booting = left.filter(\.autostart)
    if !booting.isEmpty {
      degraded.append(
        "libvirt starts \(names(booting.map(\.name))) outside protection at the next boot of \(names(booting.map(\.node)))")
    }
    let removable = Set(left.filter(\.isRemovableAtOnce).map(\.workload)).sorted()
    if !removable.isEmpty, removable.count <= Self.namesInSentence, left.allSatisfy(\.isRemovableAtOnce) {
      suggest("holdfast leftovers remove \(removable.joined(separator: " "))", "so that it can start everywhere")
    } else {
      suggest("holdfast leftovers", "what is left where, and what to do about it")
    }
  }

  private mutating func lookAtStore(_ status: ClusterStatus, _ view: ClusterView) {
    if !status.store.isAnswering {
      let isTold = status.nodes.contains { $0.name == status.node && $0.state == .cutOff && $0.freeze?.workloads ?? 0 > 0 }
      let since =
        status.store.silence.map { "has not answered \(status.node) for \(InWords.tenths($0)) s" }
        ?? "has not answered \(status.node) yet"
      critical.append(
        status.isUnread == true
          ? isTold ? "What other nodes run is not known" : "The store \(since): only what \(status.node) has itself is known"
          : isTold
            ? "What other nodes run is not known: they are shown as they were then"
            : "The store \(since): this status may be out of date")
      // Where the store itself says what is wrong, there is better to do than to read.
      if steps.isEmpty {
        suggest("journalctl -u holdfastd -n 20", "what the daemon logs about the store", on: status.node)
        suggest(
          "eval \"$(holdfastd --etcdctl)\"; etcdctl endpoint health", "which of the store's members this host reaches",
          on: status.node)
      }
    } else if !view.isLoaded {
      critical.append("\(status.node) has not read the cluster's records yet")
    } else if status.nodes.allSatisfy({ $0.state == .down }) {
      critical.append("No node has a session: no protected workload runs")
    } else if status.planner == nil {
      degraded.append(
        view.unreadable[.planner] == nil
          ? "There is no planner: no workload is placed until a node takes the role"
          : "The planner's record cannot be read: no node takes the role, and no workload is placed")
    }
  }

  private mutating func lookAtDisarm(_ status: ClusterStatus) {
    guard status.disarm != nil else { return }
    degraded.append("The cluster is disarmed: nothing is failed over, frozen or moved")
    suggest("holdfast arm", "resume automatic recovery")
  }

  private mutating func lookAtMoves(_ status: ClusterStatus) {
    guard let moves = status.moves, let off = moves.off else { return }
    let reason = off.reason.map { " (\($0))" } ?? ""
    let waiting = moves.waiting.isEmpty ? "" : "; \(moves.waiting.count) wait\(moves.waiting.count == 1 ? "s" : "")"
    degraded.append("Moves are off\(reason)\(waiting)")
    suggest("holdfast moves on", "let workloads move by themselves again, once the cause is gone")
  }

  private mutating func lookAtIdleWorkloads(_ status: ClusterStatus, _ view: ClusterView) {
    // A workload that stays on a node in maintenance goes down with it on purpose.
    let kept = Set(status.nodes.filter { $0.state == .down && $0.maintenance?.phase != nil }.map(\.name))
    let planned = status.misplaced.filter { $0.state == .down && $0.wantedNode.map(kept.contains) ?? false }
    if !planned.isEmpty {
      degraded.append("\(list(planned)) \(planned.count == 1 ? "is" : "are") down with a node in maintenance")
    }
    let idle = status.misplaced.filter { ($0.state == .pending || $0.state == .down) && !planned.contains($0) }
    if !idle.isEmpty {
      critical.append(idle.count == 1 ? "\(list(idle)) does not run" : "\(idle.count) workloads do not run: \(list(idle))")
    }
    if idle.contains(where: { $0.state == .pending }), let node = view.onlyInMaintenance.first {
      suggest("holdfast maintenance exit \(node)", "put \(node) back into use: only nodes in maintenance are left")
    }
    for workload in idle.filter({ $0.state == .pending }).prefix(2) {
      suggest("holdfast workload \(workload.name)", "why no node can take it")
      if !workload.failures.isEmpty {
        suggest("holdfast start \(workload.name)", "retry, once the cause is fixed")
      }
    }
  }

  private mutating func lookAtCrashedWorkloads(_ status: ClusterStatus) {
    let crashed = status.misplaced.filter { $0.state == .crashed }
    guard let first = crashed.first else { return }
    let (are, them) = crashed.count == 1 ? ("is", "it") : ("are", "them")
    critical.append("\(list(crashed)) crashed and \(are) kept: libvirt executes nothing of \(them)")
    suggest("virsh -c \(first.connection) dump \(first.name) FILE --memory-only", "what it was at", on: first.node)
    guard status.lagging.contains(first.name) else { return suggest("holdfast restart \(first.name)", "start it anew") }
    suggest(
      "holdfast accept \(first.name) --running", "take the disks that it ran on as its definition; then `holdfast restart` it",
      on: first.node)
  }

  private mutating func lookAtPausedWorkloads(_ status: ClusterStatus) {
    // What an operator wants to be paused is told among those that do not run, and is no fault.
    let paused = status.misplaced.filter { $0.state == .paused && $0.errand != IntentRecord.Errand.pause.rawValue }
    guard let first = paused.first else { return }
    critical.append(
      "\(list(paused)) \(paused.count == 1 ? "is" : "are") paused: libvirt executes nothing of \(paused.count == 1 ? "it" : "them")"
    )
    suggest("virsh -c \(first.connection) domstate --reason \(first.name)", "why it is paused", on: first.node)
    suggest("holdfast resume \(first.name)", "let it continue, once the cause is gone")
  }

  private mutating func lookAt(_ finding: some Finding) {
    degraded += finding.reasons
    for step in finding.steps { suggest(step.command, step.purpose, on: step.on) }
  }

  /// Workloads that run, but not as they should.
  private mutating func lookAtRestlessWorkloads(_ status: ClusterStatus) {
    let ending = status.misplaced.filter { $0.recentEnds ?? 0 >= ClusterSight.manyEnds }
    if let worst = ending.max(by: { $0.recentEnds ?? 0 < $1.recentEnds ?? 0 }) {
      degraded.append(
        "\(list(ending)) \(ending.count == 1 ? "ends" : "end") again and again without being told to (\(worst.name) \(worst.recentEnds ?? 0) times in 10 minutes\(Self.last(of: worst, status)))"
      )
      suggest("holdfast events --workload \(worst.name)", "when it ended; its own log tells why")
    }
  }

  /// `, last 8 s ago`.
  private static func last(of workload: WorkloadInfo, _ status: ClusterStatus) -> String {
    guard let last = workload.lastEnd else { return "" }
    let seconds = max(0, (status.milliseconds - last.milliseconds) / 1000)
    return ", last \(seconds < 100 ? "\(seconds) s" : "\(seconds / 60) min") ago"
  }

  private mutating func lookAtUncertainWorkloads(_ status: ClusterStatus) {
    let unclear = status.misplaced.filter { $0.state == .unclear }
    guard let first = unclear.first else { return }
    degraded.append("It is unknown whether \(list(unclear)) \(unclear.count == 1 ? "runs" : "run")")
    // As long as the store does not answer, there is nothing to find out about each.
    if status.store.isAnswering { suggest("holdfast workload \(first.name)", "what is known about it") }
  }

  /// A drain, a move or a new workload is work in progress, and nothing to get up for: a start is told when it has failed or takes long.
  private mutating func lookAtStarts(_ status: ClusterStatus, _ sight: ClusterSight) {
    let starting = status.misplaced.filter {
      $0.state == .starting && !($0.failures.isEmpty && sight.isOnItsWay(WorkloadName($0.name)))
    }
    if !starting.isEmpty { degraded.append("\(list(starting)) \(starting.count == 1 ? "is" : "are") being started") }
    for workload in starting.filter({ !$0.failures.isEmpty }).prefix(1) {
      suggest("holdfast workload \(workload.name)", "why its starts failed")
    }
  }

  private mutating func lookAtNodes(_ status: ClusterStatus) {
    for node in status.nodes.filter({ $0.state == .down }) + status.nodes.filter({ $0.state != .down }) {
      switch node.state {
      case .down where node.isDownByPlan: break
      // Why it has no session is told already.
      case .down where node.name == status.node && status.noSession != nil && status.store.isAnswering: break
      case .down: lookAtDownNode(node)
      // The store's silence is told already.
      case .cutOff, .unknown: break
      case .leaving: degraded.append("Node \(node.name) is leaving: it is handing its workloads over")
      case .up: lookAtRunningNode(node)
      }
      lookAtRestrictions(of: node)
      if !node.strays.isEmpty, node.state != .down {
        degraded.append(
          "Node \(node.name) runs \(InWords.list(node.strays, most: Self.namesInSentence)), which the cluster does not know")
        for stray in node.strays.prefix(1) {
          suggest("holdfast adopt \(stray)", "protect it again, or destroy it with virsh", on: node.name)
        }
      }
    }
  }

  private mutating func lookAtDownNode(_ node: NodeInfo) {
    switch node.ending {
    case .left:
      degraded.append("Node \(node.name) has left: it was shut down, or its holdfastd was stopped")
      suggest("systemctl start holdfastd", "bring the node back, when it is up", on: node.name)
    case .withdrew:
      degraded.append("Node \(node.name) gave its session up: its workloads had been frozen for long")
      suggest("systemctl status holdfastd holdfast-guard libvirtd", "which of them does not serve", on: node.name)
    case .lost, nil:
      degraded.append("Node \(node.name) is down")
      suggest("systemctl status holdfastd holdfast-guard", "why the node is down", on: node.name)
    }
  }

  private mutating func lookAtRestrictions(of node: NodeInfo) {
    if let maintenance = node.maintenance {
      if maintenance.isOverdue {
        degraded.append("The maintenance of \(node.name) is overdue")
        suggest("holdfast maintenance exit \(node.name)", "put the node back into use")
      }
      if maintenance.stuck > 0 {
        let count = maintenance.stuck
        degraded.append(
          "No other node can take \(count) workload\(count == 1 ? "" : "s") of \(node.name), which is being drained")
      }
      if maintenance.phase != .returning, maintenance.remaining + maintenance.stuck > 0, node.state != .down {
        suggest("holdfast maintenance status \(node.name)", "progress of the drain")
      }
    }
    if let quarantine = node.quarantine {
      let times = quarantine.losses == 1 ? "once" : "\(quarantine.losses) times"
      let wasAiling = quarantine.wasAiling == true
      degraded.append("Node \(node.name) was \(wasAiling ? "ailing, or lost," : "lost") \(times) recently and is in quarantine")
      suggest(
        "holdfast node clear-failures \(node.name)",
        "end the quarantine, once it is known why the node was \(wasAiling ? "ailing" : "lost")")
    }
  }

  private mutating func lookAtRunningNode(_ node: NodeInfo) {
    lookAtGuard(of: node)
    degraded += FailedNodeChecks(of: node, most: Self.namesInSentence).reasons
    if node.ailment != nil { suggest("holdfast nodes \(node.name)", "what is wrong with it, and since when") }
    for flaw in node.flaws where !flaw.isMinor {
      degraded.append("Node \(node.name) \(flaw.text)")
      suggestRemedy(of: flaw, on: node)
    }
    // What was not asked yet is not lost.
    for connection in node.unreachable.keys.sorted() where node.unreachable[connection] != ReportRecord.notAsked {
      degraded.append("\(connection) on \(node.name) is unreachable")
      suggest("virsh -c \(connection) list", "whether libvirt answers", on: node.name)
    }
  }

  /// The guard; what is frozen is told already.
  private mutating func lookAtGuard(of node: NodeInfo) {
    guard let phase = node.guardPhase else { return }
    let meaning: String
    switch phase {
    case .armed, .disarmed: return
    case .awaited: return degraded.append("The guard of \(node.name) has not answered yet")
    case .isolating, .isolated: meaning = "has frozen all its workloads (\(phase))"
    case .absent, .other: meaning = "is \(phase)"
    }
    guard node.freeze?.workloads ?? 0 == 0 else { return }
    critical.append("The guard of \(node.name) \(meaning)")
    suggest("systemctl status holdfast-guard", "what stopped the guard", on: node.name)
  }

  private mutating func suggestRemedy(of flaw: NodeFlaw, on node: NodeInfo) {
    switch flaw.code {
    case NodeFlaw.watchdog: suggest("journalctl -u holdfast-guard -n 20", "why the watchdog cannot be used", on: node.name)
    case NodeFlaw.watchdogOpening:
      suggest("journalctl -u holdfast-guard -n 20", "whether the watchdog was opened", on: node.name)
    case NodeFlaw.watchdogUntold: suggest("wdctl", "what the watchdog's driver tells of it", on: node.name)
    case NodeFlaw.watchdogLate:
      suggest(
        "editor /etc/default/holdfast-guard",
        "a shorter --watchdog-timeout in GUARD_OPTIONS, or without it; then restart the guard",
        on: node.name)
    case NodeFlaw.guardState: suggest("df -h /run", "room for the guard's state", on: node.name)
    case NodeFlaw.slowBridge:
      suggest("ip -d link show type bridge", "which bridges use STP; one without loops needs none", on: node.name)
    case NodeFlaw.clock: suggest("timedatectl", "whether a time server sets the clock there; have one do so", on: node.name)
    case NodeFlaw.notices:
      suggest("journalctl -u holdfastd -g 'a notice was not delivered' -n 5", "why a receiver takes no notices", on: node.name)
    default: break
    }
  }

  /// Workloads that would not be started again as they are defined.
  private mutating func lookAtDisks(_ status: ClusterStatus, _ view: ClusterView) {
    guard !status.lagging.isEmpty else { return }
    let (one, names) = (status.lagging.count == 1, InWords.list(status.lagging, most: Self.namesInSentence))
    degraded.append(
      one
        ? "The definition of \(names) names an older disk than it last ran on: it is not started from that"
        : "The definitions of \(names) name older disks than they last ran on: they are not started from those")
    guard let first = status.lagging.first(where: { view.holder(of: WorkloadName($0)) != nil }) else {
      return suggest("holdfast workload \(status.lagging[0])", "its disks, and how to decide which holds")
    }
    suggest(
      "holdfast accept \(first) --running", "take what runs as its definition", on: view.holder(of: WorkloadName(first))?.text)
  }

  private mutating func lookAtPolicies(_ status: ClusterStatus) {
    if let flaw = status.policyFlaw {
      degraded.append("\(status.node) cannot read the policies: \(flaw)")
      suggest("holdfast policy show", "the policies in force")
    }
  }

  private func list(_ workloads: [WorkloadInfo]) -> String { InWords.list(workloads.map(\.name), most: Self.namesInSentence) }
}
