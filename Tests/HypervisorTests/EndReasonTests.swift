import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// How a domain ended, as a real libvirt tells it: that decides whether it is started again.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct EndReasonTests {
  private func end(of id: DomainID, _ watched: Watched, from start: Int = 0) async throws -> DomainEnd? {
    let event = try await watched.expect("\(id.name) gone", from: start, within: .seconds(30)) { $0.isGone(id) }.event
    if case .gone(_, _, let end) = event { return end }
    return nil
  }

  /// libvirt's word is waited for, however slow the host is: what lost its process is cleared away sooner elsewhere, and nobody knows then how it ended.
  private static let patient = {
    var limits = LibvirtLimits()
    limits.notice = .seconds(25)
    return limits
  }()

  /// libvirt_lxc sends no exit status: the limit that Docs/policies.md names.
  @Test(arguments: [0, 3]) func `a container whose init exits has powered itself off, whatever its status`(status: Int)
    async throws
  {
    let domain = try TestDomain(
      .lxc, "exit\(status)", initProgram: "/bin/sh",
      environment: "<initarg>-c</initarg><initarg>sleep 4; exit \(status)</initarg>")
    try await Watched.with([domain.id.connection], limits: Self.patient) { watched in
      _ = try await watched.start(domain)
      let end = try await end(of: domain.id, watched)
      #expect(end == .poweredOff)
    }
  }

  @Test func `a container whose controller is killed has failed`() async throws {
    let domain = try TestDomain(.lxc, "lostpid")
    try await Watched.with([domain.id.connection], limits: Self.patient) { watched in
      let seen = try await watched.start(domain)
      kill(try #require(seen.pid), SIGKILL)
      let end = try await end(of: domain.id, watched)
      #expect(end == .failed)
    }
  }

  @Test(arguments: TestedDriver.available) func `what is destroyed was destroyed`(driver: TestedDriver) async throws {
    let domain = try TestDomain(driver, "destr-\(driver)")
    try await Watched.with([domain.id.connection], limits: Self.patient) { watched in
      _ = try await watched.start(domain)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      let end = try await end(of: domain.id, watched)
      // Of a container libvirt now and then tells first that it lost its controller, which the same order ended.
      #expect(end == .destroyed || driver == .lxc && end == .failed)
    }
  }

  /// A guest of 512 bytes that waits for five seconds, so that it is seen before it ends, then writes to one port.
  private func guest(_ name: String, then code: [UInt8], onCrash: String) throws -> TestDomain {
    // mov $91, %cx; tick: sti; hlt; loop tick … end: hlt; jmp end
    var disk = Data([0xb9, 0x5b, 0x00, 0xfb, 0xf4, 0xe2, 0xfc] + code + [0xf4, 0xeb, 0xfd])
    disk += Data(count: 510 - disk.count) + Data([0x55, 0xaa])
    disk += Data(count: (1 << 20) - disk.count)
    let path = try "\(TestHost.required().directory)/\(name).img"
    try disk.write(to: URL(filePath: path))
    var domain = try TestDomain(.qemu, name)
    domain.xml = domain.xml.replacing("<on_crash>destroy", with: "<on_crash>\(onCrash)").replacing(
      "</devices>",
      with: """
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='\(path)'/><target dev='vda' bus='virtio'/></disk>
        <panic model='isa'/></devices>
        """)
    return domain
  }

  /// mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx: the i440FX's ACPI register, sleep state 5.
  private static let powersOff: [UInt8] = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef]
  /// mov $0x505, %dx; mov $1, %al; out %al, %dx: the panic device.
  private static let panics: [UInt8] = [0xba, 0x05, 0x05, 0xb0, 0x01, 0xee]

  @Test func `a VM whose guest powers itself off has`() async throws {
    let domain = try guest("offself", then: Self.powersOff, onCrash: "destroy")
    try await Watched.with([domain.id.connection], limits: Self.patient) { watched in
      _ = try await watched.start(domain)
      let end = try await end(of: domain.id, watched)
      #expect(end == .poweredOff)
    }
  }

  @Test func `a VM whose guest panics has crashed`() async throws {
    let domain = try guest("panics", then: Self.panics, onCrash: "destroy")
    try await Watched.with([domain.id.connection], limits: Self.patient) { watched in
      _ = try await watched.start(domain)
      let end = try await end(of: domain.id, watched)
      #expect(end == .crashed)
    }
  }

  @Test func `a VM whose guest panics is kept where its definition says so, and can be destroyed`() async throws {
    let domain = try guest("kept", then: Self.panics, onCrash: "preserve")
    try await Watched.with([domain.id.connection], limits: Self.patient) { watched in
      _ = try await watched.start(domain)
      let event = try await watched.expect("kept crashed", within: .seconds(30)) {
        $0.observation(of: domain.id)?.state == .crashed
      }
      #expect(event.event.observation(of: domain.id)?.reason == .crashed)
      #expect(await watched.count { $0.isGone(domain.id) } == 0)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      let end = try await end(of: domain.id, watched)
      #expect(end == .destroyed)
    }
  }
}
