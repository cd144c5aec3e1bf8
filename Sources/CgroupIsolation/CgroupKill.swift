import Glibc
import GuardCore
import LinuxBasics

/// Kills what is in a cgroup so that none of it executes another instruction, frozen or not.
///
/// **v2** is simple: a frozen process takes a SIGKILL and dies on the spot, and `cgroup.kill` sends it to everything, forks
/// under way included. Nothing needs to be thawed, whatever is frozen above.
///
/// **v1**: a task in the v1 freezer keeps its SIGKILL pending until it is thawed; then it dies in the kernel, on its way back to
/// user space, without another instruction of its own. So:
/// 1. The cgroup is frozen by itself, if it is not the whole partition that is being killed. Nothing in it forks any more, and it will
///    stay frozen when a `resume` thaws the partition around it before we are through.
/// 2. SIGKILL to every process, and once more to those that appeared meanwhile (a start under way puts processes in), until
///    a look shows no new one. Frozen processes do not end, so no id in the list can have been given to another meanwhile.
///    From here on the outcome is sure: the attempt is `dying`.
/// 3. They are let go. If nothing above is frozen, by thawing the cgroup, and what is below (a container may use the freezer itself). If the partition above
///    is frozen (we are isolated), thawing the cgroup would do nothing; then each process is moved to a cgroup outside, the
///    graveyard. The kernel thaws a task that is moved to an unfrozen cgroup, and it dies there; its surroundings stay frozen throughout.
///    A move takes the process with all its threads. The first one waits for a grace period (5 to 14 ms measured), the
///    next ones take 0.1 ms; so this way is taken only when isolated, when there is no deadline left to be late for.
/// 4. It is gone when the cgroup and its grave are seen to be empty. That is looked at again at every attempt: the caller repeats.
///
/// Should a process not be movable, it stays frozen with its SIGKILL pending and dies at the next attempt after the resume.
struct CgroupKill {
  let freezer: CgroupFreezer
  /// v1: the cgroup outside of everything that is ever frozen, where killed processes die.
  let graveyard: String

  private var processes: CgroupProcesses { CgroupProcesses(hierarchy: freezer.hierarchy) }
  /// Moves in one attempt, so that a great many processes do not keep the guard from answering.
  private static let movesAtOnce = 64
  /// Looks for processes that appeared while others were killed. Two are enough when everything is frozen.
  private static let mostLooks = 50

  /// One attempt, for a cgroup that belongs to one workload.
  func attempt(_ directory: String) -> KillProgress {
    attempt(directory, holdingStill: true, recursively: true)
  }

  /// One attempt at everything directly or further below a frozen partition, except what is spared.
  func attempt(below partition: String, sparing: Set<String>) -> KillProgress {
    let children: [String]
    do {
      // One small read where there is nothing to do.
      if freezer.hierarchy.version == .v2, try !processes.occupied(partition) { return .gone }
      children = try processes.directories(partition)
    } catch { return .failed(reason: "\(error)") }
    var worst = attempt(partition, holdingStill: false, recursively: false)
    for child in children.map({ partition + "/" + $0 }) {
      if sparing.contains(where: { $0 == child || $0.hasPrefix(child + "/") }) { continue }
      worst = Self.worse(worst, attempt(child, holdingStill: false, recursively: true))
    }
    return worst
  }

  /// Two kills together are as far as the one that is behind.
  static func worse(_ a: KillProgress, _ b: KillProgress) -> KillProgress {
    switch (a, b) {
    case (.failed, _): a
    case (_, .failed): b
    case (.dying, _), (_, .dying): .dying
    case (.gone, .gone): .gone
    }
  }

  private func attempt(_ directory: String, holdingStill: Bool, recursively: Bool) -> KillProgress {
    do {
      switch freezer.hierarchy.version {
      case .v1: return try attemptV1(directory, holdingStill: holdingStill, recursively: recursively)
      case .v2: return try attemptV2(directory, recursively: recursively)
      }
    } catch {
      return .failed(reason: "\(error)")
    }
  }

  // MARK: v2

  private func attemptV2(_ directory: String, recursively: Bool) throws(KernelFileError) -> KillProgress {
    if recursively {
      guard try processes.occupied(directory) else { return .gone }
      do { try KernelFile.write("1", to: directory + "/cgroup.kill") } catch {
        // Before Linux 5.14: frozen, nothing forks while it is killed one by one; and frozen processes die all the same.
        guard error.code == ENOENT, KernelFile.exists(directory) else { throw error }
        try freezer.freeze(directory)
        _ = try signalAll(directory, recursively: true)
      }
      return try processes.occupied(directory) ? .dying : .gone
    }
    _ = try signalAll(directory, recursively: false)
    return try processes.list(directory, recursively: false).isEmpty ? .gone : .dying
  }

  // MARK: v1

  private func attemptV1(_ directory: String, holdingStill: Bool, recursively: Bool) throws(KernelFileError) -> KillProgress {
    let grave = graveyard + "/" + String(directory.split(separator: "/").last ?? "partition")
    if try freezer.stillness(directory) == .gone { return try emptied(grave) }
    if holdingStill { try freezer.freeze(directory) }
    let pids = try signalAll(directory, recursively: recursively)
    let held = try holdingStill ? freezer.isHeldFromAbove(directory) : true
    if held {
      if !pids.isEmpty { try bury(pids, in: grave) }
      if holdingStill && pids.isEmpty { try freezer.thaw(directory) }
    } else {
      try thawTree(directory)
    }
    guard try processes.list(directory, recursively: recursively).isEmpty else { return .dying }
    return try emptied(grave)
  }

  private func thawTree(_ directory: String) throws(KernelFileError) {
    do { try freezer.thaw(directory) } catch { if !error.isGone { throw error } }
    for child in try processes.directories(directory) { try thawTree(directory + "/" + child) }
  }

  private func bury(_ pids: Set<pid_t>, in grave: String) throws(KernelFileError) {
    try KernelFile.makeDirectory(graveyard)
    try KernelFile.makeDirectory(grave)
    for pid in pids.sorted().prefix(Self.movesAtOnce) {
      do { try KernelFile.write("\(pid)", to: grave + "/cgroup.procs") } catch {
        // ESRCH: it was not frozen after all and has died. Any other: it stays where it is, with its SIGKILL pending.
        continue
      }
    }
  }

  private func emptied(_ grave: String) throws(KernelFileError) -> KillProgress {
    guard KernelFile.exists(grave) else { return .gone }
    guard try processes.list(grave).isEmpty else { return .dying }
    // Left for the next attempt when the kernel has not yet let go of the last one.
    rmdir(grave)
    rmdir(graveyard)
    return .gone
  }

  // MARK: Both

  /// SIGKILL to everything, until a look shows nothing new. Returns what was there at the last look.
  private func signalAll(_ directory: String, recursively: Bool) throws(KernelFileError) -> Set<pid_t> {
    var signalled: Set<pid_t> = []
    for _ in 0..<Self.mostLooks {
      let present = try processes.list(directory, recursively: recursively)
      let new = present.subtracting(signalled)
      if new.isEmpty { return present }
      for pid in new where Glibc.kill(pid, SIGKILL) != 0 && errno != ESRCH {
        throw KernelFileError(operation: "kill process \(pid) of", path: directory, code: errno)
      }
      signalled.formUnion(new)
    }
    throw KernelFileError(operation: "kill faster than processes appear in", path: directory, code: EAGAIN)
  }
}
