import GuardCore
import HoldfastModel

/// The machines of the workloads that this node does something about. One that says nothing more than a new one would is not kept.
struct WorkloadTable: Sendable {
  private var machines = Roster<WorkloadMachine>()
  /// By connection: starts that libvirt was asked for and that have not ended, as far as is known. One that hangs holds up no other.
  private var starts: [String: Int] = [:]
  /// The first transition of a workload's machine that is none of the listed ones.
  private(set) var breach: String?

  subscript(name: WorkloadName) -> WorkloadMachine? { machines[name] }
  var names: Dictionary<WorkloadName, WorkloadMachine>.Keys { machines.names }
  var all: Dictionary<WorkloadName, WorkloadMachine>.Values { machines.all }

  /// The machine as it is, or as a new one would be.
  func asKnown(_ name: WorkloadName) -> WorkloadMachine {
    if let known = machines[name] { return known }
    var empty = Roster<WorkloadMachine>()
    return WorkloadMachine(empty.vacate(name))
  }

  /// Addresses that the guard was told to raise, or holds from an earlier life, and that are not known to be gone.
  var lentAddresses: Set<GuardedAddress> {
    machines.all.reduce(into: []) { $0.formUnion($1.parts.protection.lent) }
  }

  /// Everything that the guard was told to protect, in the order of names. What there may be of addresses besides, as of what it was told to forget, comes last,
  /// under no name.
  func guarded(with addresses: Set<GuardedAddress>) -> [GuardedWorkload] {
    let told = machines.sorted.compactMap(\.value.parts.protection.told)
    let rest = addresses.subtracting(told.flatMap(\.addresses))
    guard !rest.isEmpty else { return told }
    return told + [GuardedWorkload(name: "", isolation: .freeze, cgroup: nil, links: [], addresses: rest.sorted())]
  }

  func startsUnderWay(on connection: String?) -> Int { connection.flatMap { starts[$0] } ?? 0 }

  /// A start that was asked for before may still succeed.
  var mayStillAppear: Bool { machines.all.contains(where: \.parts.mayStillAppear) }

  /// Workloads of whose addresses the guard's word may tell news.
  var followingAddresses: Set<WorkloadName> { names { $0.parts.protection.followsAddresses } }

  func names(where isMeant: (WorkloadMachine) -> Bool) -> Set<WorkloadName> {
    Set(machines.all.lazy.filter(isMeant).map(\.name))
  }

  /// Workloads whose checks look at them.
  var checked: Set<WorkloadName> { names { $0.parts.watch.subject != nil } }

  /// Workloads that fail their checks at once with most others.
  var heldTogether: Set<WorkloadName> {
    names { if case .together? = $0.parts.watch.held { true } else { false } }
  }

  /// Something under protection is seen here, or may be here unseen, or may still come up.
  func mayExecute(_ facts: Facts) -> Bool { !facts.local.isComplete || facts.seesProtectedDomain || mayStillAppear }

  /// Takes a machine out, to be changed and put back: the only way in which one changes.
  mutating func take(_ name: WorkloadName) -> WorkloadMachine {
    let machine = machines.take(name) ?? WorkloadMachine(machines.vacate(name))
    if let connection = machine.parts.run.startHeldOn { starts[connection, default: 0] -= 1 }
    return machine
  }

  mutating func put(_ machine: WorkloadMachine) {
    if breach == nil, let found = machine.parts.breach { breach = "\(machine.name): \(found)" }
    if let connection = machine.parts.run.startHeldOn { starts[connection, default: 0] += 1 }
    if !machine.parts.isBlank { machines.put(machine, as: machine.name) }
  }

  mutating func change(_ name: WorkloadName, _ body: (inout WorkloadMachine) -> Void) {
    var machine = take(name)
    body(&machine)
    put(machine)
  }
}
