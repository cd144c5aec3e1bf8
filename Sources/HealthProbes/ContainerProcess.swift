import CgroupIsolation
import Glibc
import HoldfastChecks
import HoldfastModel
import LinuxBasics

/// A container's first process, by which the kernel shows what is the container's own: its namespaces, its root directory, its cgroup.
package struct ContainerProcess: Sendable {
  /// In this host's PID namespace.
  let pid: pid_t

  /// Why there is none to be asked, as a clause.
  package struct Missing: Error, Equatable {
    var reason: String
  }

  /// - Parameter place: of a container: its process is the one that libvirt runs it with, whose one child is the container's init.
  package init(at place: CheckSubject.Place) throws(Missing) {
    guard place.domain.connection.hasPrefix("lxc") else {
      throw Missing(reason: "a virtual machine has no processes of this node's")
    }
    guard let controller = place.pid else { throw Missing(reason: "the container's process is not known") }
    // A number is given to others again: what another process has below it is nothing that a command may be brought into.
    guard Self.runs(controller, place.domain.name) else { throw Missing(reason: "the container's process is gone") }
    guard let first = ProcessTree.firstChild(of: controller) else { throw Missing(reason: "the container has no process") }
    // A helper of libvirt's, as while the container is made: what is brought into that runs on the host.
    guard Self.isContained(first) else { throw Missing(reason: "the container's first process is not in it") }
    pid = first
  }

  /// It sees other files than this daemon, and than the host.
  private static func isContained(_ pid: pid_t) -> Bool {
    guard let own = files(of: "\(pid)") else { return false }
    return own != files(of: "self") && own != files(of: "1")
  }

  /// What stands for a process's view of files; nil: it is gone.
  private static func files(of process: String) -> [UInt8]? {
    var name = [UInt8](repeating: 0, count: 64)
    let count = readlink("/proc/\(process)/ns/mnt", &name, name.count)
    return count > 0 ? Array(name.prefix(count)) : nil
  }

  /// libvirt starts it with the container's name.
  private static func runs(_ controller: pid_t, _ name: String) -> Bool {
    guard let line = try? KernelFile.read("/proc/\(controller)/cmdline") else { return false }
    let words = line.split(separator: "\0", omittingEmptySubsequences: false)
    return zip(words, words.dropFirst()).contains { $0 == "--name" && $1 == name }
  }

  /// Of this process, to say where it is: for tests.
  package init(itself pid: pid_t) { self.pid = pid }

  var network: String { "/proc/\(pid)/ns/net" }
  var root: String { "/proc/\(pid)/root" }

  /// The directory of its cgroup in the hierarchy that the guard freezes.
  package func cgroup() throws(Missing) -> String {
    do {
      let hierarchy = try CgroupHierarchy.find()
      let paths = try KernelFile.read("/proc/\(pid)/cgroup")
      if let directory = hierarchy.path(in: paths).flatMap(hierarchy.directory(of:)) { return directory }
    } catch {
      throw Missing(reason: "the container's cgroup is not to be found: \(error)")
    }
    throw Missing(reason: "the container's cgroup is not to be found")
  }

  /// The numbers of the capabilities that none of its processes can have, of those that this host knows.
  func withheldCapabilities() throws(Missing) -> [Int] {
    do {
      let status = try KernelFile.read("/proc/\(pid)/status"), own = try KernelFile.read("/proc/self/status")
      guard let kept = Self.boundingSet(in: status), let all = Self.boundingSet(in: own) else {
        throw Missing(reason: "the container's capabilities are not to be found")
      }
      return (0..<64).filter { all & ~kept & (1 << $0) != 0 }
    } catch let error as Missing {
      throw error
    } catch {
      throw Missing(reason: "the container's capabilities are not to be found: \(error)")
    }
  }

  private static func boundingSet(in status: String) -> UInt64? {
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapBnd:") }
    return line.flatMap { $0.split(whereSeparator: \.isWhitespace).last }.flatMap { UInt64($0, radix: 16) }
  }
}
