import GuardCore
import HoldfastModel

/// The workloads that the guard said it protects.
struct GuardLists: Hashable, Sendable {
  let workloads: Set<String>
  let starting: Set<String>
  /// The lists that the two come from.
  private let told: [[String]]

  init(_ state: GuardState = GuardState(phase: .disarmed, workloads: [])) {
    workloads = Set(state.workloads)
    starting = Set(state.starting)
    told = [state.workloads, state.starting]
  }

  /// Nothing but the deadline is new.
  func areAsTold(by state: GuardState) -> Bool { told == [state.workloads, state.starting] }

  /// Names that the guard protects, or starts, only now or only then.
  func changed(since before: GuardLists) -> Set<WorkloadName> {
    let names = workloads.symmetricDifference(before.workloads).union(starting.symmetricDifference(before.starting))
    return Set(names.map { WorkloadName($0) })
  }
}
