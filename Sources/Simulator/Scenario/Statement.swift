import GuardCore
import HoldfastModel
import HostParts

/// Something that is so or not at a moment.
public indirect enum Statement: Hashable, Sendable {
  /// Executes on one of these nodes; on any, when there are none.
  case runs(WorkloadName, on: [NodeName])
  /// Its processes are there and frozen.
  case isFrozen(WorkloadName, on: NodeName)
  /// One of the two executes on some node.
  case eitherRuns(WorkloadName, WorkloadName)
  case everythingRuns
  /// So many workloads execute, or more.
  case atLeastRun(Int)
  case nothingRuns(on: NodeName)
  case count(NodeName, Int)
  case holds(NodeName, WorkloadName)
  case nobodyHolds(WorkloadName)
  case isProtected(WorkloadName)
  /// Placed nowhere, for a reason with this text in it.
  case waits(WorkloadName, because: String)
  case hasSession(NodeName)
  case isPlanner([NodeName])
  /// The guard of the node has stopped everything.
  case isIsolated(NodeName)
  /// Domains that were begun since the beginning.
  case hasStarted(WorkloadName, times: Int)
  /// Its claim went from one node to another since the beginning.
  case hasMoved(WorkloadName)
  case anythingHasMoved
  /// In a part of the story; in all of it until now, when there is none.
  case hasSaid(NodeName, String, within: Part?)
  /// Since the beginning, it executed nowhere for so long at a stretch at most.
  case isNeverDown(WorkloadName, longerThan: Span)
  /// Somebody started it there, past Holdfast.
  case copyRuns(WorkloadName, on: NodeName)
  /// It executes, and its service answers.
  case answers(WorkloadName)
  /// The node that holds it reports that it fails a check.
  case failsChecks(WorkloadName)
  /// The node that holds it reports that a check of it cannot be made, and none fails.
  case healthIsUnknown(WorkloadName)
  /// One of these nodes answers for it; any, when there are none.
  case isUp(IPAddress, on: [NodeName])
  case anAddressIsUpTwice
  /// What runs there leaves, as a node check fails: that is decided, and the node was not found well since.
  case isAiling(NodeName)
  /// Its daemon is there, or its file system is mounted.
  case partIsUp(PartName, on: NodeName)
  case not(Statement)

  public struct Part: Hashable, Sendable {
    public var from: Span
    public var length: Span

    public init(from: Span, length: Span) {
      self.from = from
      self.length = length
    }
  }

  /// It can become false by mere time.
  var isTimed: Bool {
    switch self {
    case .isNeverDown: true
    case .not(let statement): statement.isTimed
    default: false
    }
  }
}

