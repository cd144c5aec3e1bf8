/// A thing that one workload has to itself, unless others share it on purpose: what it writes, and what it answers under.
package struct Belonging: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case disk
    /// Of the host, in a container.
    case directory
    /// A file with a virtual machine's firmware variables (NVRAM).
    case firmware
    case macAddress
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
      case .directory: "directory"
      case .firmware: "firmware variables"
      case .macAddress: "MAC address"
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
  package fileprivate(set) var owned: [Belonging] = []
  /// Each path once.
  package fileprivate(set) var files: [NamedFile] = []
  /// The state of an emulated TPM; nil: there is none.
  package fileprivate(set) var tpm: TPM?

  /// - Parameter xml: well-formed; of what is not, only so much is found.
  package init(of xml: String) {
    var reading = BelongingsReading()
    var tags = XMLTags(xml)
    while let tag = tags.step() {
      if tag.isClosing {
        reading.close()
      } else {
        reading.open(tag, in: tags)
        if tag.isEmpty { reading.close() }
      }
    }
    self = reading.found
    if reading.hasFirmwareVariables, !files.contains(where: { $0.use == .firmware }) { add(Self.firmwareFolder, .firmware) }
  }

  fileprivate init() {}

  /// Where libvirt makes firmware variables of which the XML does not say the file.
  package static let firmwareFolder = "/var/lib/libvirt/qemu/nvram"
  /// Where libvirt keeps the state of emulated TPMs, each in a directory named by its domain's UUID.
  package static let tpmFolder = "/var/lib/libvirt/swtpm"

  fileprivate mutating func add(_ belonging: Belonging) {
    if !owned.contains(where: { $0.marks == belonging.marks }) { owned.append(belonging) }
  }

  fileprivate mutating func add(_ path: String, _ use: NamedFile.Use) {
    if !files.contains(where: { $0.path == path }) { files.append(NamedFile(path, use)) }
  }
}

/// Walks through a domain's XML, device by device.
private struct BelongingsReading {
  private(set) var found = DomainBelongings()
  private(set) var hasFirmwareVariables = false
  private var isContainer = false
  /// The names of the open elements.
  private var path: [String] = []
  private var device = Device()

  private struct Device {
    var type: String?
    /// `cdrom`, `disk`, …
    var medium: String?
    var source: XMLTags.Tag?
    var hosts: [XMLTags.Tag] = []
    var isReadOnly = false
    var isShareable = false
    /// Each run writes a copy of its own, over a file that stays as it is.
    var writesCopy = false
    var mac: String?
    var log: String?
    var backend: XMLTags.Tag?
  }

  mutating func open(_ tag: XMLTags.Tag, in tags: XMLTags) {
    path.append(tag.name)
    switch (path.count, path.count > 1 ? path[1] : "") {
    case (1, _): isContainer = tag.attribute("type") == "lxc"
    case (2, "os"): if tag.attribute("firmware") == "efi" { hasFirmwareVariables = true }
    case (3, "os"): boot(tag, tags)
    case (4, "os"): if path[2] == "nvram", tag.name == "source" { firmware(tag.value("file")) }
    case (3, "devices"): device = Device(type: tag.attribute("type"), medium: tag.attribute("device"))
    case (4, "devices"): part(tag)
    case (5, "devices"): if path[3] == "source", tag.name == "host" { device.hosts.append(tag) }
    default: break
    }
  }

  mutating func close() {
    if path.count == 3, path[1] == "devices" { finish(path[2]) }
    if !path.isEmpty { path.removeLast() }
  }

  private mutating func boot(_ tag: XMLTags.Tag, _ tags: XMLTags) {
    switch tag.name {
    case "kernel", "initrd", "dtb": if let file = absolute(tags.textBehind()) { found.add(file, .start) }
    case "loader": if tag.attribute("type") == "pflash", tag.attribute("stateless") != "yes" { hasFirmwareVariables = true }
    case "nvram": if tag.attribute("type") == nil { firmware(tags.textBehind()) }
    default: break
    }
  }

  private mutating func firmware(_ text: String?) {
    guard let file = text.flatMap(absolute) else { return }
    found.add(file, .firmware)
    found.add(Belonging(.firmware, file, marks: [file]))
  }

  /// What stands directly in a device.
  private mutating func part(_ tag: XMLTags.Tag) {
    switch tag.name {
    case "source": if device.source == nil { device.source = tag }
    case "readonly": device.isReadOnly = true
    case "shareable": device.isShareable = true
    case "transient": device.writesCopy = tag.attribute("shareBacking") == "yes"
    case "mac": device.mac = tag.value("address")
    case "log": device.log = tag.value("file")
    case "backend": device.backend = tag
    default: break
    }
  }

