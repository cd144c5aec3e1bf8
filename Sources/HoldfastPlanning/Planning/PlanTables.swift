import HoldfastModel

/// A snapshot and the policies as tables of numbers: what is looked up while a plan is made, and does not change.
struct PlanTables {
  let policies: PolicySet
  var nodes: NodeTable
  /// In the order of their names, each once.
  let workloads: [PlanningSnapshot.Workload]
  let time: WeekTime?
  let pace: PlanningSnapshot.Pace?
  /// There is a workload whose move by itself is not to be made.
  let holdsSomeStill: Bool

  private(set) var profiles: [Profile] = []
  private(set) var profileOf: [Int32] = []
  /// Row by row.
  private(set) var demand: [Int64] = []
  private(set) var priority: [Int] = []
  /// Nodes that serve the workload's connection; -1: none does.
  private(set) var servedBy: [NodeSets.ID] = []
  /// The row of the node where the last plan put it; -1: nowhere, or on a node that nobody knows.
  private(set) var placed: [Int32] = []
  private(set) var hasExclusions: [Bool] = []
  /// The row of the node that has it now; -1: none, or not known.
  private(set) var running: [Int32] = []
  private(set) var neighbours: Neighbours
  /// The pool that all nodes share; -1: a resource that is not shared.
  let pool: [Int64]

  var resourceCount: Int { nodes.resources.count }

  init(_ snapshot: PlanningSnapshot, policies: PolicySet, rules: SelectionIndex, admissions: SelectionIndex) {
    self.policies = policies
    nodes = NodeTable(snapshot, policies: policies)
    workloads = Self.sorted(snapshot.workloads)
    time = snapshot.time
    pace = snapshot.pace
    holdsSomeStill = snapshot.workloads.contains { $0.holdsStill == true }
    neighbours = Neighbours(policies, nodes: &nodes)
    let table = nodes.resources
    pool = table.names.enumerated().map { column, name in
      policies.cluster.pool[name].map { table.amount(Double($0), column) } ?? -1
    }
    readWorkloads(rules: rules, admissions: admissions)
    neighbours.finish()
  }

  private static func sorted(_ workloads: [PlanningSnapshot.Workload]) -> [PlanningSnapshot.Workload] {
    let inOrder = workloads.indices.dropFirst().allSatisfy { workloads[$0 - 1].name < workloads[$0].name }
    if inOrder { return workloads }
    var names: Set<WorkloadName> = []
    return workloads.filter { names.insert($0.name).inserted }.sorted { $0.name < $1.name }
  }

  private mutating func readWorkloads(rules: SelectionIndex, admissions: SelectionIndex) {
    let count = workloads.count, columns = resourceCount
    demand.reserveCapacity(count * columns)
    var known: [[Int32]: Int32] = [:]
    // Rules that match, then -1, then the nodes' rules that let it in.
    var key: [Int32] = [], latest: (key: [Int32], profile: Int32)?
    for workload in workloads {
      key.removeAll(keepingCapacity: true)
      rules.matches(name: workload.name.text, labels: workload.labels, into: &key)
      let matching = key.count
      key.append(-1)
      admissions.matches(name: workload.name.text, labels: workload.labels, into: &key)
      let profile: Int32
      if let latest, latest.key == key {
        profile = latest.profile
      } else if let number = known[key] {
        profile = number
      } else {
        profile = Int32(profiles.count)
        profiles.append(
          Profile(
            rules: Array(key[..<matching]), admitted: Array(key[(matching + 1)...]), policies: policies, nodes: &nodes))
        known[key] = profile
      }
      latest = (key, profile)
      profileOf.append(profile)
      append(workload, profiles[Int(profile)])
    }
  }

  private mutating func append(_ workload: PlanningSnapshot.Workload, _ profile: Profile) {
    let table = nodes.resources, settings = profile.settings
    demand.append(table.amount(Double(workload.demand.memory), ResourceTable.memory))
    demand.append(table.amount(workload.demand.cpus, ResourceTable.cpus))
    for _ in 2..<resourceCount { demand.append(0) }
    let row = demand.count - resourceCount
    for (name, value) in settings.demand {
      if let column = table.column(name) { demand[row + column] = table.amount(value, column) }
    }
    priority.append(settings.priority ?? workload.priority)
    servedBy.append(nodes.connections[workload.connection] ?? -1)
    placed.append(workload.placed?.node.flatMap { nodes.row($0) }.map(Int32.init) ?? -1)
    hasExclusions.append(!workload.excluded.isEmpty)
    running.append(workload.running.flatMap { nodes.row($0) }.map(Int32.init) ?? -1)
    neighbours.append(workload, rules: profile.rules)
  }

  func profile(_ workload: Int) -> Profile { profiles[Int(profileOf[workload])] }
  func settings(_ workload: Int) -> WorkloadSettings { profiles[Int(profileOf[workload])].settings }

  /// Memory and processors of a workload, as the policies say.
  func needs(_ workload: Int) -> Resources {
    let row = workload * resourceCount
    return Resources(
      memory: Int(nodes.resources.value(demand[row + ResourceTable.memory], ResourceTable.memory)),
      cpus: nodes.resources.value(demand[row + ResourceTable.cpus], ResourceTable.cpus))
  }

  /// No rule of its own makes it like one node better than another.
  func isIndifferent(_ workload: Int) -> Bool { profiles[Int(profileOf[workload])].isIndifferent }

  /// Higher priority, then more memory, then the name.
  func goesFirst(_ a: Int, _ b: Int) -> Bool {
    if priority[a] != priority[b] { return priority[a] > priority[b] }
    let memory = (demand[a * resourceCount], demand[b * resourceCount])
    return memory.0 != memory.1 ? memory.0 > memory.1 : a < b
  }
}
