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
  /// Its disks, by the guest's names for them, where it is the workload by its UUID: it may be the only record of those on which that last ran.
  /// nil: it has none, it is another domain, or they are not known.
  @LaterField public var disks: [String: String]?

  public init(
    of workload: WorkloadName, otherName: String? = nil, otherUUID: String? = nil, autostart: Bool = false,
    isRunning: Bool = false, disks: [String: String]? = nil
  ) {
    self.workload = workload
    self.otherName = otherName
    self.otherUUID = otherUUID
    self.autostart = autostart
    self.isRunning = isRunning
    self.disks = disks
  }

  /// The disks that a domain's XML names, by the guest's names for them; nil: none. Neither CD-ROMs nor what each run makes anew.
  package static func disks(in xml: String) -> [String: String]? {
    let hardware = DomainHardware(devices: DomainElement(of: xml)?.first("devices"), memory: 0, processors: "")
    let named = hardware.disks.filter { !$0.isRemovable }.compactMap { disk in disk.source.map { (disk.target, $0) } }
    return named.isEmpty ? nil : Dictionary(named, uniquingKeysWith: { first, _ in first })
  }

  /// Disks that it names otherwise than the workload's definition: that is `stored`, and its own is `running`. Empty: none that is known.
  public func otherDisks(than xml: String) -> [String: OtherDisk] {
    guard let disks, let stored = Self.disks(in: xml) else { return [:] }
    return disks.reduce(into: [:]) { found, disk in
      guard let other = stored[disk.key], other != disk.value else { return }
      found[disk.key] = OtherDisk(stored: other, running: disk.value)
    }
  }

  /// Such as `disk vda is /vm/web.snap1 there, and /vm/web.qcow2 in the workload's definition`.
  public static func words(_ others: [String: OtherDisk]) -> String {
    let disks = others.sorted { $0.key < $1.key }.map {
      "disk \($0.key) is \($0.value.running) there, and \($0.value.stored) in the workload's definition"
    }
    return InWords.list(disks, most: 2)
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
