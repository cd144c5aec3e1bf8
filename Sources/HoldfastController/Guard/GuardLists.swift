import GuardCore
import HoldfastModel

/// The workloads that the guard said it protects.
struct GuardLists: Hashable, Sendable {
  let workloads: Set<String>
  let starting: Set<String>
  /// Addresses that may be on the host's links by its doing.
  private(set) var held: [HeldAddress]
  /// It has taken everything that it was told until it was asked to acknowledge that for so many times.
  private(set) var acknowledged: Int
  /// It raises addresses, and removes them.
  let knowsAddresses: Bool
  /// The lists that the first two come from.
  private let told: [[String]]

  init(_ state: GuardState = GuardState(phase: .disarmed, workloads: [])) {
    workloads = Set(state.workloads)
    starting = Set(state.starting)
    (held, acknowledged) = (state.held, state.acknowledged)
    knowsAddresses = state.knowsAddresses
    told = [state.workloads, state.starting]
  }

  /// Nothing but the deadline is new.
  func areAsTold(by state: GuardState) -> Bool {
    held == state.held && acknowledged == state.acknowledged
      && told == [state.workloads, state.starting]
  }

  /// The same workloads, with what it says of addresses by now.
  func with(_ held: [HeldAddress], acknowledged: Int) -> GuardLists {
    var lists = self
    (lists.held, lists.acknowledged) = (held, acknowledged)
    return lists
  }

  /// Addresses that it holds, or has seen on their links, only now or only then.
  func changedAddresses(since before: GuardLists) -> Set<HeldAddress> {
    held == before.held ? [] : Set(held).symmetricDifference(before.held)
  }

  /// Names that the guard protects, or starts, only now or only then.
  func changed(since before: GuardLists) -> Set<WorkloadName> {
    let names = workloads.symmetricDifference(before.workloads).union(starting.symmetricDifference(before.starting))
    return Set(names.map { WorkloadName($0) })
  }
}
