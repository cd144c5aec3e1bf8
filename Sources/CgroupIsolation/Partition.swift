import GuardCore
import LinuxBasics

/// The two cgroup partitions under which all protected domains run, named as in libvirt's `<resource><partition>`:
/// `/holdfast/freeze` and `/holdfast/stop`.
public struct Partition: Hashable, Sendable {
  /// How libvirt turns a partition's name into a directory.
  public enum Layout: String, Hashable, Sendable, CaseIterable {
    /// libvirt makes the cgroups itself: `holdfast.partition/freeze.partition`.
    case escaped
    /// libvirt asks systemd-machined, and systemd makes slices: `holdfast.slice/holdfast-freeze.slice`.
    case slices
  }

  /// The parent's name, such as `/holdfast`.
  public let name: String
  public let layout: Layout

  /// - Parameter layout: nil: as libvirt will do it on this host.
  public init(_ name: String, layout: Layout? = nil) throws(IsolationError) {
    func refuse(_ reason: String) -> IsolationError {
      IsolationError(thing: "partition \(name)", reason: reason, remedy: "Use a name such as /holdfast.")
    }
    let components = name.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard name.hasPrefix("/"), !components.isEmpty else { throw refuse("it is not an absolute path") }
    for component in components {
      guard let first = component.utf8.first, Self.isPlain(first), component.utf8.allSatisfy({ Self.isPlain($0) || $0 == 0x2d })
      else { throw refuse("its components must be of ASCII letters, digits and dashes, and begin with a letter or digit") }
      guard !Self.reserved.contains(String(component)) else { throw refuse("\"\(component)\" is a name of the kernel's") }
    }
    // libvirt keeps these three as they are: everything else on the host lives there.
    guard !["machine", "system", "user"].contains(components.first) else { throw refuse("it belongs to the host") }
    self.name = name
    self.layout = layout ?? Self.hostLayout
  }

  /// The partition's name for a domain with this isolation, for its XML.
  public func name(for isolation: Isolation) -> String { "\(name)/\(isolation.rawValue)" }

  /// The partition's directory below a hierarchy's root.
  public func path(for isolation: Isolation) -> String { pathSteps(for: isolation).last ?? "" }

  /// The directories from the top down to the partition's, each a path below a hierarchy's root, without a leading slash.
  func pathSteps(for isolation: Isolation) -> [String] {
    let components = name(for: isolation).split(separator: "/").map(String.init)
    var steps: [String] = []
    var slice = ""
    for component in components {
      let directory: String
      switch layout {
      case .escaped: directory = component + ".partition"
      case .slices:
        // systemd reads a dash in a slice's name as a level.
        slice +=
          (slice.isEmpty ? "" : "-")
          + component.split(separator: "-", omittingEmptySubsequences: false).joined(separator: "\\x2d")
        directory = slice + ".slice"
      }
      steps.append(steps.last.map { $0 + "/" + directory } ?? directory)
    }
    return steps
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// What libvirt would (or, by a defect that reads /proc/cgroups wrongly, would not) escape with an underscore.
  private static let reserved: Set<String> = [
    "cgroup", "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "net_cls", "net_prio", "perf_event",
    "hugetlb",
    "rdma", "misc"
  ]

  /// libvirt asks machined where the system bus can start it.
  private static var hostLayout: Layout {
    let services = ["/usr/share", "/usr/local/share", "/etc", "/run"].map {
      $0 + "/dbus-1/system-services/org.freedesktop.machine1.service"
    }
    let machined = services.contains(where: KernelFile.exists)
    return machined && KernelFile.exists("/run/systemd/system") ? .slices : .escaped
  }
}
