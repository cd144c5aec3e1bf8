import HoldfastModel

/// Who has which disks, directories and addresses: so two workloads that would write one disk, or answer under one address, are found before they
/// run. Filling it and asking it costs as much as there are workloads, not as there are pairs of them.
///
/// A path means one file, whatever the node: every workload may be placed on every node that serves its connection, and policies that keep two of them on
/// different nodes may change at any time.
package struct BelongingsIndex: Sendable {
  private struct Holders {
    /// Those that share it with nobody, and those that share it.
    var alone: [WorkloadName] = []
    var sharing: [WorkloadName] = []
    /// Those under whose disks it lies.
    var reading: [WorkloadName] = []
  }
  private struct Entry {
    var belonging: Belonging
    var isShared: Bool
  }
  private var holders: [String: Holders] = [:]
  private var entries: [WorkloadName: [Entry]] = [:]

  package init() {}

  /// What two or more workloads have at the same time without sharing it.
  package struct Clash: Hashable, Sendable {
    package var belonging: Belonging
    /// Sorted.
    package var workloads: [WorkloadName]
  }

  // MARK: who has what

  /// - Parameter belongings: what the spec's XML names, and what the workload runs on besides. The images that the spec itself knows are added.
  package mutating func put(_ name: WorkloadName, _ spec: SpecRecord, _ belongings: DomainBelongings) {
    remove(name)
    let own = Self.entries(spec, belongings)
    entries[name] = own
    for entry in own {
      for mark in entry.belonging.marks {
        if entry.belonging.kind == .backing {
          holders[mark, default: Holders()].reading.append(name)
        } else if entry.isShared {
          holders[mark, default: Holders()].sharing.append(name)
        } else {
          holders[mark, default: Holders()].alone.append(name)
        }
      }
    }
  }

  private mutating func remove(_ name: WorkloadName) {
    for mark in entries.removeValue(forKey: name)?.flatMap(\.belonging.marks) ?? [] {
      holders[mark]?.alone.removeAll { $0 == name }
      holders[mark]?.sharing.removeAll { $0 == name }
      holders[mark]?.reading.removeAll { $0 == name }
    }
  }

  private static func entries(_ spec: SpecRecord, _ belongings: DomainBelongings) -> [Entry] {
    let shared = Set((spec.shared ?? []).map { $0.plainPath ?? $0 })
    let uuid = Belonging(.uuid, spec.uuid, marks: ["\(spec.connection) \(spec.uuid)"])
    // Who shares what lies under a disk of its own knows that it changes.
    let backing = belongings.with(imagesOf: spec).backing.filter { !shared.contains($0.name) }
    // Whatever its prefix and interface: two networks may each have a host of this address, but interfaces' names do not tell that.
    let addresses = (spec.addresses ?? []).map { Belonging(.address, "\($0.address)", marks: ["address \($0.address)"]) }
    return belongings.owned.map { Entry(belonging: $0, isShared: $0.isShareable || shared.contains($0.name)) }
      + (backing + addresses + [uuid]).map { Entry(belonging: $0, isShared: false) }
  }

  // MARK: who has the same

  /// - Parameter belongings: what the spec's XML names. The images that the spec itself knows are added.
  /// - Throws: the first thing that the workload would have at the same time as another one.
  package func refuse(_ name: WorkloadName, _ spec: SpecRecord, _ belongings: DomainBelongings) throws(OperatorError) {
    for entry in Self.entries(spec, belongings) {
      if let rival = rival(of: name, for: entry) {
        let same = entries[rival]?.first { $0.belonging.kind != .backing && !$0.belonging.isApart(from: entry.belonging) }
        throw Self.refusal(name, rival, entry.belonging, isInUse: same?.belonging.isInUse ?? false)
      }
      if let reader = reader(besides: name, of: entry) { throw Self.refusal(name, over: reader, entry.belonging) }
    }
  }

  /// Whatever two workloads have at the same time already, sorted by name.
  package var clashes: [Clash] {
    var found: [Belonging: Set<WorkloadName>] = [:], names: [String: Belonging] = [:]
    for (name, own) in entries.sorted(by: { $0.key < $1.key }) {
      for entry in own {
        guard let rival = rival(of: name, for: entry) else { continue }
        // One disk may be written with other hosts in each of its definitions.
        let belonging = names[entry.belonging.words] ?? entry.belonging
        names[belonging.words] = belonging
        found[belonging, default: []].formUnion([name, rival])
      }
    }
    return found.map { Clash(belonging: $0.key, workloads: $0.value.sorted()) }
      .sorted { ($0.workloads[0], $0.belonging.name) < ($1.workloads[0], $1.belonging.name) }
  }

  private func rival(of name: WorkloadName, for entry: Entry) -> WorkloadName? {
    for rival in entry.belonging.rivals {
      guard let holders = holders[rival] else { continue }
      if let other = holders.alone.first(where: { $0 != name }) { return other }
      if !entry.isShared, let other = holders.sharing.first(where: { $0 != name }) { return other }
    }
    return nil
  }

  /// Another one under whose disk lies what this one writes.
  private func reader(besides name: WorkloadName, of entry: Entry) -> WorkloadName? {
    guard entry.belonging.kind != .backing else { return nil }
    return entry.belonging.rivals.lazy.compactMap { [holders] in holders[$0]?.reading.first { $0 != name } }.first
  }

  // MARK: words

  /// - Parameter isInUse: the rival's definition does not name it: it runs on it, or last did.
  private static func refusal(
    _ name: WorkloadName, _ rival: WorkloadName, _ belonging: Belonging, isInUse: Bool
  ) -> OperatorError {
    let end =
      isInUse
      ? " Where \(rival) is not to have it any more, go back to what its definition names: `holdfast stop \(rival) --wait`, "
        + "`holdfast accept \(rival) --stored`, `holdfast start \(rival)`."
      : ""
    return OperatorError(
      .conflict, thing: "workload \(name)",
      reason: reason(rival, belonging) + (isInUse ? ", which runs on it or last did: its definition does not name it" : ""),
      remedy: remedy(for: belonging) + end + shareRemedy(for: belonging))
  }

  private static func refusal(_ name: WorkloadName, over reader: WorkloadName, _ belonging: Belonging) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)",
      reason: "it writes \(belonging.words), which lies under a disk of the workload \(reader)",
      remedy: "Give it another disk, or make it <readonly/>: what lies under a disk must not change. "
        + "If it does no harm to \(reader) that this changes, write \"shared: ['\(belonging.name)']\" into the definition of \(reader)."
    )
  }

  private static func reason(_ rival: WorkloadName, _ belonging: Belonging) -> String {
    switch belonging.kind {
    case .backing: "\(belonging.words) lies under a disk of it and must not change, and it is written by the workload \(rival)"
    case .disk, .directory, .firmware: "it writes \(belonging.words), and so does the workload \(rival)"
    case .macAddress, .address, .uuid: "it has \(belonging.words), and so has the workload \(rival)"
    }
  }

  private static func remedy(for belonging: Belonging) -> String {
    switch belonging.kind {
    case .disk: "Give one of them another disk, or make it <readonly/>."
    case .backing: "Lay its disk over another image."
    case .directory: "Give one of them another directory, or make it <readonly/>."
    case .firmware: "Give one of them another file in <nvram>: libvirt makes it."
    case .macAddress: "Give one of them another <mac>."
    case .address: "Give one of them another address: an address follows one workload, and cannot be shared."
    case .uuid: "Give one of them another <uuid>; libvirt cannot run both on one node."
    }
  }

  private static func shareRemedy(for belonging: Belonging) -> String {
    let key = "write \"shared: ['\(belonging.name)']\" into both definitions (`--shared` of `holdfast adopt`)"
    return switch belonging.kind {
    case .disk: " If they are made to write it together, \(key), or <shareable/> into both <disk> elements."
    case .directory: " If they are made to write it together, \(key)."
    case .macAddress: " If they are never on one network, \(key)."
    case .backing: " If that does no harm, write \"shared: ['\(belonging.name)']\" into its own definition."
    case .firmware, .address, .uuid: ""
    }
  }
}

extension BelongingsIndex.Clash: CustomStringConvertible {
  /// A sentence without a full stop.
  package var description: String {
    let all = InWords.list(workloads.map(\.text), most: 3)
    switch belonging.kind {
    case .disk, .directory, .firmware:
      return "\(all) write \(belonging.words) without sharing it: it is damaged when they run at once"
    case .backing:
      return
        "\(all) have \(belonging.words), which one writes and another has under a disk: that disk is damaged when they run at once"
    case .macAddress, .address: return "\(all) have \(belonging.words): when they run at once, none is reached reliably"
    case .uuid: return "\(all) have \(belonging.words): no node can run more than one of them"
    }
  }
}

extension Belonging {
  fileprivate func isApart(from other: Belonging) -> Bool { Set(marks).isDisjoint(with: other.rivals) }
}
