import CLibvirt
import DomainXML
import Glibc
import HoldfastModel

/// What of a libvirt tells whether it could run a domain. Everything here blocks.
package protocol AbilitySource {
  func capabilities() throws(LibvirtError) -> String
  /// - Parameter machine: nil: the emulator's own.
  func domainCapabilities(for requirement: DomainRequirement, machine: String?) throws(LibvirtError) -> String
  /// Throws when a guest cannot have the CPU, with `VIR_ERR_CPU_INCOMPATIBLE`, and when that cannot be told.
  func compare(_ cpu: DomainRequirement.CPU, of requirement: DomainRequirement) throws(LibvirtError)
  /// The same with the host's own CPU, whatever of it a guest can have.
  func compareWithHost(_ cpu: DomainRequirement.CPU) throws(LibvirtError)
}

/// Whether libvirt could run what asks for this. A node that is wrongly left out may be the one that was needed, and one that is wrongly tried costs two
/// attempts: so "unable" is said only where a start is sure to be refused.
package enum Ability: Hashable, Sendable {
  case able
  case unable(Incompatibility)
  /// libvirt gave no answer that tells.
  case unknown

  /// - Parameter host: what that libvirt says of its host; nil: it does not say.
  /// - Throws: when nothing can be told because libvirt is gone.
  package init(
    _ requirement: DomainRequirement, asking source: some AbilitySource, on host: HostCapabilities?
  ) throws(LibvirtError) {
    guard ["kvm", "qemu"].contains(requirement.type) else {
      self = .unknown
      return
    }
    if let lack = Self.lack(of: requirement, on: host) {
      self = .unable(lack)
      return
    }
    let text: String
    do throws(LibvirtError) {
      text = try source.domainCapabilities(for: requirement, machine: requirement.machine)
    } catch {
      self = try Self.refused(requirement, error, source)
      return
    }
    guard let cpu = requirement.cpu else {
      self = .able
      return
    }
    guard let capabilities = DomainCapabilities(text) else {
      self = .unknown
      return
    }
    self = try Self.ability(of: cpu, requirement, capabilities, source)
  }

  /// The emulator, or domains of that type, as the host's capabilities tell.
  private static func lack(of requirement: DomainRequirement, on host: HostCapabilities?) -> Incompatibility? {
    guard let host, !host.guests.isEmpty, let arch = requirement.architecture ?? host.architecture else { return nil }
    guard let guest = host.guests[arch] else {
      return requirement.emulator == nil ? Incompatibility(.emulator, "for \(arch)") : nil
    }
    // Of another emulator than libvirt's own choice this says nothing.
    guard requirement.emulator == nil || requirement.emulator == guest.emulator, !guest.domainTypes.isEmpty,
      !guest.domainTypes.contains(requirement.type)
    else { return nil }
    return Incompatibility(.domainType, requirement.type)
  }

  /// libvirt says nothing of such a machine: why not.
  private static func refused(
    _ requirement: DomainRequirement, _ error: LibvirtError, _ source: some AbilitySource
  ) throws(LibvirtError) -> Ability {
    if error.lostConnection || error.isBeforehand { throw error }
    if error.is(VIR_ERR_SYSTEM_ERROR), error.number == ENOENT, let emulator = requirement.emulator {
      return .unable(Incompatibility(.emulator, emulator))
    }
    guard error.is(VIR_ERR_INVALID_ARG), let machine = requirement.machine else { return .unknown }
    do throws(LibvirtError) {
      _ = try source.domainCapabilities(for: requirement, machine: nil)
    } catch {
      if error.lostConnection || error.isBeforehand { throw error }
      return .unknown
    }
    return .unable(Incompatibility(.machine, machine))
  }

  private static func ability(
    of cpu: DomainRequirement.CPU, _ requirement: DomainRequirement, _ capabilities: DomainCapabilities,
    _ source: some AbilitySource
  ) throws(LibvirtError) -> Ability {
    // Without a model the element is about other things than the CPU's features.
    if cpu.mode == "custom", cpu.model == nil { return .able }
    if capabilities.modes[cpu.mode] == false {
      return .unable(Incompatibility(.cpu, "no CPU mode '\(cpu.mode)' for domains of type \(requirement.type)"))
    }
    guard cpu.isCompared, let model = cpu.model else { return .able }
    // QEMU itself has said that a guest here can have all of it.
    if !cpu.asksForMore, capabilities.usableModels.contains(model) { return .able }
    guard let missing = try refusal({ () throws(LibvirtError) -> Void in try source.compare(cpu, of: requirement) }) else {
      return .able
    }
    if missing.is(VIR_ERR_INTERNAL_ERROR), !capabilities.models.isEmpty, !capabilities.models.contains(model) {
      return .unable(Incompatibility(.cpu, "the CPU model \(model) is not known"))
    }
    guard missing.is(VIR_ERR_CPU_INCOMPATIBLE) else { return .unknown }
    // Before a start under KVM libvirt lets pass what the host's own CPU has, though no guest will have it.
    guard requirement.type == "kvm", cpu.check == .partial else { return .unable(Incompatibility(.cpu, missing.lack)) }
    guard let alsoMissing = try refusal({ () throws(LibvirtError) -> Void in try source.compareWithHost(cpu) }) else {
      return .able
    }
    guard alsoMissing.is(VIR_ERR_CPU_INCOMPATIBLE) else { return .unknown }
    let features = missing.features.filter(alsoMissing.features.contains)
    if !features.isEmpty { return .unable(Incompatibility(.cpu, "the host has no \(features.joined(separator: ", "))")) }
    return missing.lack == alsoMissing.lack ? .unable(Incompatibility(.cpu, missing.lack)) : .unknown
  }

  /// What a comparison threw; nil: nothing.
  private static func refusal(_ compare: () throws(LibvirtError) -> Void) throws(LibvirtError) -> LibvirtError? {
    do throws(LibvirtError) {
      try compare()
      return nil
    } catch {
      if error.lostConnection || error.isBeforehand { throw error }
      return error
    }
  }
}

extension LibvirtError {
  /// What a comparison of CPUs found, without what the code says already: `Host CPU does not provide required features: avx512f`.
  fileprivate var lack: String {
    guard let colon = message.firstRange(of: "host CPU: ") else { return message }
    return String(message[colon.upperBound...])
  }

  /// The names at the end of the message, whatever the language before them: features, by commas.
  fileprivate var features: [String] {
    guard let list = message.firstMatch(of: /[^A-Za-z0-9_.,\- ]\s*([a-z0-9][a-z0-9_.\-]*(?:, ?[a-z0-9][a-z0-9_.\-]*)*)$/) else {
      return []
    }
    return list.1.split(whereSeparator: { $0 == "," || $0 == " " }).map { String($0) }
  }
}
