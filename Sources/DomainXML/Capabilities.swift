import Foundation
import FoundationXML

/// What libvirt says that it runs on its host: the answer of `virConnectGetCapabilities`.
package struct HostCapabilities: Hashable, Sendable {
  package struct Guest: Hashable, Sendable {
    /// The path of the one that libvirt chooses.
    package var emulator: String?
    /// Such as `kvm`.
    package var domainTypes: Set<String>

    package init(emulator: String?, domainTypes: Set<String>) {
      self.emulator = emulator
      self.domainTypes = domainTypes
    }
  }
  package var architecture: String?
  /// Virtual machines, by their architecture.
  package var guests: [String: Guest]

  /// - Returns: nil for anything else than such an answer.
  package init?(_ text: String) {
    guard let answer = CapabilitiesDocument(text, named: "capabilities") else { return nil }
    (architecture, guests) = answer.read { root in
      var guests: [String: Guest] = [:]
      for guest in root.elements(forName: "guest") where guest.first("os_type")?.words == "hvm" {
        guard let arch = guest.first("arch"), let name = arch.value("name") else { continue }
        let types = arch.elements(forName: "domain").compactMap { $0.value("type") }
        guests[name] = Guest(emulator: arch.first("emulator")?.words, domainTypes: Set(types))
      }
      return (root.first("host")?.first("cpu")?.first("arch")?.words, guests)
    }
  }
}

/// What libvirt says of domains of one type on one machine: the answer of `virConnectGetDomainCapabilities`.
package struct DomainCapabilities: Hashable, Sendable {
  /// By CPU mode, whether it can be used.
  package var modes: [String: Bool] = [:]
  /// CPU models that the emulator has by name, and those of them that a guest here can have as they are.
  package var models: Set<String> = []
  package var usableModels: Set<String> = []

  /// - Returns: nil for anything else than such an answer.
  package init?(_ text: String) {
    guard let answer = CapabilitiesDocument(text, named: "domainCapabilities") else { return nil }
    self = answer.read { root in
      var found = DomainCapabilities()
      for mode in root.first("cpu")?.elements(forName: "mode") ?? [] {
        guard let name = mode.value("name"), let isSupported = mode.value("supported") else { continue }
        found.modes[name] = isSupported == "yes"
        for model in name == "custom" ? mode.elements(forName: "model") : [] {
          guard let name = model.words else { continue }
          found.models.insert(name)
          if model.value("usable") == "yes" { found.usableModels.insert(name) }
        }
      }
      return found
    }
  }

  private init() {}
}

/// An answer of libvirt about what it can do.
private struct CapabilitiesDocument {
  private let document: XMLDocument
  private let root: XMLElement

  init?(_ text: String, named name: String) {
    // The parser ends the process on an empty text.
    guard text.contains("<\(name)>"), XMLMarkup(text).flaw == nil,
      let document = try? XMLDocument(xmlString: text, options: [.nodeLoadExternalEntitiesNever]),
      let root = document.rootElement(), root.name == name
    else { return nil }
    self.document = document
    self.root = root
  }

  /// The elements live as long as their document.
  func read<Value>(_ body: (XMLElement) -> Value) -> Value { withExtendedLifetime(document) { body(root) } }
}

extension XMLElement {
  fileprivate func first(_ name: String) -> XMLElement? { elements(forName: name).first }
  fileprivate func value(_ attribute: String) -> String? { self.attribute(forName: attribute)?.stringValue }
  fileprivate var words: String? { stringValue?.trimmingCharacters(in: .whitespacesAndNewlines) }
}
