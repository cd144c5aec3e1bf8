import Glibc
import LinuxBasics

/// The processes of a cgroup and of everything below it.
package struct CgroupProcesses {
  let hierarchy: CgroupHierarchy

  package init(hierarchy: CgroupHierarchy) { self.hierarchy = hierarchy }

  /// Process ids, each once, in no order; empty when the cgroup is gone.
  package func list(_ directory: String, recursively: Bool = true) throws(KernelFileError) -> Set<pid_t> {
    var pids = try here(directory)
    guard recursively else { return pids }
    for child in try directories(directory) { pids.formUnion(try list(directory + "/" + child)) }
    return pids
  }

  /// Whether a process is in it or below, apart from what is spared in it.
  func occupied(_ directory: String, sparing: Set<String> = []) throws(KernelFileError) -> Bool {
    if !sparing.isEmpty {
      if try !list(directory, recursively: false).isEmpty { return true }
      for child in try directories(directory).map({ directory + "/" + $0 }) {
        // All of a workload's cgroup, as a kill spares it: what is known of it may be a cgroup further below.
        if sparing.contains(where: { $0 == child || $0.hasPrefix(child + "/") }) { continue }
        if try occupied(child) { return true }
      }
      return false
    }
    switch hierarchy.version {
    case .v1: return try !list(directory).isEmpty
    case .v2:
      do {
        return try KernelFile.read(directory + "/cgroup.events").split(separator: "\n").contains("populated 1")
      } catch {
        if error.isGone && hierarchy.isMounted { return false }
        throw error
      }
    }
  }

  /// Whether each process directly in it has its SIGKILL pending: whatever it waits for in the kernel, it executes nothing more of its own.
  func areDying(_ directory: String) throws(KernelFileError) -> Bool {
    for pid in try here(directory) where try !isDying(pid) { return false }
    return true
  }

  private func isDying(_ pid: pid_t) throws(KernelFileError) -> Bool {
    let status: String
    do { status = try KernelFile.read("/proc/\(pid)/status") } catch {
      if error.isGone || error.code == ESRCH { return true }
      throw error
    }
    // Of its first thread, and of all: a SIGKILL ends all, whichever takes it.
    return status.split(separator: "\n").contains { line in
      guard line.hasPrefix("SigPnd:") || line.hasPrefix("ShdPnd:"), let word = line.split(separator: "\t").last,
        let pending = UInt64(word, radix: 16)
      else { return false }
      return pending & (1 << UInt64(SIGKILL - 1)) != 0
    }
  }

  func directories(_ directory: String) throws(KernelFileError) -> [String] {
    try KernelFile.directories(in: directory) ?? []
  }

  private func here(_ directory: String) throws(KernelFileError) -> Set<pid_t> {
    do {
      return Set(
        try KernelFile.read(directory + "/cgroup.procs").split(separator: "\n").compactMap { pid_t($0) }.filter { $0 > 0 })
    } catch {
      if error.isGone && hierarchy.isMounted { return [] }
      // A threaded cgroup (libvirt makes them for a QEMU's threads) lists its processes at its domain, above.
      if error.code == EOPNOTSUPP { return [] }
      throw error
    }
  }
}
