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
      var mark = domain.mark
      mark.epoch = .none
      // QEMU's first definition on a busy host can outlast the call's limit; it can be tried again.
      var outcome = await watched.hypervisor.bar(domain.id, uuid: domain.uuid, mark: mark)
      for _ in 1...10 where outcome != .done {
        outcome = await watched.hypervisor.bar(domain.id, uuid: domain.uuid, mark: mark)
      }
      expectDone(outcome)
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
}
