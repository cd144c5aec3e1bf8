import HoldfastModel

/// The state of a workload between intent, placement and claim, in words.
struct Situation {
  var state: WorkloadInfo.State
  /// nil: the workload is where it should be.
  var why: String?

  init(_ name: WorkloadName, in view: ClusterView) {
    if let reason = view.unreadableReason(name) {
      self.init(.unclear, "a record of it cannot be read, so Holdfast leaves it alone: \(reason)")
    } else if let holder = view.holder(of: name) {
      self.init(name, heldBy: holder, in: view)
    } else {
      switch view.intents[name]?.value.desired ?? .running {
      case .stopped: self.init(.stopped, nil)
      case .adopting: self.init(adopting: name, in: view)
      case .unprotected: self.init(.stopped, "it is leaving protection; the planner deletes its record next")
      case .running: self.init(unheld: name, in: view)
      }
    }
  }

  private init(_ state: WorkloadInfo.State, _ why: String?) {
    self.state = state
    self.why = why
  }

  private init(_ name: WorkloadName, heldBy holder: NodeName, in view: ClusterView) {
    let claim = view.claims[name]?.value, placement = view.placements[name]?.value
    let desired = view.intents[name]?.value.desired ?? .running
    switch claim?.activity {
    case .running:
      let moves = Self.displacement(desired, placement, from: holder)
      self.init(
        .running, moves == nil ? nil : view.whyKept(name).map { "it was to leave \(holder), but stays: \($0)" } ?? moves)
    case .starting, nil:
      self.init(.starting, "\(holder) is starting it\(Self.failures(claim))")
    case .stopping:
      self.init(.stopping, Self.displacement(desired, placement, from: holder) ?? "\(holder) is stopping it")
    case .unclear:
      let connection = view.specs[name]?.value.connection ?? ""
      let cause = view.reports[holder]?.value.unreachable[connection].map { ": \(connection) is unreachable: \($0)" } ?? ""
      self.init(.unclear, "\(holder) cannot tell whether it runs\(cause)")
    }
  }

  /// Why the workload is to leave the node that runs it; nil: it stays.
  private static func displacement(
    _ desired: IntentRecord.Desired, _ placement: PlacementRecord?, from holder: NodeName
  ) -> String? {
    switch desired {
    case .stopped: return "\(holder) has been asked to stop it"
    case .adopting: return "\(holder) is adopting it"
    case .unprotected: return "\(holder) is releasing it from protection"
    case .running: break
    }
    guard let placement else { return nil }
    guard let node = placement.node else { return "it has to leave \(holder): \(placement.reason)" }
    return node == holder ? nil : "it moves from \(holder) to \(node): \(placement.reason)"
  }

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

  private init(unheld name: WorkloadName, in view: ClusterView) {
    let claim = view.claims[name]?.value
    let lost = claim?.holder?.node
    guard let placement = view.placements[name]?.value else {
      let why = view.planner == nil ? "there is no planner" : "the planner has not placed it yet"
      self.init(lost == nil ? .pending : .down, lost.map { "\($0), which ran it, was lost; \(why)" } ?? why)
      return
    }
    guard let node = placement.node else {
      self.init(.pending, "\(placement.reason)\(Self.refusals(placement))\(Self.failures(claim))")
      return
    }
    if view.session(of: node) == nil {
      self.init(.down, "\(node) is down, and the planner has not chosen another node yet")
    } else {
      self.init(.starting, "\(node) is about to start it: \(placement.reason)\(Self.failures(claim))")
    }
  }

  private static func refusals(_ placement: PlacementRecord) -> String {
    guard !placement.others.isEmpty else { return "" }
    let reasons = placement.others.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return " (\(reasons.joined(separator: "; ")))"
  }

  private static func failures(_ claim: ClaimRecord?) -> String {
    guard let failures = claim?.failures, !failures.isEmpty else { return "" }
    return failures.sorted { $0.key < $1.key }.map { node, failure in
      "; \(node) failed to start it \(failure.count == 1 ? "once" : "\(failure.count) times"): \(failure.reason)"
    }.joined()
  }
}