extension Statement {
  func holds(in world: World) -> Bool {
    let store = world.store, chronicle = world.chronicle
    switch self {
    case .runs(let workload, let nodes):
      let places = world.invariants.executes(workload).map(\.name)
      return nodes.isEmpty ? !places.isEmpty : places.contains(where: nodes.contains)
    case .isFrozen(let workload, let node):
      guard let host = world.host(node), let domain = Self.domain(of: workload, on: host) else { return false }
      return host.isFrozen(domain)
    case .eitherRuns(let one, let other):
      return [one, other].contains { !world.invariants.executes($0).isEmpty }
    case .everythingRuns: return Self.everythingRuns(in: world)
    case .atLeastRun(let number): return world.store.workloads.count { !world.invariants.executes($0).isEmpty } >= number
    case .nothingRuns(let node): return world.host(node).map { world.invariants.workloadsExecuting(on: $0).isEmpty } ?? true
    case .count(let node, let number):
      return world.host(node).map { world.invariants.workloadsExecuting(on: $0).count == number } ?? (number == 0)
    case .holds(let node, let workload): return Self.holder(of: workload, in: store) == node
    case .nobodyHolds(let workload): return Self.holder(of: workload, in: store) == nil
    case .isProtected(let workload): return world.invariants.isProtected(workload)
    case .waits(let workload, let reason):
      guard let placement = store.placement(of: workload), placement.node == nil else { return false }
      return reason.isEmpty || "\(placement.reason)".contains(reason)
        || placement.others.values.contains { "\($0)".contains(reason) }
    case .hasSession(let node): return store.sessions.contains { $0.node == node }
    case .isPlanner(let nodes):
      guard let planner = store.planner, store.session(planner.incarnation) != nil else { return false }
      return nodes.isEmpty || nodes.contains(planner.node)
    case .isIsolated(let node): return world.host(node)?.guardProcess?.isIsolated ?? false
    case .hasStarted(let workload, let times): return chronicle?.starts[workload] ?? 0 == times
    case .hasMoved(let workload): return chronicle?.moves[workload] != nil
    case .anythingHasMoved: return chronicle.map { !$0.moves.isEmpty } ?? false
    case .hasSaid(let node, let text, let part): return chronicle?.hasSaid(node, text, within: part) ?? false
    case .isNeverDown(let workload, let span):
      return chronicle.map { $0.longestOutage(of: workload, at: world.now) <= span } ?? true
    case .copyRuns(let workload, let node):
      guard let host = world.host(node) else { return false }
      return host.domains.values.contains { domain in
        domain.isForeign && host.executes(domain) && world.invariants.workload(uuid: domain.uuid) == workload
      }
    case .answers(let workload):
      return world.hosts.contains { host in
        host.domains[workload.text].map { host.executes($0) && host.services.answers($0) } ?? false
      }
    case .failsChecks(let workload): return Self.health(of: workload, in: store)?.isFailing == true
    case .healthIsUnknown(let workload): return Self.health(of: workload, in: store)?.isFailing == false
    case .isUp(let address, let nodes):
      return world.hosts.contains { $0.addresses.answers(for: address) && (nodes.isEmpty || nodes.contains($0.name)) }
    case .anAddressIsUpTwice:
      let all = world.hosts.flatMap { host in
        Set(host.addresses.up.map(\.address)).filter(host.addresses.answers)
      }
      return Set(all).count < all.count
    case .isAiling(let node): return store.losses(of: node)?.ailment != nil
    case .partIsUp(let name, let node):
      guard let host = world.host(node), host.isUp, let parts = host.domains[name.workload.text]?.parts else { return false }
      return parts.parts.indices.contains { parts.parts[$0].name == name.part && parts.isUp($0) }
    case .not(let statement): return !statement.holds(in: world)
    }
  }

  private static func health(of workload: WorkloadName, in store: SimulatedStore) -> HealthReport? {
    holder(of: workload, in: store).flatMap { store.report(of: $0)?.health?[workload] }
  }

  private static func domain(of workload: WorkloadName, on host: SimulatedHost) -> SimulatedDomain? {
    host.domains.values.first { host.world.invariants.workload(uuid: $0.uuid) == workload && !$0.isKilled }
  }

  private static func holder(of workload: WorkloadName, in store: SimulatedStore) -> NodeName? {
    guard let holder = store.claim(of: workload)?.holder, store.session(holder.incarnation) != nil else { return nil }
    return holder.node
  }

  /// All that is meant to run, exactly once, where it is placed and claimed.
  private static func everythingRuns(in world: World) -> Bool {
    world.store.workloads.allSatisfy { workload in
      guard world.store.intent(of: workload)?.desired == .running else { return true }
      let places = world.invariants.executes(workload).map(\.name)
      return places.count == 1 && world.store.placement(of: workload)?.node == places[0]
        && holder(of: workload, in: world.store) == places[0]
    }
  }

