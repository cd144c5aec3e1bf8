/// A domain's hardware as its XML has it: so much of it as can change while the domain runs, in words that do not depend on who wrote the XML.
/// libvirt adds addresses, aliases and defaults to a domain that runs; none of that is here.
public struct DomainHardware: Hashable, Sendable {
  public struct Disk: Hashable, Sendable {
    /// The guest's name for it, such as `vda`: one disk has it.
    public var target: String
    /// The image, device or volume, such as `/vm/web.qcow2`; nil: the drive is empty.
    public var source: String?
    /// The images that lie under it, where the XML names them, the nearest first; nil: libvirt reads them from the images.
    public var backing: [String]?
    /// A CD or floppy drive, or a transient disk: what lies in it is changed while the domain runs, and is not the guest's own data.
    public var isRemovable: Bool
    /// It is only read, or made to be written by others too.
    public var isSafeWithOthers: Bool
    /// The guest's own data, which nobody else may write.
    package var isWrittenAlone: Bool { !isRemovable && !isSafeWithOthers }

    public init(
      target: String, source: String?, backing: [String]? = nil, isRemovable: Bool = false, isSafeWithOthers: Bool = false
    ) {
      self.target = target
      self.source = source
      self.backing = backing
      self.isRemovable = isRemovable
      self.isSafeWithOthers = isSafeWithOthers
    }
  }

  public struct NetworkCard: Hashable, Sendable {
    /// Lower case; nil: libvirt makes one for each start.
    public var mac: String?
    /// Where it is plugged in, such as `bridge br0`.
    public var source: String

    public init(mac: String?, source: String) {
      self.mac = mac
      self.source = source
    }
  }

  public var disks: [Disk]
  public var networkCards: [NetworkCard]
  /// Devices of the host, such as `pci 0000:03:00.0`.
  public var hostDevices: [String]
  /// MiB; 0: not known.
  public var memory: Int
  /// Such as `4`, or `2 of 4` where not all that are possible are there.
  public var processors: String

  public init(
    disks: [Disk] = [], networkCards: [NetworkCard] = [], hostDevices: [String] = [], memory: Int = 0, processors: String = "1"
  ) {
    self.disks = disks
    self.networkCards = networkCards
    self.hostDevices = hostDevices
    self.memory = memory
    self.processors = processors
  }
}

/// One thing that a running domain has otherwise than the workload's stored definition.
public struct HardwareDifference: Hashable, Sendable, Codable {
  /// The thing that differs, such as `disk vda` or `memory`.
  public var what: String
  /// As the stored definition has it; nil: it has none.
  public var stored: String?
  /// As it runs; nil: it has none.
  public var running: String?
  /// The domain writes to another disk than the stored definition names: a start from that would open the older one.
  public var isOtherDisk: Bool
  /// A disk that it has besides those of the stored definition, and that nobody else may write. nil: it is no such disk, or an earlier build wrote this.
  @LaterField public var written: String?

  public init(_ what: String, stored: String?, running: String?, isOtherDisk: Bool = false, written: String? = nil) {
    self.what = what
    self.stored = stored
    self.running = running
    self.isOtherDisk = isOtherDisk
    self.written = written
  }

  /// A clause, such as `disk vda: /vm/web.snap1 now, /vm/web.qcow2 in the definition`.
  public var text: String { "\(what): \(running ?? "none") now, \(stored ?? "none") in the definition" }
}

/// A disk that is another one in the definition than where the domain runs: a start from the definition would open the older one.
public struct OtherDisk: Hashable, Sendable, Codable {
  /// As the definition has it.
  public var stored: String
  /// As it was last seen to run.
  public var running: String

  public init(stored: String, running: String) {
    self.stored = stored
    self.running = running
  }
}

