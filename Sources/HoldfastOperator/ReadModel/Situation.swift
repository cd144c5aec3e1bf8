import HoldfastController
import HoldfastModel
import HoldfastPlanning

/// The state of a workload between intent, placement, claim and what is seen of it, in words.
struct Situation {
  var state: WorkloadInfo.State
  /// nil: the workload is where it should be, and runs if it should.
  var why: String?

  init(_ name: WorkloadName, in view: ClusterView) { self.init(name, in: ClusterSight(view)) }

  init(_ name: WorkloadName, in sight: ClusterSight) {
    let view = sight.view
    if let own = sight.unread(name), let teller = sight.teller {
      self.init(own, of: teller, in: sight)
    } else if let reason = view.unreadableReason(name) {
      self.init(.unclear, "a record of it cannot be read, so Holdfast leaves it alone: \(reason)")
    } else if let holder = view.holder(of: name) {
      self.init(name, heldBy: holder, in: sight)
    } else if view.lacksIntent(name), !view.isProvenWanted(name) {
      let wasStopped = view.placements[name]?.value.reason.isStopped ?? false
      self.init(
        wasStopped ? .stopped : .down,
        "the record of what is wanted of it is missing, so nobody starts it: `holdfast start \(name)` or `holdfast stop \(name)`"
      )
    } else {
      switch view.intents[name]?.value.desired ?? .running {
      case .stopped: self.init(.stopped, view.intents[name]?.value.ended.map { Self.words($0, name) })
      case .adopting: self.init(adopting: name, in: view)
      case .unprotected: self.init(.stopped, "it is leaving protection; the planner deletes its record next")
      case .running: self.init(unheld: name, in: sight)
      }
    }
  }

  private init(_ state: WorkloadInfo.State, _ why: String?) {
    self.state = state
    self.why = why
  }

  // MARK: what a node has that has not read the store

  private init(_ own: UnreadSight.Workload, of teller: NodeName, in sight: ClusterSight) {
    let freeze = sight.freeze(of: teller)
    let rest = "\(teller) has not read the store since holdfastd started there, so no more is known of it"
    guard let domain = own.domain else {
      let isGone = sight.unread?.isComplete ?? false
      guard !isGone else {
        self.init(.down, "its domain is not on \(teller) any more, though the guard there knows it: it ended, or was killed")
        return
      }
      if let freeze { self.init(.frozen, "frozen on \(teller): \(freeze.reason)") } else { self.init(.unclear, rest) }
      return
    }
    if let freeze {
      let isUnnamed = own.isGuarded == false
      self.init(
        isUnnamed ? .unclear : .frozen,
        isUnnamed
          ? "the guard of \(teller) does not name it, so it is not known whether it is frozen; \(rest)"
          : "frozen on \(teller): \(freeze.reason)")
      return
    }
    switch domain.state {
    case .running: self.init(.running, rest)
    case .paused, .arriving: self.init(.paused, "libvirt has paused it on \(teller); \(rest)")
    case .crashed: self.init(.crashed, "crashed and kept on \(teller); \(rest)")
    case .stopping: self.init(.stopping, rest)
    case .unclear: self.init(.unclear, rest)
    }
  }

  // MARK: what a node holds

  private init(_ name: WorkloadName, heldBy holder: NodeName, in sight: ClusterSight) {
    let view = sight.view, activity = view.claims[name]?.value.activity
    if sight.isBlind(to: holder) {
      self.init(.unclear, "\(holder) had it \(sight.ofOld)")
    } else if let freeze = sight.freeze(of: name, on: holder), activity != .starting, activity != nil {
      self.init(name, on: holder, frozenBy: freeze, in: sight)
    } else {
      self.init(name, servedBy: holder, in: sight)
    }
  }

  private init(_ name: WorkloadName, on holder: NodeName, frozenBy freeze: NodeFreeze, in sight: ClusterSight) {
    if sight.wasKilled(name) {
      self.init(.down, "killed on \(holder) at its deadline ('isolation: stop'): \(freeze.reason)")
    } else {
      self.init(.frozen, "frozen on \(holder): \(freeze.reason)")
    }
  }

