import Foundation
import FoundationXML
import HoldfastModel

/// Reads a domain's hardware from its XML, the stored one and that of what runs alike.
package struct DomainHardwareReader: HardwareReader {
  package init() {}

  package func read(_ xml: String) -> DomainHardware? { (try? DomainDocument(xml))?.hardware }
}

extension DomainDocument {
  /// What can change of it while it runs.
  package var hardware: DomainHardware {
    DomainHardware(devices: child("devices", of: root).map(DomainElement.init), memory: memory, processors: processors)
  }

  /// Removes what the XML of a running domain says of the images under its disks. libvirt reads that from the images themselves when it
  /// starts the domain; what was right at one time is wrong after the next commit. An empty element says that nothing lies under
  /// the disk, and stays.
  package func removeBackingImages() {
    for disk in child("devices", of: root)?.elements(forName: "disk") ?? [] {
      for backing in disk.elements(forName: "backingStore") where backing.elements(forName: "source").first != nil {
        backing.detach()
      }
    }
  }

  private var processors: String {
    let current = child("vcpu", of: root)?.attribute(forName: "current")?.stringValue.flatMap { Int($0) }
    return current.map { $0 == vcpus ? "\(vcpus)" : "\($0) of \(vcpus)" } ?? "\(vcpus)"
  }
}

extension DomainElement {
  /// As libxml2 read it.
  fileprivate init(_ element: XMLElement) {
    self.init(
      name: element.name ?? "", attributes: (element.attributes ?? []).map { ($0.name ?? "", $0.stringValue ?? "") },
      text: (element.stringValue ?? "").trimmingCharacters(in: .whitespacesAndNewlines),
      children: (element.children ?? []).compactMap { $0 as? XMLElement }.map(DomainElement.init))
  }
}
