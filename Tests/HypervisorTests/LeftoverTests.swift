import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Logging
import Testing

/// Definitions that another cluster manager left beside the protected domains, on real libvirt.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct LeftoverTests {
  private func define(_ domain: TestDomain, xml: String? = nil, autostart: Bool = false) async throws {
    let file = "\(try TestHost.required().directory)/\(domain.id.name)-left.xml"
    try (xml ?? domain.usersXML).write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "define", file)
    if autostart { _ = try await virsh(domain, "autostart", domain.id.name) }
  }

  private func leftovers(of domain: TestDomain, _ watched: Watched) async throws -> [LeftoverDefinition] {
    let wanted = ProtectedDomain(
      WorkloadName(domain.id.name), connection: domain.id.connection, uuid: domain.uuid.uppercased())
    return try #require(await watched.hypervisor.leftovers(of: [wanted])[domain.id.connection])
  }

  private func defined(_ domain: TestDomain) async throws -> Bool {
    try await virsh(domain, "list", "--all", "--name").split(separator: "\n").contains { $0 == domain.id.name }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `one that is the workload is found, removed, and its start goes on`(
    driver: TestedDriver
  ) async throws {
    let domain = try TestDomain(driver, "left-\(driver)")
    let name = WorkloadName(domain.id.name)
    try await Watched.with([domain.id.connection]) { watched in
      #expect(try await leftovers(of: domain, watched) == [])
      try await define(domain)
      #expect(try await leftovers(of: domain, watched) == [LeftoverDefinition(of: name)])
      _ = try await virsh(domain, "autostart", domain.id.name)
      #expect(try await leftovers(of: domain, watched) == [LeftoverDefinition(of: name, autostart: true)])
      guard case .failed = await watched.hypervisor.start(domain.request) else {
        Issue.record("it was started over a definition that is not ours")
        return
      }
      #expect(await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid.uppercased()) == .done)
      #expect(try await !defined(domain))
      #expect(try await leftovers(of: domain, watched) == [])
      #expect(await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid) == .done)

      _ = try await watched.start(domain)
      #expect(try await leftovers(of: domain, watched) == [], "what we run ourselves is none")
      // Somebody defines it beside what runs: the mark of the run is there.
      try await define(domain)
      #expect(try await leftovers(of: domain, watched) == [])
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      #expect(try await leftovers(of: domain, watched) == [LeftoverDefinition(of: name)])
      #expect(await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid) == .done)
      #expect(try await !defined(domain))
    }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `one that only shares its name or its UUID is told, and never touched`(
    driver: TestedDriver
  ) async throws {
    let ours = try TestDomain(driver, "same-\(driver)")
    let name = WorkloadName(ours.id.name)
    var twin = try TestDomain(driver, "twin-\(driver)")
    twin.uuid = ours.uuid
    var other = ours
    other.uuid = UUID().uuidString.lowercased()
    try await Watched.with([ours.id.connection]) { watched in
      try await define(other, autostart: true)
      #expect(
        try await leftovers(of: ours, watched) == [LeftoverDefinition(of: name, otherUUID: other.uuid, autostart: true)])
      guard case .refused(let reason, false) = await watched.hypervisor.removeLeftover(ours.id, uuid: ours.uuid) else {
        Issue.record("another domain was removed")
        return
      }
      #expect(reason.contains(other.uuid))
      #expect(try await virsh(other, "dominfo", other.id.name).contains("enable"))

      try await define(twin)
      #expect(
        try await leftovers(of: ours, watched) == [
          LeftoverDefinition(of: name, otherUUID: other.uuid, autostart: true),
          LeftoverDefinition(of: name, otherName: twin.id.name)
        ])
      let nobody = DomainID(connection: ours.id.connection, name: "nobody")
      #expect(await watched.hypervisor.removeLeftover(nobody, uuid: ours.uuid) == .done)
      #expect(try await defined(twin))
    }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `one that runs is told as that, and stays`(driver: TestedDriver) async throws
  {
    let domain = try TestDomain(driver, "copy-\(driver)")
    try await define(domain, autostart: true)
    _ = try await virsh(domain, "start", domain.id.name)
    try await Watched.with([domain.id.connection]) { watched in
      try await watched.expect(domain.id, .running)
      #expect(
        try await leftovers(of: domain, watched) == [
          LeftoverDefinition(of: WorkloadName(domain.id.name), autostart: true, isRunning: true)
        ])
      #expect(
        await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid) == .untouched("it is active"))
      // `dominfo` asks for the init of a container as well, which may be on its way still.
      #expect(try await virsh(domain, "list", "--all", "--autostart", "--name").contains(domain.id.name))
      _ = try await virsh(domain, "destroy", domain.id.name)
      try await watched.expectGone(domain.id)
      #expect(await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid) == .done)
      #expect(try await !defined(domain))
    }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `what Holdfast itself left is none`(driver: TestedDriver) async throws {
    let domain = try TestDomain(driver, "ours-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      let claim =
        "<metadata><h:claim xmlns:h='https://holdfast.dev/domain/1' cluster='\(Watched.cluster)' workload='\(domain.id.name)' epoch='3'/></metadata>"
      try await define(domain, xml: domain.usersXML.replacing("<os>", with: claim + "<os>"))
      #expect(try await leftovers(of: domain, watched) == [])
      #expect(await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid) == .done)
      #expect(try await defined(domain), "the next start removes it")
      _ = try await virsh(domain, "undefine", domain.id.name)
      // Of another cluster it is somebody else's.
      try await define(
        domain, xml: domain.usersXML.replacing("<os>", with: claim.replacing("'\(Watched.cluster)'", with: "'attic'") + "<os>"))
      #expect(try await leftovers(of: domain, watched) == [LeftoverDefinition(of: WorkloadName(domain.id.name))])
      #expect(
        await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid)
          == .untouched("it carries the mark of the cluster attic"))
      _ = try await virsh(domain, "undefine", domain.id.name)
    }
  }
}

