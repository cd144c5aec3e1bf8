import HoldfastModel

/// The machines of workloads by name. It alone makes a `Vacancy`: it has no machine of that name then.
struct Roster<Machine: Sendable>: Sendable {
  private var machines: [WorkloadName: Machine] = [:]

  subscript(name: WorkloadName) -> Machine? { machines[name] }
  var names: Dictionary<WorkloadName, Machine>.Keys { machines.keys }
  var all: Dictionary<WorkloadName, Machine>.Values { machines.values }

  /// In the order of names.
  var sorted: [(key: WorkloadName, value: Machine)] { machines.sorted { $0.key < $1.key } }

  mutating func take(_ name: WorkloadName) -> Machine? { machines.removeValue(forKey: name) }

  /// Forgets the machine of that name, if there is one: another may be made.
  mutating func vacate(_ name: WorkloadName) -> Vacancy {
    machines[name] = nil
    return Vacancy(workload: name)
  }

  mutating func put(_ machine: Machine, as name: WorkloadName) { machines[name] = machine }
}

/// Nothing is remembered of the workload: what a new machine of it takes. A machine that remembers nothing says that no start is on its way and no
/// release in doubt, so nobody may make one up beside the one that knows better. Only `Roster` makes it.
struct Vacancy: ~Copyable {
  let workload: WorkloadName

  fileprivate init(workload: WorkloadName) { self.workload = workload }
}
