import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// Containers in a real libvirt.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct ContainerTests {
  /// A container's init, when it has set its traps.
  private func settledInit(_ seen: DomainObservation) async throws -> Int32 {
    try await Task.sleep(for: .milliseconds(300))
    return try child(of: #require(seen.pid))
  }

  @Test func `its init knows what it belongs to`() async throws {
    let domain = try TestDomain(
      .lxc, "env", environment: "<initenv name='HOLDFAST_NODE'>old</initenv><initenv name='MINE'>1</initenv>")
    try await Watched.with([domain.id.connection]) { watched in
      let seen = try await watched.start(domain)
      let initProcess = try await settledInit(seen)
      let environment = try String(contentsOfFile: "/proc/\(initProcess)/environ", encoding: .utf8).split(separator: "\0")
      let ours = environment.filter { $0.hasPrefix("HOLDFAST_") || $0.hasPrefix("MINE") }.sorted()
      #expect(ours == ["HOLDFAST_EPOCH=7", "HOLDFAST_NODE=n1", "HOLDFAST_WORKLOAD=env", "MINE=1"])
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test(arguments: ["/sbin/init", "/sbin/systemd"])
  func `an obedient init is gone long before its grace ends`(initProgram: String) async throws {
    let domain = try TestDomain(.lxc, initProgram.dropFirst(6) == "init" ? "obey" : "sysd", initProgram: initProgram)
    try await Watched.with([domain.id.connection]) { watched in
      _ = try await settledInit(watched.start(domain))
      let took = await ContinuousClock().measure {
        expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .seconds(60)))
      }
      #expect(took < .seconds(30))
      try await watched.expectGone(domain.id)
    }
  }

  @Test func `a stubborn init is destroyed after its grace, or when somebody is in a greater hurry`() async throws {
    let domain = try TestDomain(.lxc, "stubborn", initProgram: "/sbin/stubborn")
    try await Watched.with([domain.id.connection]) { watched in
      let hypervisor = watched.hypervisor
      _ = try await settledInit(watched.start(domain))
      let took = await ContinuousClock().measure {
        expectDone(await hypervisor.stop(domain.id, uuid: domain.uuid, grace: .seconds(1)))
      }
      #expect(took >= .seconds(1) && took < .seconds(30))
      let next = await watched.mark
      _ = try await settledInit(watched.start(domain))
      let hurried = await ContinuousClock().measure {
        async let patient = hypervisor.stop(domain.id, uuid: domain.uuid, grace: .seconds(60))
        try? await Task.sleep(for: .milliseconds(300))
        expectDone(await hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
        #expect(await patient == .done)
      }
      #expect(hurried < .seconds(30))
      #expect(await watched.count(from: next) { $0.isGone(domain.id) } == 1)
    }
  }

  enum Victim: String, CaseIterable { case initProcess, controller }

  @Test(arguments: Victim.allCases) func `a killed process is told as gone, and nothing of it is left`(victim: Victim)
    async throws
  {
    let domain = try TestDomain(.lxc, "kill-\(victim.rawValue.prefix(4))")
    try await Watched.with([domain.id.connection]) { watched in
      let seen = try await watched.start(domain)
      let (controller, initProcess) = (try #require(seen.pid), try await settledInit(seen))
      kill(victim == .controller ? controller : initProcess, SIGKILL)
      let took = try await ContinuousClock().measure { try await watched.expectGone(domain.id) }
      #expect(took < .seconds(30))
      #expect(!isExecuting(controller))
      #expect(!isExecuting(initProcess))
    }
  }

  @Test func `a container that reboots is not gone`() async throws {
    let domain = try TestDomain(.lxc, "reboot")
    try await Watched.with([domain.id.connection]) { watched in
      let before = try await watched.start(domain)
      kill(try await settledInit(before), SIGUSR1)
      let after = try await watched.expect("another process") {
        $0.observation(of: domain.id).map { $0.state == .running && $0.pid != nil && $0.pid != before.pid } == true
      }.event.observation(of: domain.id)
      #expect(after?.mark == domain.mark)
      #expect(await watched.count { $0.isGone(domain.id) } == 0)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test func `twenty start at once and stop at once`() async throws {
    let domains = try (1...20).map { try TestDomain(.lxc, "many\($0)") }
    try await Watched.with([domains[0].id.connection]) { watched in
      let hypervisor = watched.hypervisor
      await atOnce(domains) { expectDone(await hypervisor.start($0.request)) }
      for domain in domains { try await watched.expect(domain.id, .running) }
      try await Task.sleep(for: .milliseconds(500))
      await atOnce(domains) { expectDone(await hypervisor.stop($0.id, uuid: $0.uuid, grace: .seconds(30))) }
      for domain in domains { #expect(await watched.count { $0.isGone(domain.id) } == 1) }
      #expect(await watched.count { $0.isUnreachable(domains[0].id.connection) } == 0)
    }
  }

  @Test func `what somebody else changes in the metadata is told`() async throws {
    let domain = try TestDomain(.lxc, "meta")
    try await Watched.with([domain.id.connection]) { watched in
      _ = try await watched.start(domain)
      let next = await watched.mark
      _ = try await shell(
        "virsh", "-c", domain.id.connection, "metadata", "meta", "https://holdfast.dev/domain/1", "--remove", "--live")
      try await watched.expect("no mark", from: next) { $0.observation(of: domain.id).map { $0.mark == nil } == true }
      _ = try await shell("virsh", "-c", domain.id.connection, "suspend", "meta")
      #expect(try await watched.expect(domain.id, .paused, from: next).reason == .suspended)
      _ = try await shell("virsh", "-c", domain.id.connection, "resume", "meta")
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }
}
