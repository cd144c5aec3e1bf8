import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// What libvirt says beforehand that it cannot run, on real libvirt; and that it says the truth.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct CompatibilityTests {
  private static let machine = "machine='pc'"
  private static let end = "</features>"
  /// The first question makes a new libvirtd start its emulators, to ask them.
  private static let limits = {
    var limits = LibvirtLimits()
    limits.call = .seconds(60)
    return limits
  }()

  private static func asked(_ domain: TestDomain) -> StoredDefinition {
    StoredDefinition(WorkloadName(domain.id.name), connection: domain.id.connection, xml: domain.xml)
  }

  /// What cannot run, and why; a start is refused for each of them, and for no other.
  @Test func `a machine type, a CPU, an emulator that are not there are told, and a start says the same`() async throws {
    let usual = try TestDomain(.qemu, "able-usual")
    var machine = try TestDomain(.qemu, "able-machine"), cpu = try TestDomain(.qemu, "able-cpu")
    var mode = try TestDomain(.qemu, "able-mode"), emulator = try TestDomain(.qemu, "able-emulator")
    machine.xml = machine.xml.replacing(Self.machine, with: "machine='pc-i440fx-99.0'")
    cpu.xml = cpu.xml.replacing(
      Self.end,
      with: Self.end + "<cpu mode='custom' match='exact' check='partial'><model>qemu64</model>"
        + "<feature policy='require' name='avx512f'/></cpu>")
    mode.xml = mode.xml.replacing(Self.end, with: Self.end + "<cpu mode='host-passthrough'/>")
    emulator.xml = emulator.xml.replacing("<devices>", with: "<devices><emulator>/usr/bin/no-such-qemu</emulator>")
    let all = [usual, machine, cpu, mode, emulator]
    try await Watched.with([usual.id.connection], limits: Self.limits) { watched in
      let found = try #require(
        await watched.hypervisor.incompatibilities(of: all.map(Self.asked))[usual.id.connection])
      #expect(found["able-usual"] == nil)
      #expect(found["able-machine"] == Incompatibility(.machine, "pc-i440fx-99.0"))
      #expect(found["able-cpu"]?.kind == .cpu && found["able-cpu"]?.detail.contains("avx512f") == true, "\(found)")
      #expect(found["able-mode"]?.kind == .cpu, "\(found)")
      #expect(found["able-emulator"] == Incompatibility(.emulator, "/usr/bin/no-such-qemu"))
      for domain in [machine, cpu, mode, emulator] {
        guard case .failed = await watched.hypervisor.start(domain.request) else {
          Issue.record("\(domain.id.name) was started")
          continue
        }
      }
      _ = try await watched.start(usual)
      expectDone(await watched.hypervisor.stop(usual.id, uuid: usual.uuid, grace: .zero))
      // The same again, and a question about one that is able.
      #expect(await watched.hypervisor.incompatibilities(of: all.map(Self.asked))[usual.id.connection] == found)
      #expect(await watched.hypervisor.incompatibilities(of: [Self.asked(usual)]) == [usual.id.connection: [:]])
    }
  }

  @Test func `a CPU that is emulated anyway is not compared, nor is a usable model`() async throws {
    let pairs = [("loose", "check='none'"), ("default", ""), ("usable", "check='partial'")]
    let domains = try pairs.map { name, check in
      var domain = try TestDomain(.qemu, "able-\(name)")
      let feature = name == "usable" ? "" : "<feature policy='require' name='avx512f'/>"
      domain.xml = domain.xml.replacing(
        Self.end, with: Self.end + "<cpu mode='custom' match='exact' \(check)><model>qemu64</model>\(feature)</cpu>")
      return domain
    }
    try await Watched.with([domains[0].id.connection], limits: Self.limits) { watched in
      let found = await watched.hypervisor.incompatibilities(of: domains.map(Self.asked))
      #expect(found == [domains[0].id.connection: [:]])
    }
  }

  @Test func `without KVM no domain of that type can run`() async throws {
    var domain = try TestDomain(.qemu, "able-kvm")
    domain.xml = domain.xml.replacing("type='qemu'", with: "type='kvm'")
    try await Watched.with([domain.id.connection], limits: Self.limits) { [domain] watched in
      let capabilities = try await virsh(domain, "capabilities")
      let found = await watched.hypervisor.incompatibilities(of: [Self.asked(domain)])[domain.id.connection]
      let why = capabilities.contains("<domain type='kvm'") ? nil : Incompatibility(.domainType, "kvm")
      #expect(found?["able-kvm"] == why)
    }
  }

  /// One host has one kind of CPU: what another one would lack is asked for besides.
  @Test func `the CPU of one that runs with the host's model is told, and what is missing for it`() async throws {
    var domain = try TestDomain(.qemu, "able-running")
    domain.xml = domain.xml.replacing(Self.end, with: Self.end + "<cpu mode='host-model'/>")
    try await Watched.with([domain.id.connection], limits: Self.limits) { [domain] watched in
      #expect(await watched.hypervisor.runningCPUs(of: [domain.id]).isEmpty, "it does not run yet")
      let abilities = try await virsh(domain, "domcapabilities", "--virttype", "qemu")
      guard abilities.contains("<mode name='host-model' supported='yes'>") else { return }
      _ = try await watched.start(domain)
      let cpu = try #require(await watched.hypervisor.runningCPUs(of: [domain.id])[domain.id])
      #expect(cpu.xml.contains("<model>") && cpu.type == "qemu" && cpu.architecture == "x86_64", "\(cpu)")
      #expect(await watched.hypervisor.lacking([cpu]) == [domain.id.connection: [:]])
      var other = cpu
      other.xml = cpu.xml.replacing(#/<feature [^>]*name='avx512f'\/>/#, with: "")
        .replacing("</cpu>", with: "<feature policy='require' name='avx512f'/></cpu>")
      let why = await watched.hypervisor.lacking([cpu, other])[domain.id.connection]
      #expect(why?.keys.map(\.xml) == [other.xml], "\(why ?? [:])")
      #expect(why?[other]?.kind == .cpu && why?[other]?.detail.contains("avx512f") == true, "\(why ?? [:])")
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      #expect(await watched.hypervisor.runningCPUs(of: [domain.id]).isEmpty)
    }
  }

  @Test func `containers are no question`() async throws {
    let domain = try TestDomain(.lxc, "able-lxc")
    try await Watched.with([domain.id.connection], limits: Self.limits) { watched in
      #expect(await watched.hypervisor.incompatibilities(of: [Self.asked(domain)]) == [domain.id.connection: [:]])
    }
  }
}