  private mutating func finish(_ kind: String) {
    switch kind {
    case "disk": disk()
    case "filesystem": filesystem()
    case "interface": if device.type != "user", let mac = device.mac { address(mac) }
    case "serial", "console", "parallel":
      if device.type == "file", let file = device.source?.value("path").flatMap(absolute) { found.add(file, .console) }
    case "tpm":
      if let backend = device.backend, backend.attribute("type") == "emulator" {
        found.tpm = backend.attribute("persistent_state") == "yes" ? .kept : .forgotten
      }
    default: break
    }
    if let log = device.log.flatMap(absolute) { found.add(log, .console) }
  }

  // MARK: what is written

  private mutating func disk() {
    guard var disk = storage(.disk, type: device.type ?? "file") else { return }
    disk.isShareable = device.isShareable
    let isOptional = ["optional", "requisite"].contains(device.source?.attribute("startupPolicy"))
    if disk.name.hasPrefix("/"), !disk.name.hasPrefix("/dev/"), !isOptional { found.add(disk.name, .start) }
    // What a guest has in a CD-ROM drive it cannot write.
    if !device.isReadOnly, !device.writesCopy, device.medium != "cdrom" { found.add(disk) }
  }

  private mutating func filesystem() {
    guard let storage = storage(.directory, type: device.type ?? "mount") else { return }
    if storage.name.hasPrefix("/"), !storage.name.hasPrefix("/dev/") { found.add(storage.name, .start) }
    if device.isReadOnly || storage.kind == .directory && !isData(storage.name) { return }
    found.add(storage)
  }

  /// A virtual machine gets a directory to share it with its host or with others. What a container sees of the host's devices and sockets is no data of
  /// its own.
  private func isData(_ directory: String) -> Bool {
    isContainer && !["/dev", "/proc", "/sys", "/run"].contains { directory == $0 || directory.hasPrefix("\($0)/") }
  }

  private func storage(_ kind: Belonging.Kind, type: String) -> Belonging? {
    guard let source = device.source else { return nil }
    switch type {
    case "file": return source.value("file").flatMap(absolute).map { Belonging(.disk, $0, marks: [$0]) }
    case "block": return source.value("dev").flatMap(absolute).map { Belonging(.disk, $0, marks: [$0]) }
    case "dir", "mount": return source.value("dir").flatMap(absolute).map { Belonging(kind, $0, marks: [$0]) }
    case "volume":
      guard let pool = source.value("pool"), let volume = source.value("volume") else { return nil }
      let name = "volume:\(pool)/\(volume)"
      return Belonging(.disk, name, marks: [name])
    case "network": return networkDisk(source)
    default: return nil
    }
  }

  /// Two are the same when they have one name and a host in common, or when one of them names no host: its client knows them.
  private func networkDisk(_ source: XMLTags.Tag) -> Belonging? {
    guard let kind = source.value("protocol") else { return nil }
    var name = source.value("name") ?? ""
    // libvirt's own default.
    if kind == "iscsi", !name.isEmpty, !name.contains("/") { name += "/0" }
    let hosts = device.hosts.compactMap { Self.host($0, of: kind) }
    guard !name.isEmpty || !hosts.isEmpty else { return nil }
    let disk = "\(kind):\(name)"
    return Belonging(
      .disk, name.isEmpty ? "\(kind):\(hosts[0])" : disk,
      marks: hosts.map { "\(disk) of \($0)" } + ["\(disk) of any"] + (hosts.isEmpty ? ["\(disk) of unnamed"] : []),
      rivals: hosts.isEmpty ? ["\(disk) of any"] : hosts.map { "\(disk) of \($0)" } + ["\(disk) of unnamed"])
  }

  private static let ports = ["nbd": "10809", "iscsi": "3260", "gluster": "24007", "ssh": "22", "nfs": "2049"]

  /// A Ceph monitor has two ports, and both lead to the same cluster.
  private static func host(_ tag: XMLTags.Tag, of kind: String) -> String? {
    if let socket = tag.value("socket") { return socket }
    guard let name = tag.value("name")?.lowercased() else { return nil }
    return kind == "rbd" ? name : "\(name):\(tag.value("port") ?? ports[kind] ?? "0")"
  }

  private mutating func address(_ text: String) {
    let bytes = text.lowercased().split(separator: ":").map { $0.utf8.count == 1 ? "0\($0)" : String($0) }
    guard bytes.count == 6 else { return }
    let mac = bytes.joined(separator: ":")
    found.add(Belonging(.macAddress, mac, marks: [mac]))
  }

  /// As the kernel reads it, links aside; nil when it is no absolute path.
  private func absolute(_ text: String) -> String? {
    guard text.hasPrefix("/") else { return nil }
    return "/" + text.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }
}
