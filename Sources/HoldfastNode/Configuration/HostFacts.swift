import Glibc
import HoldfastYAML

/// What the defaults of a configuration take from the host.
public struct HostFacts: Hashable, Sendable {
  public var name: String
  /// MiB; nil when the kernel did not tell.
  public var memory: Int?
  public var processors: Int
  /// It has a mail system.
  public var hasMail: Bool

  public init(name: String, memory: Int?, processors: Int, hasMail: Bool = true) {
    self.name = name
    self.memory = memory
    self.processors = processors
    self.hasMail = hasMail
  }

  /// This host's.
  public static func current() -> HostFacts {
    var name = [CChar](repeating: 0, count: 256)
    let text = gethostname(&name, name.count - 1) == 0 ? name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } : []
    return HostFacts(
      name: String(decoding: text, as: UTF8.self), memory: totalMemory(),
      processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      hasMail: access(NoticeMail.program, X_OK) == 0)
  }

  /// Memory for workloads where the file does not say: what is left after a share for the kernel, libvirt, etcd and us.
  public var capacityMemory: Int? { memory.map { max(1, $0 - max(512, $0 / 16)) } }

  private static func totalMemory() -> Int? {
    guard let file = try? RegularFile.read("/proc/meminfo", limit: 65_536) else { return nil }
    for line in String(decoding: file.bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("MemTotal:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 / 1024 }
    }
    return nil
  }
}
