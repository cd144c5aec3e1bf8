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

  /// - Parameter belongings: what the spec's XML names.
  package mutating func put(_ name: WorkloadName, _ spec: SpecRecord, _ belongings: DomainBelongings) {
    remove(name)
    let own = Self.entries(spec, belongings)
    entries[name] = own
    for entry in own {
      for mark in entry.belonging.marks {
        if entry.isShared {
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
    }
  }

  private static func entries(_ spec: SpecRecord, _ belongings: DomainBelongings) -> [Entry] {
    let shared = Set(spec.shared ?? [])
    let uuid = Belonging(.uuid, spec.uuid, marks: ["\(spec.connection) \(spec.uuid)"])
    return belongings.owned.map { Entry(belonging: $0, isShared: $0.isShareable || shared.contains($0.name)) }
      + [Entry(belonging: uuid, isShared: false)]
  }

  // MARK: who has the same

  /// - Throws: the first thing that the workload would have at the same time as another one.
  package func refuse(_ name: WorkloadName, _ spec: SpecRecord, _ belongings: DomainBelongings) throws(OperatorError) {
    for entry in Self.entries(spec, belongings) {
      guard let rival = rival(of: name, for: entry) else { continue }
      throw Self.refusal(name, rival, entry.belonging)
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

  // MARK: words

  private static func refusal(_ name: WorkloadName, _ rival: WorkloadName, _ belonging: Belonging) -> OperatorError {
    OperatorError(
      .conflict, thing: "workload \(name)", reason: reason(rival, belonging),
      remedy: remedy(for: belonging) + shareRemedy(for: belonging))
  }

  private static func reason(_ rival: WorkloadName, _ belonging: Belonging) -> String {
    switch belonging.kind {
    case .disk, .directory, .firmware: "it writes \(belonging.words), and so does the workload \(rival)"
    case .macAddress, .uuid: "it has \(belonging.words), and so has the workload \(rival)"
    }
  }

  private static func remedy(for belonging: Belonging) -> String {
    switch belonging.kind {
    case .disk: "Give one of them another disk, or make it <readonly/>."
    case .directory: "Give one of them another directory, or make it <readonly/>."
    case .firmware: "Give one of them another file in <nvram>: libvirt makes it."
    case .macAddress: "Give one of them another <mac>."
    case .uuid: "Give one of them another <uuid>; libvirt cannot run both on one node."
    }
  }

  private static func shareRemedy(for belonging: Belonging) -> String {
    let key = "write \"shared: ['\(belonging.name)']\" into both definitions (`--shared` of `holdfast adopt`)"
    return switch belonging.kind {
    case .disk: " If they are made to write it together, \(key), or <shareable/> into both <disk> elements."
    case .directory: " If they are made to write it together, \(key)."
    case .macAddress: " If they are never on one network, \(key)."
    case .firmware, .uuid: ""
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
    case .macAddress: return "\(all) have \(belonging.words): when they run at once, none is reached reliably"
    case .uuid: return "\(all) have \(belonging.words): no node can run more than one of them"
    }
  }
}