  /// What is the case instead, for somebody who expected the statement.
  func finding(in world: World) -> String {
    switch self {
    case .runs(let workload, _), .isFrozen(let workload, _), .holds(_, let workload), .nobodyHolds(let workload),
      .isProtected(let workload), .waits(let workload, _), .hasStarted(let workload, _), .hasMoved(let workload),
      .answers(let workload), .failsChecks(let workload), .healthIsUnknown(let workload):
      return Self.standing(of: workload, in: world)
    case .eitherRuns(let one, let other):
      return [one, other].map { Self.standing(of: $0, in: world) }.joined(separator: ", ")
    case .everythingRuns, .atLeastRun:
      let missing = world.store.workloads.filter { workload in
        world.store.intent(of: workload)?.desired == .running && world.invariants.executes(workload).isEmpty
      }
      return missing.isEmpty
        ? "not everything is where it is placed" : "\(missing.map(\.text).joined(separator: ", ")) do not run"
    case .nothingRuns(let node), .count(let node, _):
      let names = world.host(node).map { world.invariants.workloadsExecuting(on: $0) } ?? []
      return names.isEmpty ? "nothing runs on \(node)" : "\(node) runs \(names.map(\.text).joined(separator: ", "))"
    case .hasSession(let node): return hasSessionWords(node, in: world)
    case .isPlanner: return world.store.planner.map { "\($0.node) is the planner" } ?? "nobody is the planner"
    case .isIsolated(let node):
      return world.host(node)?.guardProcess.map { "the guard of \(node) is \($0.isIsolated ? "isolated" : "not isolated")" }
        ?? "\(node) has no guard"
    case .anythingHasMoved:
      let moved = world.chronicle?.moves.keys.sorted().map(\.text) ?? []
      return moved.isEmpty ? "nothing has moved" : "\(moved.joined(separator: ", ")) moved"
    case .hasSaid(let node, let text, let part):
      let when = part.map { " within \($0.length) of \($0.from)" } ?? ""
      return "\(node) has \(holds(in: world) ? "" : "not ")said \"\(text)\"\(when)"
    case .isNeverDown(let workload, _):
      let longest = world.chronicle?.longestOutage(of: workload, at: world.now) ?? .zero
      return "\(workload) was down for \(longest) at a stretch"
    case .copyRuns(let workload, let node):
      return holds(in: world) ? "a copy of \(workload) runs on \(node)" : "no copy of \(workload) runs on \(node)"
    case .isUp(let address, _):
      let places = world.hosts.filter { $0.addresses.answers(for: address) }.map(\.name.text)
      return "\(address) is up \(places.isEmpty ? "nowhere" : "on \(places.joined(separator: " and "))")"
    case .anAddressIsUpTwice: return "\(holds(in: world) ? "an" : "no") address is up twice"
    case .isAiling(let node): return "\(node) is \(holds(in: world) ? "" : "not ")ailing"
    case .partIsUp(let name, let node): return "\(name) is \(holds(in: world) ? "" : "not ")up on \(node)"
    case .not(let statement): return statement.finding(in: world)
    }
  }

  private func hasSessionWords(_ node: NodeName, in world: World) -> String {
    holds(in: world) ? "\(node) has a session" : "\(node) has no session"
  }

  private static func standing(of workload: WorkloadName, in world: World) -> String {
    let places = world.invariants.executes(workload).map(\.name.text)
    let starts = world.chronicle?.starts[workload] ?? 0
    var words = "\(workload) runs \(places.isEmpty ? "nowhere" : "on \(places.joined(separator: " and "))")"
    if let placement = world.store.placement(of: workload) {
      words += placement.node.map { ", is placed on \($0)" } ?? ", is placed nowhere (\(placement.reason))"
    }
    words += holder(of: workload, in: world.store).map { ", \($0) holds it" } ?? ", nobody holds it"
    if let health = health(of: workload, in: world.store) {
      words += ", its check '\(health.check)' \(health.isFailing ? "fails" : "cannot be made") (\(health.reason))"
    }
    return words + ", started \(starts) \(starts == 1 ? "time" : "times")"
  }
}