/// In libvirt's test driver, in this process.
@Suite struct `Leftovers among many` {
  @Test(.timeLimit(.minutes(3))) func `are found by name and by UUID among a thousand definitions`() async throws {
    let uuids = (0..<1000).map { _ in UUID().uuidString.lowercased() }
    let domains = uuids.enumerated().map { number, uuid in
      """
      <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>d\(number)</name><uuid>\(uuid)</uuid>
      <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os><test:runstate>5</test:runstate></domain>
      """
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "node-\(UUID()).xml"), uri = "test://\(file.path)"
    defer { try? FileManager.default.removeItem(at: file) }
    try ("<node>" + domains.joined() + "</node>").write(to: file, atomically: true, encoding: .utf8)
    // The driver reads the whole file, in this process, when it is connected to.
    var limits = LibvirtLimits()
    limits.call = .seconds(120)
    let hypervisor = try LibvirtHypervisor(
      connections: [uri], cluster: "c", node: "n", limits: limits,
      logger: Logger(label: "libvirt") { _ in SwiftLogNoOpLogHandler() })
    for await event in hypervisor.events() {
      if case .inventory(_, let active) = event {
        #expect(active.isEmpty)
        break
      }
    }
    // More than one question holds.
    let protected = (0..<120).map { ProtectedDomain(WorkloadName("d\($0)"), connection: uri, uuid: uuids[$0]) }
    let others = [
      ProtectedDomain("d700", connection: uri, uuid: uuids[0].replacing(/^.{8}/, with: "00000000")),
      ProtectedDomain("web", connection: uri, uuid: uuids[800]),
      ProtectedDomain("d900", connection: "lxc:///system", uuid: uuids[900]),
      ProtectedDomain("absent", connection: uri, uuid: UUID().uuidString)
    ]
    let found = try #require(await hypervisor.leftovers(of: protected + others)[uri])
    let expected =
      protected.map { LeftoverDefinition(of: $0.workload) } + [
        LeftoverDefinition(of: "d700", otherUUID: uuids[700]), LeftoverDefinition(of: "web", otherName: "d800")
      ]
    #expect(found == expected.sorted(by: LeftoverDefinition.isBefore))
    await hypervisor.close()
  }
}
