import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// Domains that a user defined and started himself.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct AdoptionTests {
  /// Defines a domain, with autostart, and starts it.
  private func usersDomain(_ driver: TestedDriver, _ name: String) async throws -> TestDomain {
    let domain = try TestDomain(driver, name)
    let file = "\(try TestHost.required().directory)/\(name).xml"
    try domain.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "define", file)
    _ = try await virsh(domain, "autostart", name)
    _ = try await virsh(domain, "start", name)
    return domain
  }

  private func info(_ domain: TestDomain) async throws -> [String: String] {
    let lines = try await virsh(domain, "dominfo", domain.id.name).split(separator: "\n")
    return Dictionary(
      lines.compactMap { line in
        let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        return parts.count == 2 ? (parts[0], parts[1]) : nil
      }, uniquingKeysWith: { first, _ in first })
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `it is put under protection and taken out while it runs`(
    driver: TestedDriver
  ) async throws {
    let domain = try await usersDomain(driver, "adopt-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      let before = try await watched.expect(domain.id, .running)
      #expect(before.mark == nil)
      #expect(before.persistent)
      #expect(before.links.count == 1)
      #expect(try await info(domain)["Autostart"] == "enable")

      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: domain.mark))
      let marked = try await watched.expect("marked and transient") {
        $0.observation(of: domain.id).map { $0.mark == domain.mark && !$0.persistent } == true
      }
      #expect(marked.event.observation(of: domain.id)?.pid == before.pid)
      let protected = try await info(domain)
      #expect((protected["Persistent"], protected["Autostart"]) == ("no", "disable"))

      expectDone(await watched.hypervisor.unmark(domain.id, uuid: domain.uuid))
      let unmarked = try await watched.expect("unmarked and persistent", from: marked.next) {
        $0.observation(of: domain.id).map { $0.mark == nil && $0.persistent } == true
      }
      #expect(unmarked.event.observation(of: domain.id)?.pid == before.pid)
      #expect(try await info(domain)["Persistent"] == "yes")
      #expect(try await !virsh(domain, "dumpxml", "--inactive", domain.id.name).contains("holdfast"))
      expectDone(await watched.hypervisor.unmark(domain.id, uuid: domain.uuid))
      #expect(await watched.count { $0.isGone(domain.id) } == 0)
      _ = try await virsh(domain, "destroy", domain.id.name)
      try await watched.expectGone(domain.id)
    }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `it is left alone by all that is done to others`(driver: TestedDriver)
    async throws
  {
    let theirs = try await usersDomain(driver, "theirs-\(driver)")
    let ours = try TestDomain(driver, "ours-\(driver)")
    try await Watched.with([theirs.id.connection]) { watched in
      let before = try await watched.expect(theirs.id, .running)
      let xml = try await virsh(theirs, "dumpxml", theirs.id.name)
      for _ in 1...2 {
        _ = try await watched.start(ours)
        expectDone(await watched.hypervisor.stop(ours.id, uuid: ours.uuid, grace: .zero))
      }
      var sameName = ours
      sameName.id.name = theirs.id.name
      guard case .failed = await watched.hypervisor.start(sameName.request) else {
        Issue.record("a second domain of one name was started")
        return
      }
      expectDone(await watched.hypervisor.stop(theirs.id, uuid: ours.uuid, grace: .zero))
      await watched.hypervisor.refresh()
      try await Task.sleep(for: .milliseconds(50))
      #expect(await watched.events.last { $0.isInventory(of: theirs.id.connection) }?.observation(of: theirs.id) == before)
      #expect(try await virsh(theirs, "dumpxml", theirs.id.name) == xml)
      #expect(await watched.count { $0.observation(of: theirs.id).map { $0 != before } == true } == 0)
      // Its process is lost without libvirt's help: it is told as gone, and nothing is cleared away.
      kill(try #require(before.pid), SIGKILL)
      try await watched.expectGone(theirs.id)
      #expect(try await info(theirs)["State"] == "shut off")
      #expect(try await info(theirs)["Autostart"] == "enable")
    }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `a leftover definition with our mark makes room for a start`(
    driver: TestedDriver
  ) async throws {
    var domain = try TestDomain(driver, "left-\(driver)")
    let mark = domain.mark
    let claim =
      "<metadata><h:claim xmlns:h='https://holdfast.dev/domain/1' cluster='\(mark.cluster)' workload='\(mark.workload)' epoch='3'/></metadata>"
    let file = "\(try TestHost.required().directory)/left-\(driver).xml"
    try domain.usersXML.replacing("<os>", with: claim + "<os>").write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "define", file)
    domain.epoch = 9
    try await Watched.with([domain.id.connection]) { watched in
      let seen = try await watched.start(domain)
      #expect(!seen.persistent)
      #expect(seen.mark?.epoch == Epoch(9))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      #expect(try await !virsh(domain, "list", "--all", "--name").contains(domain.id.name))
    }
  }

  /// A machine with a disk that can hold snapshots, defined and started by its user.
  private func machine(_ name: String) async throws -> TestDomain {
    var domain = try TestDomain(.qemu, name)
    let directory = try TestHost.required().directory, image = "\(directory)/\(name).qcow2"
    _ = try await shell("qemu-img", "create", "-q", "-f", "qcow2", image, "1M")
    domain.xml = domain.xml.replacing(
      "</devices>",
      with: """
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='\(image)'/><target dev='vda' bus='virtio'/></disk>
        </devices>
        """)
    try domain.usersXML.write(toFile: "\(directory)/\(name).xml", atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "define", "\(directory)/\(name).xml")
    _ = try await virsh(domain, "start", name)
    return domain
  }

  @Test func `its snapshots and checkpoints are seen, and go when it ends as a transient one`() async throws {
    let domain = try await machine("kept"), name = domain.id.name
    try await Watched.with([domain.id.connection]) { watched in
      try await watched.expect(domain.id, .running)
      #expect(try await watched.hypervisor.keptState(of: domain.id) == .none)
      _ = try await virsh(domain, "snapshot-create-as", name, "s2")
      _ = try await virsh(domain, "snapshot-create-as", name, "s1")
      _ = try await virsh(domain, "checkpoint-create-as", name, "c1")
      #expect(
        try await watched.hypervisor.keptState(of: domain.id) == KeptState(snapshots: ["s1", "s2"], checkpoints: ["c1"]))
      // Given up by the operator: it goes on as it is, and libvirt has forgotten them when it is defined anew.
      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: domain.mark))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      try await watched.expectGone(domain.id)
      _ = try await virsh(domain, "define", "\(try TestHost.required().directory)/\(name).xml")
      #expect(try await virsh(domain, "snapshot-list", name, "--name").isEmpty)
      await #expect(throws: HypervisorError.self) { try await watched.hypervisor.keptState(of: domain.id) }
      _ = try await virsh(domain, "undefine", name)
    }
  }

  @Test func `left on a node with a snapshot, it stays when it is to be removed, and its autostart is off`() async throws {
    let domain = try await machine("left-kept"), name = domain.id.name
    try await Watched.with([domain.id.connection]) { watched in
      try await watched.expect(domain.id, .running)
      _ = try await virsh(domain, "snapshot-create-as", name, "s1")
      _ = try await virsh(domain, "autostart", name)
      _ = try await virsh(domain, "destroy", name)
      try await watched.expectGone(domain.id)
      let outcome = await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid)
      guard case .refused(let reason, isAutostartOff: true) = outcome, reason.contains("snapshot") else {
        throw TestHost.Trouble(description: "it was removed: \(outcome)")
      }
      #expect(try await info(domain)["Autostart"] == "disable")
      _ = try await virsh(domain, "undefine", name, "--snapshots-metadata")
      #expect(await watched.hypervisor.removeLeftover(domain.id, uuid: domain.uuid) == .done)
    }
  }

  @Test func `a saved state is seen, and keeps its definition from being removed`() async throws {
    let domain = try await machine("saved"), name = domain.id.name
    _ = try await virsh(domain, "managedsave", name)
    // Started anew beside it.
    _ = try await virsh(domain, "create", "\(try TestHost.required().directory)/\(name).xml")
    try await Watched.with([domain.id.connection]) { watched in
      try await watched.expect(domain.id, .running)
      #expect(try await watched.hypervisor.keptState(of: domain.id) == KeptState(hasSavedState: true))
      let refused = await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: domain.mark)
      guard case .failed(let reason) = refused, reason.contains("virsh managedsave-remove saved") else {
        throw TestHost.Trouble(description: "it was marked: \(refused)")
      }
      _ = try await virsh(domain, "managedsave-remove", name)
      #expect(try await watched.hypervisor.keptState(of: domain.id) == .none)
      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: domain.mark))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }
}
