import CLibvirt
import HoldfastModel
import HoldfastPorts

extension LibvirtConnection {
  /// A look asks for so many domains' marks in one call.
  private static let portion = 50

  /// The domains that are defined under the name or the UUID of one of these and do not carry its mark. One list of what is defined, whatever its length,
  /// then one question for each that may be a leftover.
  func leftovers(of domains: [ProtectedDomain]) async throws(CallFailure) -> [LeftoverDefinition] {
    let wanted = WantedDomains(domains.filter { $0.connection == uri })
    guard !wanted.isEmpty else { return [] }
    var rest = try await ask(.leftovers, on: lookThreads) { reader throws(LibvirtError) in try reader.candidates(wanted) }[...]
    var found: [LeftoverDefinition] = []
    while !rest.isEmpty {
      let portion = Array(rest.prefix(Self.portion))
      rest = rest.dropFirst(portion.count)
      found += try await ask(.leftovers, on: lookThreads) { [cluster] reader throws(LibvirtError) in
        try reader.leftovers(among: portion, cluster: cluster)
      }
    }
    return found.sorted(by: LeftoverDefinition.isBefore)
  }

  func removeLeftover(_ name: String, uuid: String) async -> LeftoverRemoval {
    guard startsInFlight[name] == nil else { return .untouched("a start of \(name) is under way") }
    do {
      return try await ask(Question(kind: .alter, name: name), on: calls) { [cluster] reader throws(LibvirtError) in
        try reader.removeLeftover(name, uuid: uuid, cluster: cluster)
      }
    } catch .notBegun(let reason) {
      return .untouched(reason)
    } catch {
      return .unknown(reason: Words.of(error))
    }
  }
}

/// The protected domains of one connection, by what a leftover shares with them.
struct WantedDomains: Sendable {
  let byName: [String: ProtectedDomain]
  let byUUID: [String: ProtectedDomain]

  init(_ domains: [ProtectedDomain]) {
    byName = Dictionary(domains.map { ($0.workload.text, $0) }) { first, _ in first }
    byUUID = Dictionary(domains.map { ($0.uuid, $0) }) { first, _ in first }
  }

  var isEmpty: Bool { byName.isEmpty }
}

extension DomainReader {
  /// A domain that is a leftover unless it carries the workload's mark.
  struct Candidate: Sendable {
    var leftover: LeftoverDefinition
    var uuid: String
  }

  fileprivate func candidates(_ wanted: WantedDomains) throws(LibvirtError) -> [Candidate] {
    var found: [Candidate] = []
    for domain in try connection.definedDomains() {
      let (name, uuid, isRunning) = (domain.name, domain.uuid, domain.run != nil)
      if let named = wanted.byName[name] {
        let leftover = LeftoverDefinition(
          of: named.workload, otherUUID: named.uuid == uuid ? nil : uuid, isRunning: isRunning)
        found.append(Candidate(leftover: leftover, uuid: uuid))
      }
      if let twin = wanted.byUUID[uuid], twin.workload.text != name {
        let leftover = LeftoverDefinition(of: twin.workload, otherName: name, isRunning: isRunning)
        found.append(Candidate(leftover: leftover, uuid: uuid))
      }
    }
    guard !found.isEmpty else { return [] }
    let autostarted = Set(try connection.definedDomains(autostart: true).map(\.uuid))
    for index in found.indices { found[index].leftover.autostart = autostarted.contains(found[index].uuid) }
    return found
  }

  fileprivate func leftovers(among candidates: [Candidate], cluster: String) throws(LibvirtError) -> [LeftoverDefinition] {
    var found: [LeftoverDefinition] = []
    for candidate in candidates {
      guard let domain = try connection.domain(uuid: candidate.uuid) else { continue }
      guard try !isMarked(domain, candidate.leftover.workload.text, cluster) else { continue }
      var leftover = candidate.leftover
      if leftover.otherUUID == nil { leftover.disks = try disks(of: domain) }
      found.append(leftover)
    }
    return found
  }

  /// What it would be started with; nil also where it went meanwhile.
  private func disks(of domain: DomainPointer) throws(LibvirtError) -> [String: String]? {
    do throws(LibvirtError) {
      return LeftoverDefinition.disks(in: try domain.xml(VIR_DOMAIN_XML_INACTIVE))
    } catch {
      if error.noSuchDomain { return nil }
      throw error
    }
  }

  fileprivate func removeLeftover(_ name: String, uuid: String, cluster: String) throws(LibvirtError) -> LeftoverRemoval {
    guard let domain = try connection.domain(named: name), try domain.isPersistent() else { return .done }
    guard domain.uuid == uuid else {
      return .untouched("the domain of that name has the UUID \(domain.uuid): it is another one")
    }
    guard domain.run == nil else { return .untouched("it is active") }
    if let mark = try domain.claim(VIR_DOMAIN_AFFECT_CURRENT) {
      guard mark.cluster == cluster else { return .untouched("it carries the mark of the cluster \(mark.cluster)") }
      // What a run of ours left is removed by the next start.
      if mark.workload == name { return .done }
    }
    try domain.disableAutostart()
    do throws(LibvirtError) {
      try domain.undefine()
      return .done
    } catch {
      if error.lostConnection { throw error }
      return .refused(reason: Words.of(.libvirt(error)), isAutostartOff: true)
    }
  }

  private func isMarked(_ domain: DomainPointer, _ workload: String, _ cluster: String) throws(LibvirtError) -> Bool {
    do throws(LibvirtError) {
      guard let mark = try domain.claim(VIR_DOMAIN_AFFECT_CURRENT) else { return false }
      return mark.cluster == cluster && mark.workload == workload
    } catch {
      // It went meanwhile: no leftover either.
      if error.noSuchDomain { return true }
      throw error
    }
  }
}
