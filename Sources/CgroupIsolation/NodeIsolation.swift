import Glibc
import GuardCore
import LinuxBasics

/// Stops and releases everything protected on this node: the partitions, and domains adopted outside them.
public struct NodeIsolation: Sendable {
  /// What an order to stop everything came to.
  public struct Outcome: Hashable, Sendable {
    /// Everything was seen frozen or gone.
    public var confirmed: Bool
    /// Cgroups outside the partitions that were frozen by themselves before.
    public var foundFrozen: [String]
    /// What could not be done or told, for the log.
    public var problems: [String]
  }

  public let hierarchy: CgroupHierarchy
  public let partition: Partition
  private let freezer: CgroupFreezer

  public init(partition: Partition, hierarchy: CgroupHierarchy) {
    self.partition = partition
    self.hierarchy = hierarchy
    freezer = CgroupFreezer(hierarchy)
  }

  /// The partition's directory for workloads with this isolation.
  public func directory(for isolation: Isolation) -> String {
    hierarchy.root + "/" + partition.path(for: isolation)
  }

  private var partitionDirectories: [String] { Isolation.allCases.map(directory(for:)) }

  /// Freezes the partitions, one write each, then every given cgroup outside them; then looks until all are frozen.
  ///
  /// - Parameter patience: how long to look before saying "not confirmed".
  public func isolate(cgroups: [String], patience: Duration) -> Outcome {
    var problems: [String] = []
    for directory in partitionDirectories { freezePartition(directory, &problems) }
    let adopted = outside(cgroups)
    var found: [String] = []
    for cgroup in adopted {
      do {
        if try freezer.isFrozenByItself(cgroup) { found.append(cgroup) }
        try freezer.freeze(cgroup)
      } catch { note(error, &problems) }
    }
    let confirmed = confirm(partitionDirectories + adopted, patience, &problems)
    return Outcome(confirmed: confirmed && problems.isEmpty, foundFrozen: found, problems: problems)
  }

  /// Looks whether everything that `isolate` froze is still frozen, and does it again where something is not: two small reads for each cgroup, and no
  /// order to the kernel, where all is well.
  public func hold(cgroups: [String], patience: Duration) -> Outcome {
    guard partitionDirectories.allSatisfy({ isHeld($0, orGone: false) }),
      outside(cgroups).allSatisfy({ isHeld($0, orGone: true) })
    else { return isolate(cgroups: cgroups, patience: patience) }
    return Outcome(confirmed: true, foundFrozen: [], problems: [])
  }

  /// - Parameter orGone: a partition that is gone is made again, as something may start in it.
  private func isHeld(_ directory: String, orGone: Bool) -> Bool {
    do { return try freezer.isHeld(directory) } catch { return orGone && error.isGone && hierarchy.isMounted }
  }

  /// - Returns: what could not be done.
  public func thaw(cgroups: [String]) -> [String] {
    var problems: [String] = []
    for directory in outside(cgroups) + partitionDirectories {
      do { try freezer.thaw(directory) } catch { note(error, &problems) }
    }
    return problems
  }

  /// One attempt at a kill; repeat it until it is `gone`.
  public func kill(_ target: KillTarget) -> KillProgress {
    let killing = CgroupKill(freezer: freezer, graveyard: graveyard)
    switch target {
    case .workload(_, let cgroup): return killing.attempt(cgroup)
    case .stopPartition(let sparing): return killing.attempt(below: directory(for: .stop), sparing: sparing)
    case .unseen(_, let cgroup, let sparing):
      let unseen = CgroupKill.worse(
        killing.attempt(below: directory(for: .freeze), sparing: sparing),
        killing.attempt(below: directory(for: .stop), sparing: sparing))
      return cgroup.map { CgroupKill.worse(killing.attempt($0), unseen) } ?? unseen
    }
  }

  /// Whether a process exists in the partitions or one of these cgroups, apart from what is spared; nil: cannot tell.
  public func census(cgroups: [String], sparing: Set<String> = []) -> Bool? {
    let processes = CgroupProcesses(hierarchy: hierarchy)
    do {
      for directory in partitionDirectories + cgroups where try processes.occupied(directory, sparing: sparing) { return true }
      return false
    } catch {
      return nil
    }
  }

  /// Whether a partition is frozen by itself, or cannot be asked.
  public func isFrozen() -> Bool {
    for directory in partitionDirectories {
      do {
        if try freezer.isFrozenByItself(directory) { return true }
      } catch {
        if !(error.isGone && hierarchy.isMounted) { return true }
      }
    }
    return false
  }

