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
