import CLibvirt
import DomainXML
import Glibc
import HoldfastModel
import HoldfastPorts

extension LibvirtConnection {
  /// So many definitions are read in one go: reading takes a processor, and other questions come between.
  private static let portion = 100
  /// So many questions are asked at one time; more wait for the next.
  private static let mostQuestions = 200

  /// Which of these this libvirt cannot run. It is asked about each kind of machine and CPU once; what it refuses is asked about again each time.
  func incompatibilities(of definitions: [StoredDefinition]) async throws(CallFailure) -> [WorkloadName: Incompatibility] {
    guard driver.kind == .qemu, !definitions.isEmpty else { return [:] }
    let opening = openings
    var unread = abilities.unread(among: definitions)[...]
    while !unread.isEmpty {
      let portion = Array(unread.prefix(Self.portion))
      unread = unread.dropFirst(portion.count)
      // Nothing of it can hang.
      let read = try await abilityThreads.run(limit: nil) { () throws(LibvirtError) in
        portion.map { DomainRequirement(of: $0.xml) }
      }
      abilities.take(read, of: portion)
    }
    let questions = abilities.questions(about: definitions, most: Self.mostQuestions)
    guard !questions.isEmpty else { return abilities.incompatibilities(of: definitions) }
    let host = try await hostCapabilities()
    for requirement in questions {
      let ability = try await ask(.abilities, on: abilityThreads) { reader throws(LibvirtError) in
        try Ability(requirement, asking: reader.connection, on: host)
      }
      // What another libvirtd said is of no interest any more.
      guard opening == openings else { throw .abandoned(reason: "the connection to libvirt (\(uri)) was made anew") }
      abilities.take(ability, of: requirement)
    }
    return abilities.incompatibilities(of: definitions)
  }

  /// nil: this libvirt does not tell.
  func hostCapabilities() async throws(CallFailure) -> HostCapabilities? {
    do {
      return try await ask(.abilities, on: abilityThreads) { reader throws(LibvirtError) in
        HostCapabilities(try reader.connection.capabilities())
      }
    } catch .libvirt(let error) where !error.lostConnection && !error.isBeforehand {
      return nil
    }
  }
}

extension ConnectionHandle: AbilitySource {
  package func capabilities() throws(LibvirtError) -> String { try text(virConnectGetCapabilities(raw)) }

  package func domainCapabilities(for requirement: DomainRequirement, machine: String?) throws(LibvirtError) -> String {
    try text(
      virConnectGetDomainCapabilities(
        raw, requirement.emulator, requirement.architecture, machine, requirement.type, 0))
  }

  package func compare(_ cpu: DomainRequirement.CPU, of requirement: DomainRequirement) throws(LibvirtError) {
    try checkCPU(
      virConnectCompareHypervisorCPU(
        raw, requirement.emulator, requirement.architecture, requirement.machine, requirement.type, cpu.xml,
        VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE.rawValue))
  }

  package func compareWithHost(_ cpu: DomainRequirement.CPU) throws(LibvirtError) {
    try checkCPU(virConnectCompareCPU(raw, cpu.xml, VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE.rawValue))
  }

  private func text(_ answer: UnsafeMutablePointer<CChar>?) throws(LibvirtError) -> String {
    guard let answer else { throw .last() }
    defer { free(answer) }
    return String(cString: answer)
  }

  private func checkCPU(_ result: Int32) throws(LibvirtError) {
    // Asked for the reason, libvirt says "incompatible" as an error.
    if result == VIR_CPU_COMPARE_INCOMPATIBLE.rawValue {
      throw LibvirtError(
        code: Int32(VIR_ERR_CPU_INCOMPATIBLE.rawValue), source: 0, message: "libvirt does not say what is missing")
    }
    try check(result)
  }
}
