import CLibvirt
import DomainXML
import Foundation
import HoldfastModel

extension LibvirtConnection {
  /// A shut-off definition of the same name and another UUID keeps the name: a start that is still on its way is refused by libvirt
  /// when it comes to the list of domains, and one that has come there already keeps the definition from being made.
  func bar(_ name: String, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    let xml = placeholder(name, mark)
    do {
      let refusal = try await ask(Question(kind: .bar, name: name), on: calls) { reader throws(LibvirtError) in
        try reader.bar(name, uuid: uuid, mark: mark, xml: xml)
      }
      guard let refusal else { return .done }
      return .failed(reason: "starts of \(name) were not barred: \(refusal)")
    } catch {
      return .unknown(reason: "starts of \(name) may not be barred: \(Words.of(error))")
    }
  }

  /// Asked about the same as `bar`, so that neither overtakes the other, not even when it hangs.
  func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome {
    let name = id.name
    if startsInFlight[name] != nil {
      return .failed(reason: "libvirt has not answered a start of \(name) here, which may still succeed. It is asked again")
    }
    do {
      let clearing = try await ask(Question(kind: .bar, name: name), on: calls) { reader throws(LibvirtError) in
        try reader.unbar(id, uuid: uuid, mark: mark, overBar: overBar)
      }
      return switch clearing {
      case .cleared: .done
      case .barred: .barred
      case .refused(let reason): .failed(reason: reason)
      }
    } catch {
      return .unknown(reason: "what keeps its name here may not be removed: \(Words.of(error))")
    }
  }

  private func placeholder(_ name: String, _ mark: ClaimMark) -> String {
    let (type, system) =
      switch driver.kind {
      case .lxc: ("lxc", "<type>exe</type><init>/bin/false</init>")
      case .qemu: ("qemu", "<type>hvm</type>")
      case .other: ("test", "<type>hvm</type>")
      }
    return """
      <domain type='\(type)'><name>\(name)</name><uuid>\(UUID().uuidString.lowercased())</uuid>
      <title>Holdfast: not to be started here</title><metadata>\(ClaimElement.qualified(mark))</metadata>
      <memory unit='MiB'>64</memory><os>\(system)</os></domain>
      """
  }
}

extension DomainReader {
  /// What became of a shut-off definition that is in a workload's way.
  enum Clearing: Sendable {
    case cleared
    /// A placeholder keeps the name, and is to stay.
    case barred
    case refused(String)
  }

  fileprivate func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) throws(LibvirtError) -> Clearing {
    guard let there = try connection.domain(named: id.name) else { return .cleared }
    return try clearDefinition(there, id, uuid: uuid, mark: mark, overBar: overBar)
  }

  /// Removes a shut-off definition that a former run of the same workload left, or that kept its starts away; nothing else.
  ///
  /// - Parameter xml: what is to run instead, for what is said of the disks of a definition that is somebody else's.
  func clearDefinition(
    _ domain: DomainPointer, _ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool, instead xml: String? = nil
  ) throws(LibvirtError) -> Clearing {
    let name = domain.name
    if domain.run != nil { return .refused("a domain of that name is running, with UUID \(domain.uuid)") }
    let undefinition = LeftoverDefinition.undefinition(of: name, id.connection)
    let text = try domain.xml(VIR_DOMAIN_XML_INACTIVE, VIR_DOMAIN_XML_SECURE)
    guard let found = try definedMark(domain), found.cluster == mark.cluster, found.workload == mark.workload else {
      guard domain.uuid == uuid else {
        return .refused(
          "another domain of that name is defined on this node, with UUID \(domain.uuid). Remove its definition ('\(undefinition)') or rename "
            + "the workload")
      }
      let leftover = LeftoverDefinition(of: WorkloadName(name), disks: LeftoverDefinition.disks(in: text))
      let others = xml.map(leftover.otherDisks) ?? [:]
      let remedy =
        others.isEmpty
        ? "When that is a leftover, remove it"
        : "It names other disks: \(LeftoverDefinition.words(others)). Decide which hold before you remove it"
      return .refused(
        "the domain \(name) is defined on this node and does not carry this workload's mark. \(remedy) ('\(undefinition)')")
    }
    // Our mark on another UUID: the placeholder that keeps starts away.
    if domain.uuid != uuid, !overBar { return .barred }
    // What libvirt lost while it was down is neither running nor defined, and cannot be undefined before it is defined.
    if try !domain.isPersistent() { try connection.define(xml: text) }
    try domain.undefine()
    return .cleared
  }

  /// Gives why not.
  fileprivate func bar(_ name: String, uuid: String, mark: ClaimMark, xml: String) throws(LibvirtError) -> String? {
    if let there = try connection.domain(named: name) {
      if there.run != nil { return "a domain of that name is there" }
      // Any definition with another UUID keeps the name as well.
      if there.uuid != uuid { return nil }
      guard let found = try definedMark(there), found.cluster == mark.cluster, found.workload == mark.workload else {
        return "a definition of that name and UUID is there, and it does not carry this workload's mark"
      }
      try there.undefine()
    }
    try connection.define(xml: xml)
    return nil
  }

  func definedMark(_ domain: DomainPointer) throws(LibvirtError) -> ClaimMark? {
    if let document = try? DomainDocument(try domain.xml(VIR_DOMAIN_XML_INACTIVE, VIR_DOMAIN_XML_SECURE)) {
      return document.mark
    }
    // One that cannot be read may be ours all the same.
    return try domain.claim(VIR_DOMAIN_AFFECT_CURRENT)
  }
}