  /// Checks a cgroup that came from outside.
  public func check(_ cgroup: String) throws(IsolationError) {
    let own: String
    do { own = try hierarchy.own() } catch {
      throw IsolationError(thing: "cgroup \(cgroup)", reason: "\(error)", remedy: "Mount /proc.")
    }
    try hierarchy.check(cgroup, protecting: partitionDirectories + [own])
  }

  // MARK: Parts

  /// Killed processes die outside of everything that is frozen.
  private var graveyard: String {
    hierarchy.root + "/" + partition.name.split(separator: "/").joined(separator: "-") + "-killed"
  }

  /// Cgroups inside a partition are frozen with it; one thing is written once.
  private func outside(_ cgroups: [String]) -> [String] {
    cgroups.filter { cgroup in !partitionDirectories.contains { cgroup.hasPrefix($0 + "/") } }
  }

  /// A partition that was removed is made again: a domain may be about to start in it.
  private func freezePartition(_ directory: String, _ problems: inout [String]) {
    do {
      do { try freezer.freeze(directory) } catch {
        guard error.isGone && hierarchy.isMounted else { throw error }
        for isolation in Isolation.allCases {
          for step in partition.pathSteps(for: isolation) { try KernelFile.makeDirectory(hierarchy.root + "/" + step) }
        }
        try freezer.freeze(directory)
      }
    } catch { problems.append("\(error)") }
  }

  private func note(_ error: KernelFileError, _ problems: inout [String]) {
    if !(error.isGone && hierarchy.isMounted) { problems.append("\(error)") }
  }

  private func confirm(_ directories: [String], _ patience: Duration, _ problems: inout [String]) -> Bool {
    let start = ContinuousClock.now
    var waiting = directories[...]
    while let directory = waiting.first {
      do {
        switch try freezer.stillness(directory) {
        case .frozen, .gone:
          waiting.removeFirst()
          continue
        case .thawed:
          problems.append("\(directory) is thawed again")
          return false
        case .freezing: break
        }
      } catch {
        problems.append("\(error)")
        return false
      }
      if ContinuousClock.now - start >= patience { return areStillButForTheDying(waiting, &problems) }
      // Asleep, not looking: the tasks need the processor to come to rest.
      usleep(100)
    }
    return true
  }

  /// Whether only what was killed keeps them from being frozen: a process that does not even take its SIGKILL, as it waits for an answer that never
  /// comes.
  private func areStillButForTheDying(_ directories: ArraySlice<String>, _ problems: inout [String]) -> Bool {
    do {
      for directory in directories {
        switch try freezer.stillness(directory) {
        case .frozen, .gone: break
        case .thawed: return false
        case .freezing: if try !isStillButForTheDying(directory) { return false }
        }
      }
      return true
    } catch {
      problems.append("\(error)")
      return false
    }
  }

  /// - Parameter directory: it, or one above it, was ordered frozen. v2 tells of that order only where it was given.
  private func isStillButForTheDying(_ directory: String) throws(KernelFileError) -> Bool {
    let processes = CgroupProcesses(hierarchy: hierarchy)
    guard try processes.areDying(directory) else { return false }
    for child in try processes.directories(directory).map({ directory + "/" + $0 }) {
      let stillness = try freezer.stillness(child)
      if stillness == .frozen || stillness == .gone { continue }
      guard try isStillButForTheDying(child) else { return false }
    }
    return true
  }
}

/// For a controller that finds its guard dead: freezes the partitions and the given cgroups, removes the addresses, and takes the links down, with the
/// guard's own code.
///
/// It blocks for some milliseconds, and while somebody holds the kernel's routing lock; call it off the cooperative pool. When a guard is back it
/// finds the partition frozen and holds the isolation; then send `isolate`, re-validate the claims, and `resume`.
/// - Returns: whether everything was seen frozen, and no address is left; if not, call it again at once.
public func isolateDirectly(
  partition: Partition, hierarchy: CgroupHierarchy, cgroups: [String], links: [String], addresses: [GuardedAddress] = []
) -> NodeIsolation.Outcome {
  var outcome = NodeIsolation(partition: partition, hierarchy: hierarchy).isolate(cgroups: cgroups, patience: .milliseconds(20))
  let left = HostAddresses().set(remove: addresses, add: []).failed
  if !left.isEmpty { outcome.confirmed = false }
  outcome.problems += left.sorted { $0.key < $1.key }.map { "\($0.key) is not removed: \($0.value)" }
  outcome.problems += HostLinks().down(links).problems
  return outcome
}
