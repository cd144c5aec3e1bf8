/// Disks that a workload runs on, or last ran on, and that its definition does not name: after a snapshot, or when they were plugged in while it runs.
package struct DisksInUse: Hashable, Sendable {
  /// One of them, as `DomainHardware` names disks.
  private struct Disk: Hashable, Sendable {
    var source: String
    /// What the definition has in its place; nil: nothing.
    var stored: String?
  }
  private var written: [Disk] = []
  /// Images that lie under its disks now, or will when it is defined as it runs.
  private var underneath: [String] = []

  package init() {}

  package var isEmpty: Bool { written.isEmpty && underneath.isEmpty }

  /// Another disk than the definition names. What that names lies under it, as after a snapshot.
  package mutating func add(_ disk: OtherDisk) { add(disk.running, inPlaceOf: disk.stored) }

  /// What the report of the node that runs it tells.
  package mutating func add(_ difference: HardwareDifference) {
    if let disk = difference.written {
      add(disk, inPlaceOf: nil)
    } else if difference.isOtherDisk, let running = difference.running, let stored = difference.stored {
      add(running, inPlaceOf: stored)
    }
  }

  private mutating func add(_ running: String, inPlaceOf stored: String?) {
    let layers = DomainHardware.Disk.layers(of: running), before = stored.map { DomainHardware.Disk.layers(of: $0) } ?? []
    guard let top = layers.first else { return }
    written.append(Disk(source: top, stored: before.first))
    underneath += (layers.dropFirst() + before).filter { $0 != top }
  }

  /// What the workload has by them besides what its definition names.
  fileprivate func add(to belongings: inout DomainBelongings) {
    for disk in written {
      guard var own = Belonging.disk(disk.source) else { continue }
      own.isInUse = true
      // The element is the same one: so is what it says of sharing.
      let before = disk.stored.flatMap { Belonging.disk($0) }
      own.isShareable = belongings.owned.contains { $0.marks == before?.marks && $0.isShareable }
      belongings.add(own)
    }
    for image in underneath.compactMap({ Belonging.disk($0) }) { belongings.addBacking(image) }
  }
}

extension DomainBelongings {
  /// The same, with what the workload runs on besides.
  package func with(_ disks: DisksInUse) -> DomainBelongings {
    guard !disks.isEmpty else { return self }
    var all = self
    disks.add(to: &all)
    return all
  }
}

extension DomainHardware {
  /// What lies under the disks that nobody else may write: by the disk's source, the nearest first. Of the others there is nothing.
  package var underneath: [String: [String]] {
    var found: [String: [String]] = [:]
    for disk in disks where disk.isWrittenAlone {
      if let source = disk.source, let images = disk.backing, !images.isEmpty { found[source] = images }
    }
    return found
  }
}

extension SpecRecord {
  /// Takes over what is known to lie under disks, for those that the XML names. Where that says itself what lies under one, it holds.
  ///
  /// - Parameter known: by the disk's source, the nearest first.
  package mutating func setUnderneath(_ known: [String: [String]]) {
    underneath = nil
    guard !known.isEmpty, let domain = DomainElement(of: xml) else { return }
    let disks = DomainHardware(devices: domain.first("devices"), memory: 0, processors: "").disks
    let silent = Set(disks.filter { $0.backing == nil && $0.isWrittenAlone }.compactMap(\.source))
    let kept = known.filter { silent.contains($0.key) && !$0.value.isEmpty }
    if !kept.isEmpty { underneath = kept }
  }
}

extension DomainBelongings {
  /// The same, with the images that the spec knows to lie under disks and its XML does not name.
  package func with(imagesOf spec: SpecRecord) -> DomainBelongings {
    guard let underneath = spec.underneath else { return self }
    var all = self
    for (_, images) in underneath.sorted(by: { $0.key < $1.key }) {
      for image in images.compactMap({ Belonging.disk($0) }) { all.addBacking(image) }
    }
    return all
  }
}

extension ClusterView {
  /// What the workload's claim and the report of the node that runs it tell of its disks.
  package func disksInUse(by workload: WorkloadName) -> DisksInUse {
    var disks = DisksInUse()
    for (_, disk) in (claims[workload]?.value.newerDisks ?? [:]).sorted(by: { $0.key < $1.key }) { disks.add(disk) }
    if let holder = holder(of: workload) {
      for difference in reports[holder]?.value.differing?[workload] ?? [] { disks.add(difference) }
    }
    return disks
  }
}

extension Belonging {
  /// The disk that `DomainHardware` names so; nil: what that says is not enough to know it again elsewhere.
  fileprivate static func disk(_ source: String) -> Belonging? {
    if let path = source.plainPath { return Belonging(.disk, path, marks: [path]) }
    let volume = source.split(separator: " of pool ", maxSplits: 1)
    if volume.count == 2, volume[0].hasPrefix("volume ") {
      let name = "volume:\(volume[1])/\(volume[0].dropFirst("volume ".count))"
      return Belonging(.disk, name, marks: [name])
    }
    let words = source.split(separator: " ", maxSplits: 1)
    guard words.count == 2, words[0].allSatisfy(\.isLowercase) else { return nil }
    let rest = words[1].drop { $0 == " " }
    let place: [Substring] =
      rest.hasPrefix("at ")
      ? ["", rest.dropFirst("at ".count)] : rest.split(separator: " at ", maxSplits: 1, omittingEmptySubsequences: false)
    let hosts = place.count == 2 ? place[1].split(separator: ", ").map { DiskServer($0) } : []
    return network(String(words[0]), String(place[0]), hosts)
  }
}
