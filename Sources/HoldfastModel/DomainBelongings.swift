/// A thing that one workload has to itself, unless others share it on purpose: what it writes, and what it answers under.
package struct Belonging: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case disk
    /// What lies under a disk: it is only read, and nobody may write it.
    case backing
    /// Of the host, in a container.
    case directory
    /// A file with a virtual machine's firmware variables (NVRAM).
    case firmware
    case macAddress
    /// That follows the workload.
    case address
    case uuid
  }
  package var kind: Kind
  /// As a definition's `shared` names it: a path, `rbd:POOL/IMAGE`, `volume:POOL/VOLUME`, a MAC address.
  package var name: String
  /// Under these it is found.
  package var marks: [String]
  /// Names under which the same thing is found.
  package var rivals: [String]
  /// The domain's XML says that others may write it, too.
  package var isShareable: Bool
  /// The workload runs on it, or last did, and its definition does not name it.
  package var isInUse = false

  package init(_ kind: Kind, _ name: String, marks: [String], rivals: [String]? = nil, isShareable: Bool = false) {
    self.kind = kind
    self.name = name
    self.marks = marks
    self.rivals = rivals ?? marks
    self.isShareable = isShareable
  }

  /// Such as `the disk /srv/web1.img`.
  package var words: String {
    let what =
      switch kind {
      case .disk: "disk"
      case .backing: "image"
      case .directory: "directory"
      case .firmware: "firmware variables"
      case .macAddress: "MAC address"
      case .address: "address"
      case .uuid: "UUID"
      }
    return "the \(what) \(InWords.oneLine(name))"
  }
}

/// A file or directory of its host that a domain's XML names.
package struct NamedFile: Hashable, Sendable {
  package enum Use: Hashable, Sendable {
    /// Without it the domain does not start: a disk, a CD-ROM, a directory, a kernel.
    case start
    /// The firmware's variables, made anew where there are none.
    case firmware
    /// A console's log, made anew where there is none.
    case console
  }
  package var path: String
  package var use: Use

  package init(_ path: String, _ use: Use) {
    self.path = path
    self.use = use
  }
}

/// The part of the world outside a domain that its XML names.
package struct DomainBelongings: Hashable, Sendable {
  package enum TPM: Hashable, Sendable {
    /// libvirt removes its state when a transient domain ends.
    case forgotten
    /// `persistent_state='yes'`: its state stays on the node.
    case kept
  }
  /// Things that no other workload may have at the same time. Each once.
  package private(set) var owned: [Belonging] = []
  /// Images under its disks, as far as the XML names them. Each once; they may be under others' disks too.
  package private(set) var backing: [Belonging] = []
  /// Each path once.
  package fileprivate(set) var files: [NamedFile] = []
  /// The state of an emulated TPM; nil: there is none.
  package fileprivate(set) var tpm: TPM?

  /// - Parameter xml: well-formed; of what is not, only so much is found.
  package init(of xml: String) {
    guard let domain = DomainElement(of: xml) else { return }
    var reading = BelongingsReading(isContainer: domain.attribute("type") == "lxc")
    for part in domain.children {
      switch part.name {
      case "os": reading.boot(part)
      case "devices": for device in part.children { reading.take(device) }
      default: break
      }
    }
    self = reading.found
    if reading.hasFirmwareVariables, !files.contains(where: { $0.use == .firmware }) { add(Self.firmwareFolder, .firmware) }
  }

  fileprivate init() {}

  /// Of a workload that has no XML.
  package init(owned: [Belonging]) { for belonging in owned { add(belonging) } }

  /// Where libvirt makes firmware variables of which the XML does not say the file.
  package static let firmwareFolder = "/var/lib/libvirt/qemu/nvram"
  /// Where libvirt keeps the state of emulated TPMs, each in a directory named by its domain's UUID.
  package static let tpmFolder = "/var/lib/libvirt/swtpm"

  mutating func add(_ belonging: Belonging) {
    if !owned.contains(where: { $0.marks == belonging.marks }) { owned.append(belonging) }
  }

  /// - Parameter image: a disk.
  mutating func addBacking(_ image: Belonging) {
    var image = image
    image.kind = .backing
    if !backing.contains(where: { $0.marks == image.marks }) { backing.append(image) }
  }

  fileprivate mutating func add(_ path: String, _ use: NamedFile.Use) {
    if !files.contains(where: { $0.path == path }) { files.append(NamedFile(path, use)) }
  }
}

/// What the devices name, one after the other.
private struct BelongingsReading {
  private(set) var found = DomainBelongings()
  private(set) var hasFirmwareVariables = false
  private let isContainer: Bool

  init(isContainer: Bool) { self.isContainer = isContainer }

  mutating func boot(_ os: DomainElement) {
    if os.attribute("firmware") == "efi" { hasFirmwareVariables = true }
    for part in os.children {
      switch part.name {
      case "kernel", "initrd", "dtb": if let file = part.text.plainPath { found.add(file, .start) }
      case "loader":
        if part.attribute("type") == "pflash", part.attribute("stateless") != "yes" { hasFirmwareVariables = true }
      case "nvram":
        if part.attribute("type") == nil { firmware(part.text) }
        for source in part.all("source") { firmware(source.value("file")) }
      default: break
      }
    }
  }

  private mutating func firmware(_ text: String?) {
    guard let file = text.flatMap(\.plainPath) else { return }
    found.add(file, .firmware)
    found.add(Belonging(.firmware, file, marks: [file]))
  }

