import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// A start that nobody waits for any more must not succeed later.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct BarringTests {
  /// A start from elsewhere: what is still on its way to libvirt knows nothing of our adapter.
  private func startBehindOurBack(_ domain: TestDomain) async throws -> String {
    let file = "\(try TestHost.required().directory)/\(domain.id.name).xml"
    try domain.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
    return try await shell("bash", "-c", "virsh -c '\(domain.id.connection)' create \(file) 2>&1 || true")
  }

  @Test(arguments: [TestedDriver.lxc, .qemu]) func `a start that comes after the bar fails, until we start it again ourselves`(
    driver: TestedDriver
  ) async throws {
    let domain = try TestDomain(driver, "bar-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      let mark = try await watched.bar(domain)
      expectDone(await watched.hypervisor.bar(domain.id, uuid: domain.uuid, mark: mark))
      #expect(try await startBehindOurBack(domain).contains("already exists"))
      #expect(await watched.hypervisor.start(domain.request) == .barred)
      var request = domain.request
      request.overBar = true
      expectDone(await watched.hypervisor.start(request))
      try await watched.expect(domain.id, .running)
      guard case .failed(let reason) = await watched.hypervisor.bar(domain.id, uuid: domain.uuid, mark: mark) else {
        Issue.record("barred while it runs")
        return
      }
      #expect(reason.contains("a domain of that name is there"))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      #expect(!(try await shell("virsh", "-c", domain.id.connection, "list", "--all", "--name")).contains(domain.id.name))
    }
  }

  @Test(arguments: [TestedDriver.lxc, .qemu])
  func `what arrives has the bar taken away, and nothing else that has the name`(driver: TestedDriver) async throws {
    let domain = try TestDomain(driver, "arrival-\(driver)"), connection = domain.id.connection
    func names() async throws -> Bool {
      try await shell("virsh", "-c", connection, "list", "--all", "--name").contains(domain.id.name)
    }
    try await Watched.with([connection]) { watched in
      func unbar(over: Bool) async -> OperationOutcome {
        await watched.hypervisor.unbar(domain.id, uuid: domain.uuid, mark: domain.mark, overBar: over)
      }
      // Nothing is there.
      expectDone(await unbar(over: false))
      try await watched.bar(domain)
      #expect(await unbar(over: false) == .barred)
      #expect(try await names())
      expectDone(await unbar(over: true))
      #expect(try await !names())
      expectDone(await unbar(over: true))
      // Somebody else's.
      let file = "\(try TestHost.required().directory)/\(domain.id.name)-defined.xml"
      try domain.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
      _ = try await shell("virsh", "-c", connection, "define", file)
      guard case .failed(let defined) = await unbar(over: true) else {
        Issue.record("a definition without our mark was taken for a bar")
        return
      }
      #expect(defined.contains("does not carry this workload's mark") && defined.contains("undefine"))
      #expect(try await names())
      _ = try await shell("virsh", "-c", connection, "undefine", domain.id.name)
      // What runs.
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running)
      guard case .failed(let active) = await unbar(over: true) else {
        Issue.record("what runs was taken for a bar")
        return
      }
      #expect(active.contains("a domain of that name is running"))
      try await watched.expect(domain.id, .running)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      #expect(try await !names())
    }
  }
}

extension Watched {
  /// Makes a bar against starts of the domain: gives its mark.
  ///
  /// - Parameter id: on this host; nil: as the domain has it.
  @discardableResult func bar(_ domain: TestDomain, as id: DomainID? = nil) async throws -> ClaimMark {
    var mark = domain.mark
    mark.epoch = .none
    // QEMU's first definition on a busy host can outlast the call's limit; it can be tried again.
    var outcome = await hypervisor.bar(id ?? domain.id, uuid: domain.uuid, mark: mark)
    for _ in 1...10 where outcome != .done {
      outcome = await hypervisor.bar(id ?? domain.id, uuid: domain.uuid, mark: mark)
    }
    expectDone(outcome)
    return mark
  }
}
