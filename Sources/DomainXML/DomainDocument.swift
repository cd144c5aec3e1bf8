import Foundation
import FoundationXML
import GuardCore
import HoldfastModel

/// Why a domain XML cannot be used, for whoever wrote it.
package struct DomainDocumentError: Error, Equatable, CustomStringConvertible {
  package var description: String

  package init(description: String) { self.description = description }
}

/// A domain's XML, to read and to edit.
package struct DomainDocument {
  private let document: XMLDocument
  let root: XMLElement

  package init(_ text: String) throws(DomainDocumentError) {
    // XMLDocument repairs in silence what is not well-formed, and crashes on an empty text.
    if let flaw = DomainOutline.read(text).flaw {
      throw DomainDocumentError(description: "the domain XML cannot be read: \(flaw). \(flaw.remedy)")
    }
    do {
      document = try XMLDocument(xmlString: text, options: [.nodePreserveWhitespace, .nodeLoadExternalEntitiesNever])
    } catch {
      throw DomainDocumentError(
        description: "the domain XML cannot be read: \(error.localizedDescription). Correct the workload's domain XML")
    }
    guard let root = document.rootElement() else {
      throw DomainDocumentError(description: "the domain XML has no element. Give the XML that 'virsh dumpxml' prints")
    }
    self.root = root
  }

  package var text: String { document.xmlString }

  // MARK: reading

  package var uuid: String? { value(["uuid"])?.lowercased() }
  package var partition: String? { value(["resource", "partition"]) }
  /// What libvirt does when the guest crashes, such as `preserve`; nil: its default.
  package var onCrash: String? { value(["on_crash"]) }
  package var vcpus: Int { value(["vcpu"]).flatMap { Int($0) } ?? 1 }

  /// MiB, rounded up; 0 when there is none that can be read.
  package var memory: Int {
    guard let element = child("memory", of: root), let text = element.stringValue else { return 0 }
    return DomainOutline.mebibytes(Self.trimmed(text), unit: element.attribute(forName: "unit")?.stringValue) ?? 0
  }

  package var mark: ClaimMark? {
    child("metadata", of: root).flatMap { metadata in elements(of: metadata).lazy.compactMap(ClaimElement.read).first }
  }

  /// Host-side links that have a name.
  package var links: [String] { interfaces.compactMap { Self.link(of: $0) } }

  // MARK: editing

  package func set(name: String, uuid: String) {
    root.removeAttribute(forName: "id")
    replaceText(of: required("name", in: root), with: name)
    replaceText(of: required("uuid", in: root), with: uuid)
  }

  package func set(partition: String) {
    replaceText(of: required("partition", in: required("resource", in: root)), with: partition)
  }

  /// Only where a guard's partition is named: which one the user's own XML had named before is not known.
  package func removeGuardsPartition() {
    guard let partition, Isolation.allCases.contains(where: { partition.hasSuffix("/\($0.rawValue)") }) else { return }
    guard let resource = child("resource", of: root) else { return }
    child("partition", of: resource)?.detach()
    if elements(of: resource).isEmpty { resource.detach() }
  }

  package func set(mark: ClaimMark) throws(DomainDocumentError) {
    removeMark()
    let text = ClaimElement.qualified(mark)
    guard DomainOutline.read("<domain>\(text)</domain>").flaw == nil, let element = try? XMLElement(xmlString: text) else {
      throw DomainDocumentError(
        description: "the mark of workload \(mark.workload) cannot be written as XML. Rename the workload")
    }
    required("metadata", in: root).addChild(element)
  }

  package func removeMark() {
    guard let metadata = child("metadata", of: root) else { return }
    for element in elements(of: metadata) where ClaimElement.isOurs(element) { element.detach() }
  }

  /// Sets environment variables of a container's init.
  package func set(environment: [(name: String, value: String)]) {
    removeEnvironment(environment.map(\.name))
    let os = required("os", in: root)
    for (name, value) in environment {
      let element = XMLElement(name: "initenv", stringValue: value)
      element.setAttributesWith(["name": name])
      os.addChild(element)
    }
  }

  package func removeEnvironment(_ names: [String]) {
    guard let os = child("os", of: root) else { return }
    for element in elements(of: os) where element.name == "initenv" {
      if let name = element.attribute(forName: "name")?.stringValue, names.contains(name) { element.detach() }
    }
  }

  /// Names the host-side links, in order, of the interfaces that do not name their own. An interface without a host-side link
  /// uses its name up all the same, so that a name's number is the interface's.
  package func set(links: [String]) {
    var names = links[...]
    for interface in interfaces where !Self.isNamed(interface) {
      guard let name = names.popFirst() else { return }
      let type = interface.attribute(forName: "type")?.stringValue ?? ""
      guard ["network", "bridge", "ethernet", "direct"].contains(type) else { continue }
      let target = required("target", in: interface)
      target.removeAttribute(forName: "dev")
      if let attribute = XMLNode.attribute(withName: "dev", stringValue: name) as? XMLNode { target.addAttribute(attribute) }
    }
  }

  /// Takes the names back that `set(links:)` gives the interfaces of a workload: at the next start each gets its own again.
  package func removeLinks(of workload: WorkloadName, cluster: String) {
    let names = Set(interfaces.indices.map { Interfaces.linkName(cluster: cluster, workload: workload, index: $0) })
    for interface in interfaces {
      guard let link = Self.link(of: interface), names.contains(link), let target = child("target", of: interface) else {
        continue
      }
      target.removeAttribute(forName: "dev")
      if target.attributes?.isEmpty ?? true { target.detach() }
    }
  }

  /// What a container's init is told of the run it belongs to.
  package static let environmentNames = ["HOLDFAST_NODE", "HOLDFAST_WORKLOAD", "HOLDFAST_EPOCH"]

  /// Prefixes that libvirt keeps for names of its own making: it drops them from what it is given.
  package static let reservedLinkPrefixes = ["vnet", "veth", "macvtap", "macvlan"]

  // MARK: helpers

  private var interfaces: [XMLElement] {
    child("devices", of: root).map { devices in elements(of: devices).filter { $0.name == "interface" } } ?? []
  }

  private static func link(of interface: XMLElement) -> String? {
    interface.elements(forName: "target").first?.attribute(forName: "dev")?.stringValue
  }

  private static func isNamed(_ interface: XMLElement) -> Bool {
    guard let link = link(of: interface) else { return false }
    return !reservedLinkPrefixes.contains { link.hasPrefix($0) }
  }

  private func elements(of parent: XMLElement) -> [XMLElement] { (parent.children ?? []).compactMap { $0 as? XMLElement } }

  func child(_ name: String, of parent: XMLElement) -> XMLElement? { parent.elements(forName: name).first }

  private func required(_ name: String, in parent: XMLElement) -> XMLElement {
    if let element = child(name, of: parent) { return element }
    let element = XMLElement(name: name)
    parent.addChild(element)
    return element
  }

  private func replaceText(of element: XMLElement, with text: String) { element.stringValue = text }

  private func value(_ path: [String]) -> String? {
    var element: XMLElement? = root
    for name in path { element = element.flatMap { child(name, of: $0) } }
    return element?.stringValue.map(Self.trimmed)
  }

  private static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
}