  mutating func take(_ device: DomainElement) {
    switch device.name {
    case "disk": disk(device)
    case "filesystem": filesystem(device)
    case "memory": if ["nvdimm", "virtio-pmem"].contains(device.attribute("model")) { persistentMemory(device) }
    case "interface": if device.attribute("type") != "user", let mac = device.macAddress { address(mac) }
    case "serial", "console", "parallel":
      if device.attribute("type") == "file", let file = device.first("source")?.value("path").flatMap(\.plainPath) {
        found.add(file, .console)
      }
    case "tpm":
      if let backend = device.first("backend"), backend.attribute("type") == "emulator" {
        found.tpm = backend.attribute("persistent_state") == "yes" ? .kept : .forgotten
      }
    default: break
    }
    if let log = device.first("log")?.value("file").flatMap(\.plainPath) { found.add(log, .console) }
  }

  // MARK: what is written

  private mutating func disk(_ device: DomainElement) {
    guard var disk = storage(.disk, of: device, type: device.attribute("type") ?? "file") else { return }
    disk.isShareable = device.has("shareable")
    let isOptional = ["optional", "requisite"].contains(device.first("source")?.attribute("startupPolicy"))
    if disk.name.hasPrefix("/"), !disk.name.hasPrefix("/dev/"), !isOptional { found.add(disk.name, .start) }
    // Each run writes a copy of its own, over a file that stays as it is; and what a guest has in a CD-ROM drive it cannot write.
    let writesCopy = device.first("transient")?.attribute("shareBacking") == "yes"
    guard !device.has("readonly"), !writesCopy, device.attribute("device") != "cdrom" else { return }
    found.add(disk)
    var layer = device.first("backingStore")
    while let below = layer {
      if let image = storage(.disk, of: below, type: below.attribute("type") ?? "file") { found.addBacking(image) }
      layer = below.first("backingStore")
    }
  }

  /// Memory that keeps what is written to it, in a file of the host.
  private mutating func persistentMemory(_ device: DomainElement) {
    guard let file = device.first("source")?.first("path")?.text.plainPath else { return }
    if !file.hasPrefix("/dev/") { found.add(file, .start) }
    // With `private` nothing that is written gets into the file.
    if device.attribute("access") == "private" || device.first("target")?.has("readonly") == true { return }
    found.add(Belonging(.disk, file, marks: [file]))
  }

  private mutating func filesystem(_ device: DomainElement) {
    guard let storage = storage(.directory, of: device, type: device.attribute("type") ?? "mount") else { return }
    if storage.name.hasPrefix("/"), !storage.name.hasPrefix("/dev/") { found.add(storage.name, .start) }
    if device.has("readonly") || storage.kind == .directory && !isData(storage.name) { return }
    found.add(storage)
  }

  /// A virtual machine gets a directory to share it with its host or with others. What a container sees of the host's devices and sockets is no data of
  /// its own.
  private func isData(_ directory: String) -> Bool {
    isContainer && !["/dev", "/proc", "/sys", "/run"].contains { directory == $0 || directory.hasPrefix("\($0)/") }
  }

  private func storage(_ kind: Belonging.Kind, of device: DomainElement, type: String) -> Belonging? {
    guard let source = device.first("source") else { return nil }
    switch type {
    case "file": return source.value("file").flatMap(\.plainPath).map { Belonging(.disk, $0, marks: [$0]) }
    case "block": return source.value("dev").flatMap(\.plainPath).map { Belonging(.disk, $0, marks: [$0]) }
    case "dir", "mount": return source.value("dir").flatMap(\.plainPath).map { Belonging(kind, $0, marks: [$0]) }
    case "volume":
      guard let pool = source.value("pool"), let volume = source.value("volume") else { return nil }
      let name = "volume:\(pool)/\(volume)"
      return Belonging(.disk, name, marks: [name])
    case "network": return networkDisk(source)
    default: return nil
    }
  }

  private func networkDisk(_ source: DomainElement) -> Belonging? {
    guard let kind = source.value("protocol") else { return nil }
    return .network(kind, source.value("name") ?? "", source.servers(of: kind))
  }

  private mutating func address(_ mac: String) {
    guard mac.split(separator: ":").count == 6 else { return }
    found.add(Belonging(.macAddress, mac, marks: [mac]))
  }
}

extension Belonging {
  /// A disk on a network. Two are the same when they have one name and a host in common, or when one of them names no host: its client knows them.
  static func network(_ kind: String, _ name: String, _ servers: [DiskServer]) -> Belonging? {
    var name = name
    // libvirt's own default.
    if kind == "iscsi", !name.isEmpty, !name.contains("/") { name += "/0" }
    let hosts = servers.compactMap { host($0, of: kind) }
    guard !name.isEmpty || !hosts.isEmpty else { return nil }
    let disk = "\(kind):\(name)"
    return Belonging(
      .disk, name.isEmpty ? "\(kind):\(hosts[0])" : disk,
      marks: hosts.map { "\(disk) of \($0)" } + ["\(disk) of any"] + (hosts.isEmpty ? ["\(disk) of unnamed"] : []),
      rivals: hosts.isEmpty ? ["\(disk) of any"] : hosts.map { "\(disk) of \($0)" } + ["\(disk) of unnamed"])
  }

  /// A Ceph monitor has two ports, and both lead to the same cluster.
  private static func host(_ server: DiskServer, of kind: String) -> String? {
    if let socket = server.socket { return socket }
    guard let name = server.name?.lowercased() else { return nil }
    return kind == "rbd" ? name : "\(name):\(server.port ?? DiskServer.usualPorts[kind] ?? "0")"
  }
}
