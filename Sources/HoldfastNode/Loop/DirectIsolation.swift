import CgroupIsolation
import Dispatch
import Glibc
import GuardCore
import Logging

/// Freezes everything under protection and removes its addresses without the guard, for the time in which there is none.
package struct DirectIsolation: Sendable {
  private let partition: Partition
  private let hierarchy: CgroupHierarchy
  private let logger: Logger
  /// The kernel's files block for some milliseconds: never on the cooperative pool.
  private let queue = DispatchQueue(label: "isolation", qos: .userInteractive)

  /// Also makes the partition's cgroups, so that a domain can be started in them.
  ///
  /// - Throws: `IsolationError` when this host has no cgroup hierarchy that can freeze, or the partition cannot be made.
  package init(partition name: String, logger: Logger) throws {
    hierarchy = try CgroupHierarchy.find()
    partition = try Partition(name)
    self.logger = logger
    try PartitionTree(partition, in: hierarchy).create()
  }

  /// One attempt. Returns at once, and tells whether everything was seen frozen, and the addresses gone.
  package func isolate(_ workloads: [GuardedWorkload], ended: @escaping @Sendable (_ isConfirmed: Bool) -> Void) {
    let cgroups = workloads.compactMap(\.cgroup), links = workloads.flatMap(\.links)
    let addresses = workloads.flatMap(\.addresses)
    queue.async { [partition, hierarchy, logger] in
      let outcome = isolateDirectly(
        partition: partition, hierarchy: hierarchy, cgroups: cgroups, links: links, addresses: addresses)
      if outcome.confirmed {
        logger.warning("everything under protection on this node was frozen without the guard")
      } else {
        logger.debug(
          "a freeze without the guard is not confirmed yet",
          metadata: ["problems": "\(outcome.problems.joined(separator: "; "))"])
      }
      ended(outcome.confirmed)
    }
  }
}
