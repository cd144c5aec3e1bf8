import HoldfastModel
import HoldfastPlanning

/// The rules once more, written down as plainly as can be: what the planner's results are judged by.
struct Law {
  let policies: PolicySet
  let nodes: [NodeName: PlanningSnapshot.Node]
  let workloads: [WorkloadName: PlanningSnapshot.Workload]

  init(_ policies: PolicySet, _ snapshot: PlanningSnapshot) {
    self.policies = policies
    nodes = Dictionary(uniqueKeysWithValues: snapshot.nodes.map { ($0.name, $0) })
    workloads = Dictionary(uniqueKeysWithValues: snapshot.workloads.map { ($0.name, $0) })
  }

  typealias Seats = [WorkloadName: NodeName]

  func rules(of workload: PlanningSnapshot.Workload) -> [WorkloadPolicy] {
    policies.workloads.filter { $0.selection.matches(name: workload.name.text, labels: workload.labels) }
  }

  func demand(_ workload: PlanningSnapshot.Workload) -> [String: Double] {
    var demand = ["memory": Double(workload.demand.memory), "cpus": workload.demand.cpus]
    for rule in rules(of: workload) { demand.merge(rule.demand) { $1 } }
    return demand
  }

  func capacity(_ node: PlanningSnapshot.Node, _ resource: String) -> Double {
    let own: [String: Double] = ["memory": Double(node.capacity.memory), "cpus": node.capacity.cpus]
    let isOnlyPooled = policies.cluster.pool[resource] != nil && !policies.nodes.contains { $0.capacity[resource] != nil }
    var total = own[resource] ?? (isOnlyPooled ? .infinity : 0)
    var factor = 1.0, reserve = Amount.units(0)
    for rule in policies.nodes where rule.selection.matches(name: node.name.text, labels: node.labels) {
      total = rule.capacity[resource] ?? total
      factor = rule.overcommit[resource] ?? factor
      reserve = rule.reserve[resource] ?? reserve
    }
    switch reserve {
    case .units(let units): total -= units
    case .share(let share): total -= total * share
    }
    return total * factor
  }

  func place(_ node: NodeName, over label: String) -> String {
    label == "node" ? node.text : nodes[node]?.labels[label].map { "=\($0)" } ?? node.text
  }

  // MARK: one workload on one node

  /// The node itself lets the workload in: it is there, and no rule about nodes forbids it.
  func allows(_ name: WorkloadName, on nodeName: NodeName) -> Bool {
    guard let workload = workloads[name], let node = nodes[nodeName], node.unavailable == nil,
      workload.excluded[nodeName] == nil, node.connections.contains(workload.connection)
    else { return false }
    return permits(workload, on: node)
  }

  func permits(_ workload: PlanningSnapshot.Workload, on node: PlanningSnapshot.Node) -> Bool {
    func selects(_ selection: Selection) -> Bool { selection.matches(name: node.name.text, labels: node.labels) }
    for rule in rules(of: workload) {
      if let selection = rule.onlyOn, !selects(selection) { return false }
      if let selection = rule.neverOn, selects(selection) { return false }
      if !rule.onlyInOrder.isEmpty, !rule.onlyInOrder.contains(where: selects) { return false }
    }
    return !policies.nodes.contains { rule in
      guard let selection = rule.onlyFor, selects(rule.selection) else { return false }
      return !selection.matches(name: workload.name.text, labels: workload.labels)
    }
  }

  // MARK: all workloads on all nodes

  /// Workloads that need some of what their node, or all nodes together, have not enough of.
  ///
  /// - Parameter lingering: those that have not left a node yet use it too.
  func squeezed(_ seats: Seats, lingering: Bool = false) -> Set<WorkloadName> {
    var used: [NodeName: [String: Double]] = [:], pool: [String: Double] = [:]
    for node in nodes.values where policies.cluster.countUnprotected ?? true {
      used[node.name] = ["memory": Double(node.unmanaged.memory), "cpus": node.unmanaged.cpus]
    }
    let demands = seats.keys.reduce(into: [:]) { $0[$1] = workloads[$1].map(demand) }
    for (name, node) in seats {
      for (resource, amount) in demands[name] ?? [:] {
        used[node, default: [:]][resource, default: 0] += amount
        pool[resource, default: 0] += amount
      }
    }
    for workload in workloads.values {
      guard lingering, let node = workload.running, node != seats[workload.name] else { continue }
      for (resource, amount) in demand(workload) { used[node, default: [:]][resource, default: 0] += amount }
    }
    return Set(
      seats.keys.filter { name in
        (demands[name] ?? [:]).contains { resource, amount in
          guard amount > 0, let seat = seats[name], let node = nodes[seat] else { return false }
          let isShort = used[seat, default: [:]][resource, default: 0] > capacity(node, resource) + 1e-5
          // What used more than there is goes on: who moves needs no more.
          let held = workloads.values.reduce(0) { $0 + (usesPool($1) ? demand($1)[resource] ?? 0 : 0) }
          return isShort || policies.cluster.pool[resource].map { pool[resource, default: 0] > max(Double($0), held) } ?? false
        }
      })
  }

