/// A domain that libvirt on a node keeps defined under a workload's name or UUID, and that does not carry the workload's mark: what another cluster manager, or
/// somebody's hand, left there. Shut off, it keeps the workload from starting on that node; running, it may be a second copy.
public struct LeftoverDefinition: Hashable, Sendable, Codable {
  public var workload: WorkloadName
  /// The domain's name; nil: the workload's.
  public var otherName: String?
  /// The domain's UUID, lower case with dashes; nil: the workload's.
  public var otherUUID: String?
  /// libvirt starts it when the host boots.
  public var autostart: Bool
  /// The domain is active.
  public var isRunning: Bool

  public init(
    of workload: WorkloadName, otherName: String? = nil, otherUUID: String? = nil, autostart: Bool = false,
    isRunning: Bool = false
  ) {
    self.workload = workload
    self.otherName = otherName
    self.otherUUID = otherUUID
    self.autostart = autostart
    self.isRunning = isRunning
  }

  /// Both its name and its UUID are the workload's.
  public var isSame: Bool { otherName == nil && otherUUID == nil }

  /// The definition may be removed when the operator agrees: it is the workload, and nothing of it runs.
  public var isRemovable: Bool { isSame && !isRunning }

  /// The name that libvirt has for it.
  public var name: String { otherName ?? workload.text }

  /// A clause after the node's name: what is there.
  public var clause: String {
    if let otherName {
      return "its UUID is that of the domain \(otherName), which \(isRunning ? "runs" : "is defined") there outside protection"
    }
    if let otherUUID {
      return "another domain of its name \(isRunning ? "runs" : "is defined") there, with UUID \(otherUUID)"
    }
    return isRunning ? "a copy of it runs there outside protection" : "a definition of it is left there"
  }

  /// The operator's remedy on that node, or in the cluster.
  ///
  /// - Parameter connection: the workload's, as libvirt's URI.
  public func remedy(_ connection: String) -> String {
    let virsh = "virsh -c \(connection)", end = isRunning ? "`\(virsh) destroy \(name)`, then " : ""
    if isSame { return "\(end)`holdfast leftovers remove \(workload)`" }
    return "\(end)`\(Self.undefinition(of: name, connection))` there, or give the workload another name and UUID"
  }

  /// The command that removes a definition by hand. Of a virtual machine with firmware variables libvirt removes none without being told what becomes of those.
  ///
  /// - Parameter connection: libvirt's URI.
  public static func undefinition(of name: String, _ connection: String) -> String {
    "virsh -c \(connection) undefine\(connection.hasPrefix("qemu") ? " --keep-nvram" : "") \(name)"
  }

  /// Sorted by workload, then by the domain's name.
  public static func isBefore(_ a: LeftoverDefinition, _ b: LeftoverDefinition) -> Bool {
    (a.workload, a.name, a.otherUUID ?? "") < (b.workload, b.name, b.otherUUID ?? "")
  }
}
