import Glibc

/// How processes hang together.
package enum ProcessTree {
  /// The first child that a process has; of a container's controller the container's init. nil: it has none, or is gone.
  package static func firstChild(of process: pid_t) -> pid_t? {
    guard let children = try? KernelFile.read("/proc/\(process)/task/\(process)/children") else { return nil }
    return children.split(separator: " ").first.flatMap { pid_t($0) }
  }
}
