import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// What other people's domains look like must not matter to ours.
@Suite struct ForeignDomainTests {
  /// libvirt takes a processing instruction in the metadata; our reader does not.
  private static let unreadable = "<metadata><x:card xmlns:x='urn:example:x'><?note?></x:card></metadata><memory"

  private func create(_ domain: TestDomain, _ xml: String) async throws {
    let file = "\(try TestHost.required().directory)/\(domain.id.name).xml"
    try xml.write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "create", file)
  }

  @Test(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off"), arguments: [TestedDriver.lxc, .qemu])
  func `one that cannot be read is one that cannot be read`(driver: TestedDriver) async throws {
    let theirs = try TestDomain(driver, "odd-\(driver)")
    let ours = try TestDomain(driver, "ours-\(driver)")
    try await create(theirs, theirs.usersXML.replacing("<memory", with: Self.unreadable, maxReplacements: 1))
    try await Watched.with([theirs.id.connection]) { watched in
      let seen = try await watched.expect(theirs.id, .running)
      #expect(seen.flaw?.contains("processing instructions") == true)
      #expect((seen.uuid, seen.memory, seen.vcpus, seen.mark) == (theirs.uuid, 32, 1, nil))
      #expect(seen.pid != nil && seen.cgroup != nil)
      await #expect(throws: HypervisorError.self) { try await watched.hypervisor.describe(theirs.id) }
      #expect(try await watched.start(ours).flaw == nil)
      expectDone(await watched.hypervisor.stop(ours.id, uuid: ours.uuid, grace: .zero))
      expectDone(await watched.hypervisor.stop(theirs.id, uuid: theirs.uuid, grace: .zero))
      #expect(await watched.count { $0.isUnreachable(theirs.id.connection) } == 0)
    }
  }

  @Test(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) func `ours stays ours when it cannot be read any more`()
    async throws
  {
    var domain = try TestDomain(.lxc, "odd")
    try await Watched.with([domain.id.connection]) { watched in
      let before = try await watched.start(domain)
      _ = try await virsh(domain, "metadata", "odd", "urn:example:x", "--key", "x", "--set", "<card><?note?></card>", "--live")
      let odd = try await watched.expect("a flaw") { $0.observation(of: domain.id)?.flaw != nil }.event.observation(
        of: domain.id)
      #expect(odd?.mark == domain.mark)
      #expect((odd?.pid, odd?.cgroup, odd?.memory) == (before.pid, before.cgroup, before.memory))
      domain.epoch = 8
      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: domain.mark))
      try await watched.expect("the new epoch") { $0.observation(of: domain.id)?.mark?.epoch == Epoch(8) }
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) func `one with another document in its metadata is read`()
    async throws
  {
    var domain = try TestDomain(.lxc, "foreign")
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Domains/foreign-lxc.xml")
    domain.uuid = UUID().uuidString.lowercased()
    let xml = try String(contentsOf: file, encoding: .utf8)
      .replacing("</name>", with: "</name><uuid>\(domain.uuid)</uuid>")
    try await create(domain, xml)
    try await Watched.with([domain.id.connection]) { watched in
      let seen = try await watched.expect(domain.id, .running)
      #expect((seen.uuid, seen.memory, seen.flaw) == (domain.uuid, 32, nil))
      #expect(try await watched.hypervisor.describe(domain.id).xml.contains("rack="))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }
}