  private init(_ name: WorkloadName, servedBy holder: NodeName, in sight: ClusterSight) {
    let view = sight.view, claim = view.claims[name]?.value, placement = view.placements[name]?.value
    let displacement = Self.displacement(name, in: view, placement, from: holder)
    let errand = view.intents[name]?.value.errand.map { Self.words($0, on: holder) }
    switch claim?.activity {
    case .running:
      let moves = displacement.map { moves in
        view.whyKept(name).map { "it was to leave \(holder), but stays: \($0)" } ?? moves
      }
      if sight.paused(name, on: holder) != nil, view.intents[name]?.value.errand == .pause, moves == nil {
        self.init(.paused, "an operator paused it on \(holder): `holdfast resume \(name)`")
      } else if let paused = sight.paused(name, on: holder) {
        self.init(.paused, "\(paused) on \(holder)\(moves.map { "; \($0)" } ?? "")")
      } else {
        self.init(
          .running,
          moves ?? errand ?? Self.failedCheck(name, in: sight) ?? Self.troubledPart(name, in: sight) ?? Self.endsAgain(
            name, in: sight)
            ?? sight.breach(of: name)?.why)
      }
    case .starting, nil:
      let frozen = sight.freeze(of: name, on: holder).map { ", and everything there is frozen: \($0.reason)" } ?? ""
      let ends = Self.unwell(claim) ?? Self.endsAgain(name, in: sight)
      self.init(
        .starting, "\(holder) is starting it\(frozen)\(ends.map { "; \($0)" } ?? "")\(StartFailures(claim).clauses())")
    case .stopping:
      let unwell = Self.unwell(claim).map { "\(holder) is restarting it: \($0)" }
      self.init(.stopping, displacement ?? errand ?? unwell ?? "\(holder) is stopping it")
    case .unclear where sight.isCrashed(name, on: holder):
      self.init(
        .crashed,
        displacement ?? errand
          ?? "crashed and kept on \(holder), as its definition says (on_crash): "
          + (claim?.newerDisks == nil
            ? "`holdfast restart \(name)` starts it anew"
            : "its definition names older disks, so `holdfast accept \(name) --running` on \(holder), and then `holdfast restart \(name)`")
      )
    case .unclear:
      let connection = view.specs[name]?.value.connection ?? ""
      let cause = view.reports[holder]?.value.unreachable[connection].map { ": \(connection) is unreachable: \($0)" } ?? ""
      self.init(.unclear, "\(holder) cannot tell whether it runs\(cause)")
    }
  }

  /// Why the workload is to leave the node that runs it; nil: it stays.
  private static func displacement(
    _ name: WorkloadName, in view: ClusterView, _ placement: PlacementRecord?, from holder: NodeName
  ) -> String? {
    if view.lacksIntent(name) {
      return view.isProvenWanted(name) && view.disarm == nil
        ? "the record of what is wanted of it is missing; the planner writes it anew"
        : "the record of what is wanted of it is missing: `holdfast start \(name)` or `holdfast stop \(name)`"
    }
    switch view.intents[name]?.value.desired ?? .running {
    case .stopped: return "\(holder) has been asked to stop it"
    case .adopting: return "\(holder) is adopting it"
    case .unprotected: return "\(holder) is releasing it from protection"
    case .running: break
    }
    guard let placement else { return nil }
    guard let node = placement.node else { return "it has to leave \(holder): \(placement.reason)" }
    return node == holder ? nil : "it moves from \(holder) to \(node): \(placement.reason)"
  }

  private static func words(_ ended: IntentRecord.Ended, _ name: WorkloadName) -> String {
    "it \(ended.how.words) on \(ended.node) and stays down, as its policy says: `holdfast start \(name)`"
  }

  private static func words(_ errand: IntentRecord.Errand, on holder: NodeName) -> String {
    switch errand {
    case .restart, .reset: "\(holder) is restarting it"
    case .pause: "\(holder) is about to pause it"
    case .resume: "\(holder) is resuming it"
    }
  }

  private static func failedCheck(_ name: WorkloadName, in sight: ClusterSight) -> String? {
    guard let health = sight.health(of: name), health.isFailing else { return nil }
    let others = (health.others ?? []).map { "'\($0)'" }
    let more = others.isEmpty ? "" : "; \(InWords.list(others, most: 3)) \(others.count == 1 ? "is" : "are") not well either"
    let ends = sight.view.claims[name]?.value.ends ?? 0
    let rest = health.held.map { ". It is not restarted for that: \($0)" } ?? (ends > 1 ? "; \(ends) times in a row" : "")
    return "it fails its check '\(health.check)': \(InWords.oneLine(health.reason))\(more)\(rest)"
  }

  private static func troubledPart(_ name: WorkloadName, in sight: ClusterSight) -> String? {
    sight.partTroubles(of: name)?.compactMap(\.clause).first.map { InWords.oneLine($0) }
  }

  /// It is started anew because a check of it failed; nil: it is not.
  private static func unwell(_ claim: ClaimRecord?) -> String? {
    guard let unwell = claim?.unwell, let ends = claim?.ends else { return nil }
    let times = ends > 1 ? ", \(ends) times in a row" : ""
    return "it failed its check '\(unwell.check)'\(times): \(InWords.oneLine(unwell.reason))"
  }

  private static func endsAgain(_ name: WorkloadName, in sight: ClusterSight) -> String? {
    let ends = sight.recentEnds(of: name)
    return ends < ClusterSight.manyEnds
      ? nil : "it ended \(ends) times in the last \(ClusterStatus.recentPeriod / 60_000) minutes without being told to"
  }

  // MARK: what no node holds