extension DomainHardware {
  /// Disks that are others in the definition than where it runs, by target. What lies in a CD or floppy drive is no disk of the guest's own.
  public static func otherDisks(stored: DomainHardware, running: DomainHardware) -> [String: OtherDisk] {
    guard stored.disks != running.disks else { return [:] }
    let now = Dictionary(running.disks.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [String: OtherDisk] = [:]
    for before in stored.disks {
      guard let now = now[before.target], !now.isRemovable, let old = before.source, let new = now.source else { continue }
      if old != new {
        found[before.target] = OtherDisk(stored: old, running: new)
      } else if let under = before.backing, let actual = now.backing, under != actual {
        // Opened over other images than its own, it shows other data than were written.
        found[before.target] = OtherDisk(stored: before.layers ?? old, running: now.layers ?? new)
      }
    }
    return found
  }

  /// The disk of that target is the one that `source` names: by itself, or with what lies under it.
  public func opens(_ source: String, as target: String) -> Bool {
    disks.contains { $0.target == target && ($0.source == source || $0.layers == source) }
  }

  /// The differences of what runs from what is defined, the disks first; empty: the two mean the same.
  public static func differences(stored: DomainHardware, running: DomainHardware) -> [HardwareDifference] {
    guard stored != running else { return [] }
    var found = diskDifferences(stored, running)
    found += cardDifferences(stored.networkCards, running.networkCards)
    found += listDifferences("host device", stored.hostDevices, running.hostDevices)
    if stored.memory != running.memory, stored.memory > 0, running.memory > 0 {
      found.append(.init("memory", stored: "\(stored.memory) MiB", running: "\(running.memory) MiB"))
    }
    if stored.processors != running.processors {
      found.append(.init("processors", stored: stored.processors, running: running.processors))
    }
    return found
  }

  private static func diskDifferences(_ stored: DomainHardware, _ running: DomainHardware) -> [HardwareDifference] {
    guard stored.disks != running.disks else { return [] }
    let others = otherDisks(stored: stored, running: running)
    let before = Dictionary(stored.disks.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
    let now = Dictionary(running.disks.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
    var found = others.sorted { $0.key < $1.key }.map { target, disk in
      HardwareDifference("disk \(target)", stored: disk.stored, running: disk.running, isOtherDisk: true)
    }
    for target in Set(before.keys).union(now.keys).sorted() where others[target] == nil {
      let (a, b) = (before[target], now[target])
      if let a, let b, a.source == b.source { continue }
      found.append(
        .init("disk \(target)", stored: a.map(words), running: b.map(words), written: a == nil ? b?.writtenAlone : nil))
    }
    return found
  }

  private static func words(_ disk: Disk) -> String { disk.source ?? "an empty drive" }

  /// Cards are told apart by their addresses; those that have none in the definition, by where they are plugged in.
  private static func cardDifferences(_ stored: [NetworkCard], _ running: [NetworkCard]) -> [HardwareDifference] {
    var rest = running, missing: [NetworkCard] = [], found: [HardwareDifference] = []
    for card in stored where card.mac != nil {
      guard let index = rest.firstIndex(where: { $0.mac == card.mac }) else {
        missing.append(card)
        continue
      }
      let now = rest.remove(at: index)
      if now.source != card.source { found.append(.init(card.name, stored: card.source, running: now.source)) }
    }
    for card in stored where card.mac == nil {
      if let index = rest.firstIndex(where: { $0.source == card.source }) {
        rest.remove(at: index)
      } else {
        missing.append(card)
      }
    }
    found += missing.map { .init($0.name, stored: $0.source, running: nil) }
    return found + rest.map { .init($0.name, stored: nil, running: $0.source) }
  }

  private static func listDifferences(_ what: String, _ stored: [String], _ running: [String]) -> [HardwareDifference] {
    var rest = running, missing: [String] = []
    for device in stored {
      if let index = rest.firstIndex(of: device) { rest.remove(at: index) } else { missing.append(device) }
    }
    return missing.map { .init(what, stored: $0, running: nil) } + rest.map { .init(what, stored: nil, running: $0) }
  }
}

extension DomainHardware.Disk {
  /// The images that the guest's data is made of, the top first.
  public var layers: String? { source.map { ([$0] + (backing ?? [])).joined(separator: Self.over) } }
  private static let over = " over "

  /// The images in such a text, the top first.
  static func layers(of text: String) -> [String] { text.split(separator: over).map { String($0) } }

  /// The same where nobody else may write it.
  fileprivate var writtenAlone: String? { isWrittenAlone ? layers : nil }
}

extension DomainHardware.NetworkCard {
  fileprivate var name: String { mac.map { "network card \($0)" } ?? "network card" }
}

/// Reads a domain's XML for its hardware. Pure: the same text gives the same.
public protocol HardwareReader: Sendable {
  /// nil: it cannot be read.
  func read(_ xml: String) -> DomainHardware?
}

/// Reads nothing: then nothing is compared.
public struct NoHardwareReader: HardwareReader {
  public init() {}
  public func read(_ xml: String) -> DomainHardware? { nil }
}
