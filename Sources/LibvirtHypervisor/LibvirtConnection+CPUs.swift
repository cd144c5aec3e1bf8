import DomainXML
import HoldfastModel

extension LibvirtConnection {
  /// The CPUs with which these run, as far as this libvirt itself would take over such a one: by what it says against its own nobody is to be judged.
  func runningCPUs(of names: [String]) async throws(CallFailure) -> [String: GuestCPU] {
    guard driver.kind == .qemu, !names.isEmpty else { return [:] }
    let host = try await hostCapabilities()
    var judged: [DomainRequirement: Bool] = [:], found: [String: GuestCPU] = [:]
    for name in names {
      guard let requirement = try await runningRequirement(of: name), let cpu = requirement.cpu else { continue }
      if judged[requirement] == nil { judged[requirement] = try await ability(of: requirement, host) == .able }
      guard judged[requirement] == true else { continue }
      found[name] = GuestCPU(
        connection: uri, type: requirement.type, architecture: requirement.architecture, xml: cpu.xml)
    }
    return found
  }

  /// Which of these no guest here can have.
  func lacking(_ cpus: [GuestCPU]) async throws(CallFailure) -> [GuestCPU: Incompatibility] {
    guard driver.kind == .qemu, !cpus.isEmpty else { return [:] }
    let host = try await hostCapabilities()
    var found: [GuestCPU: Incompatibility] = [:]
    for cpu in cpus {
      guard let requirement = DomainRequirement(of: cpu) else { continue }
      if case .unable(let why) = try await ability(of: requirement, host), why.kind == .cpu { found[cpu] = why }
    }
    return found
  }

  /// nil: it does not run any more, or libvirt does not say with what CPU.
  private func runningRequirement(of name: String) async throws(CallFailure) -> DomainRequirement? {
    do {
      return try await ask(.abilities, on: abilityThreads) { reader throws(LibvirtError) in
        guard let domain = try reader.connection.domain(named: name) else { return nil }
        return DomainRequirement(running: try domain.xml())
      }
    } catch .libvirt(let error) where !error.lostConnection && !error.isBeforehand {
      return nil
    }
  }

  private func ability(of requirement: DomainRequirement, _ host: HostCapabilities?) async throws(CallFailure) -> Ability {
    try await ask(.abilities, on: abilityThreads) { reader throws(LibvirtError) in
      try Ability(requirement, asking: reader.connection, on: host)
    }
  }
}