  private init(adopting name: WorkloadName, in view: ClusterView) {
    let node = view.intents[name]?.value.adopter
    let isThere = node.map { view.session(of: $0) != nil } ?? false
    let place = node?.text ?? "its node"
    self.init(
      .pending,
      isThere
        ? "\(place) is adopting it"
        : "\(place) went down while it was adopting it. `holdfast release \(name)` undoes the adoption")
  }

  private init(unheld name: WorkloadName, in sight: ClusterSight) {
    let view = sight.view, claim = view.claims[name]?.value
    let lost = claim?.holder?.node
    guard let placement = view.placements[name]?.value else {
      let why =
        view.disarm != nil
        ? "the cluster is disarmed, so nothing is placed"
        : view.planner == nil ? "there is no planner" : "the planner has not placed it yet"
      // It was defined a moment ago.
      let isNew = lost == nil && view.disarm == nil && view.planner != nil && sight.isOnItsWay(name)
      self.init(
        isNew ? .starting : lost == nil ? .pending : .down, lost.map { "\($0), which ran it, was lost; \(why)" } ?? why)
      return
    }
    guard let node = placement.node else {
      let failures = StartFailures(claim)
      let text = "\(placement.reason)\(Self.refusals(placement, besides: failures))\(failures.clauses())"
      // Its place is kept for it until others have left it.
      self.init(placement.cause == .waits ? .starting : .pending, text)
      return
    }
    let phase = view.session(of: node)?.record.value.phase
    if phase != .active {
      // Such as 'waits 40 s more for n1 to come back'.
      let waits = sight.warning(name).flatMap { $0.text.hasPrefix("waits ") ? "it \($0.text)" : nil }
      let state = phase == nil ? "is down" : "leaves"
      let kept = view.onlyInMaintenance
      let rest = kept.isEmpty ? "the planner has not chosen another node yet" : "\(PlacementReason(.onlyInMaintenance(kept)))"
      self.init(.down, "\(node) \(state), and \(waits ?? rest)")
    } else {
      self.init(.starting, "\(node) is about to start it: \(placement.reason)\(StartFailures(claim).clauses())")
    }
  }

  /// Why not the others: those of which the same is true together, and without what follows as failed starts.
  private static func refusals(_ placement: PlacementRecord, besides failures: StartFailures) -> String {
    var nodes: [String: [NodeName]] = [:]
    for (node, exclusion) in placement.others {
      let text = InWords.oneLine("\(exclusion)")
      if !failures.explain(text, on: node) { nodes[text, default: []].append(node) }
    }
    guard !nodes.isEmpty else { return "" }
    let groups = nodes.map { (text: $0.key, nodes: $0.value.sorted()) }.sorted { $0.nodes[0] < $1.nodes[0] }
    let clauses = groups.map { group in
      "\(InWords.list(group.nodes.map(\.text), most: 3)): \(InWords.clause(group.text, of: group.nodes.count))"
    }
    return " (\(clauses.joined(separator: "; ")))"
  }
}

/// The failed starts of a workload, and nodes on which it ended or its checks failed, for a sentence.
private struct StartFailures {
  private let failures: [NodeName: ClaimRecord.Failure]

  init(_ claim: ClaimRecord?) {
    failures = (claim?.failures ?? [:]).mapValues {
      ClaimRecord.Failure(count: $0.count, reason: InWords.oneLine($0.reason), check: $0.check)
    }
  }

  /// An exclusion says no more than that it failed there.
  func explain(_ exclusion: String, on node: NodeName) -> Bool { failures[node]?.isTold(by: exclusion) ?? false }

  /// Each reason once, with the nodes that it is true of, after what is said before.
  func clauses() -> String {
    let groups = Dictionary(grouping: failures) { $0.value.reason }.map { reason, nodes in
      (reason: reason, nodes: nodes.sorted { $0.key < $1.key })
    }
    return groups.sorted { $0.nodes[0].key < $1.nodes[0].key }.map { reason, nodes in
      let times = nodes.map(\.value.count).reduce(0, +)
      let names = InWords.list(nodes.map(\.key.text), most: 3)
      if nodes.allSatisfy({ $0.value.check != nil }) { return "; it did not run well on \(names): \(reason)" }
      if nodes.allSatisfy(\.value.isOfEnds) {
        // Of ends in a row the reason tells how many.
        let again = times == 1 || reason.hasSuffix("in a row") ? "" : ", \(times) times"
        return "; \(reason) on \(names)\(again)"
      }
      return "; \(names) failed to start it \(times == 1 ? "once" : "\(times) times"): \(reason)"
    }.joined()
  }
}

extension ClaimRecord.Failure {
  /// Why the workload is not on that node says no more than this, in the words of an exclusion.
  package func isTold(by exclusion: String) -> Bool {
    if isOfEnds, exclusion == "\(Exclusion.endsAgain(times: count))" { return true }
    return exclusion.hasPrefix(check == nil ? "failed to start there" : "did not run well there") && exclusion.hasSuffix(reason)
  }
}