  /// It had a place before, or runs.
  private func usesPool(_ workload: PlanningSnapshot.Workload) -> Bool {
    workload.desired != .stopped && (workload.placed?.node ?? workload.running) != nil
  }

  /// Workloads that a hard rule keeps apart from so many others in their place that it is broken.
  func tooClose(_ seats: Seats) -> Set<WorkloadName> {
    var wrong: Set<WorkloadName> = []
    for rule in policies.workloads {
      for keep in rule.keepApart where !keep.ifPossible {
        let own = group(rule.selection, same: keep.same, over: keep.over, seats)
        if let from = keep.from {
          let others = group(from, same: keep.same, over: keep.over, seats)
          for (key, members) in own {
            for member in members {
              let near = (others[key] ?? []).filter { $0 != member }
              if !near.isEmpty { wrong.formUnion(near + [member]) }
            }
          }
        } else {
          for members in own.values where members.count > keep.atMost { wrong.formUnion(members) }
        }
      }
    }
    return wrong
  }

  /// Seated workloads of a selection, by the value of the label that they must have in common, and by place.
  private func group(_ selection: Selection, same: String?, over label: String, _ seats: Seats) -> [[String]: [WorkloadName]] {
    var groups: [[String]: [WorkloadName]] = [:]
    for (name, node) in seats {
      guard let workload = workloads[name], selection.matches(name: name.text, labels: workload.labels) else { continue }
      if let same {
        guard let value = workload.labels[same] else { continue }
        groups[[value, place(node, over: label)], default: []].append(name)
      } else {
        groups[["", place(node, over: label)], default: []].append(name)
      }
    }
    return groups
  }

  /// For each workload those that hard rules tie to it, through chains too, by label.
  func ties() -> [String: [Set<WorkloadName>]] {
    var pairs: [String: [Set<WorkloadName>]] = [:]
    for rule in policies.workloads {
      for keep in rule.keepTogether where !keep.ifPossible {
        var bySame: [String: (own: Set<WorkloadName>, all: Set<WorkloadName>)] = [:]
        for workload in workloads.values {
          let isOwn = rule.selection.matches(name: workload.name.text, labels: workload.labels)
          guard isOwn || keep.with?.matches(name: workload.name.text, labels: workload.labels) ?? false else { continue }
          guard let value = keep.same.map({ workload.labels[$0] }) ?? "" else { continue }
          if isOwn { bySame[value, default: ([], [])].own.insert(workload.name) }
          bySame[value, default: ([], [])].all.insert(workload.name)
        }
        pairs[keep.over, default: []] += bySame.values.filter { !$0.own.isEmpty && $0.all.count > 1 }.map(\.all)
      }
    }
    let onNode = pairs["node"] ?? []
    return pairs.reduce(into: [:]) { $0[$1.key] = Self.merged($1.value + ($1.key == "node" ? [] : onNode)) }
  }

  private static func merged(_ sets: [Set<WorkloadName>]) -> [Set<WorkloadName>] {
    var result: [Set<WorkloadName>] = []
    for set in sets {
      let touching = result.filter { !$0.isDisjoint(with: set) }
      result.removeAll { !$0.isDisjoint(with: set) }
      result.append(touching.reduce(set) { $0.union($1) })
    }
    return result
  }

  /// Workloads whose affinity group is in more than one place.
  func separated(_ seats: Seats) -> Set<WorkloadName> {
    var wrong: Set<WorkloadName> = []
    for (label, cohorts) in ties() {
      for cohort in cohorts {
        let seated = cohort.filter { seats[$0] != nil }
        if Set(seated.compactMap { seats[$0].map { place($0, over: label) } }).count > 1 { wrong.formUnion(seated) }
      }
    }
    return wrong
  }

  /// Those of `changed` that break a hard rule where they are.
  func wrong(_ changed: Set<WorkloadName>, in seats: Seats) -> Set<WorkloadName> {
    let places = changed.filter { name in seats[name].map { !allows(name, on: $0) } ?? false }
    return places.union(squeezed(seats).union(tooClose(seats)).union(separated(seats)).intersection(changed))
  }
}
