import Foundation
import FoundationXML

/// What a virtual machine's definition asks of the libvirt that is to run it: the machine, and the CPU. Definitions that ask for the same are equal.
package struct DomainRequirement: Hashable, Sendable {
  /// The CPU that a guest is to have, as far as libvirt compares it with what there is.
  package struct CPU: Hashable, Sendable {
    /// As the definition's `check`, or libvirt's default for the domain's type, has it.
    package enum Check: Hashable, Sendable {
      /// It is started whatever is missing.
      case none
      /// Before the start, with the host's own CPU besides.
      case partial
      /// What the guest then has.
      case full
    }
    /// `custom`, `host-model`, `host-passthrough`, `maximum`.
    package var mode: String
    /// nil: the emulator's own.
    package var model: String?
    package var check: Check
    /// Something besides the model is asked for: a feature, a vendor, no more than that.
    package var asksForMore: Bool
    /// The `<cpu>` element, with nothing but what is compared; libvirt's API takes it.
    package var xml: String

    /// libvirt compares it before, or after, a start.
    package var isCompared: Bool { mode == "custom" && model != nil && check != .none }
  }
  /// The domain's type: `kvm`, `qemu`.
  package var type: String
  /// nil: the host's.
  package var architecture: String?
  /// nil: the emulator's own.
  package var machine: String?
  /// The path in the definition; nil: libvirt's choice.
  package var emulator: String?
  /// nil: nothing is asked for.
  package var cpu: CPU?

  package init(
    type: String, architecture: String? = nil, machine: String? = nil, emulator: String? = nil, cpu: CPU? = nil
  ) {
    self.type = type
    self.architecture = architecture
    self.machine = machine
    self.emulator = emulator
    self.cpu = cpu
  }

  /// - Returns: nil for what is no virtual machine's definition, or cannot be read.
  package init?(of text: String) {
    guard let document = try? DomainDocument(text), let found = document.requirement else { return nil }
    self = found
  }
}

extension DomainDocument {
  fileprivate var requirement: DomainRequirement? {
    guard let type = root.attribute(forName: "type")?.stringValue, let os = child("os", of: root),
      let kind = child("type", of: os), kind.stringValue?.trimmed == "hvm"
    else { return nil }
    let emulator = child("devices", of: root).flatMap { child("emulator", of: $0) }?.stringValue?.trimmed
    return DomainRequirement(
      type: type, architecture: kind.attribute(forName: "arch")?.stringValue,
      machine: kind.attribute(forName: "machine")?.stringValue, emulator: emulator.flatMap { $0.isEmpty ? nil : $0 },
      cpu: child("cpu", of: root).map { cpu($0, type) })
  }

  private func cpu(_ element: XMLElement, _ type: String) -> DomainRequirement.CPU {
    func value(_ name: String, of element: XMLElement) -> String? { element.attribute(forName: name)?.stringValue }
    let mode = value("mode", of: element) ?? "custom", match = value("match", of: element) ?? "exact"
    let model = child("model", of: element)?.stringValue?.trimmed, vendor = child("vendor", of: element)?.stringValue?.trimmed
    let features = element.elements(forName: "feature").compactMap { feature -> (name: String, policy: String)? in
      guard let name = value("name", of: feature) else { return nil }
      // What of VMX a guest may use is no part of the CPU that libvirt compares with.
      return name.hasPrefix("vmx-") ? nil : (name, value("policy", of: feature) ?? "require")
    }.sorted { $0.name < $1.name }
    var xml = "<cpu mode='\(Self.escaped(mode))' match='\(Self.escaped(match))'>"
    if let model { xml += "<model>\(Self.escaped(model))</model>" }
    if let vendor { xml += "<vendor>\(Self.escaped(vendor))</vendor>" }
    for feature in features {
      xml += "<feature policy='\(Self.escaped(feature.policy))' name='\(Self.escaped(feature.name))'/>"
    }
    let isMoreAsked = vendor != nil || match == "strict" || features.contains { !["disable", "optional"].contains($0.policy) }
    return DomainRequirement.CPU(
      mode: mode, model: model.flatMap { $0.isEmpty ? nil : $0 },
      check: Self.check(value("check", of: element), mode: mode, type), asksForMore: isMoreAsked, xml: xml + "</cpu>")
  }

  /// libvirt compares a named CPU by default, but not where everything is emulated.
  private static func check(_ said: String?, mode: String, _ type: String) -> DomainRequirement.CPU.Check {
    switch said {
    case "none": .none
    case "partial": .partial
    case "full": .full
    default: mode == "custom" && type != "qemu" ? .partial : .none
    }
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
