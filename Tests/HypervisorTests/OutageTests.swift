import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// What is told when libvirtd dies, stops, or hangs: never that a domain is gone that is not.
@Suite(.enabled(if: !TestHost.isOff, "LAB=off"), .serialized) struct OutageTests {
  @Test(.libvirtHost, arguments: [TestedDriver.lxc, .qemu])
  func `libvirtd is killed and started again, and the domain goes on`(driver: TestedDriver) async throws {
    let host = try TestHost.required()
    let domain = try TestDomain(driver, "outlive")
    try await Watched.with([domain.id.connection]) { watched in
      let before = try await watched.start(domain)
      let next = await watched.mark
      let killed = ContinuousClock.now
      kill(try host.libvirtd, SIGKILL)
      try await watched.expect("unreachable", from: next) { $0.isUnreachable(domain.id.connection) }
      #expect(killed.duration(to: .now) < .seconds(10))
      guard case .failed(let reason) = await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero) else {
        Issue.record("a stop that reached nobody did not say so")
        return
      }
      #expect(reason.contains("Check that libvirtd runs"))
      try await host.command("libvirtd")
      try await watched.expect("an inventory with it", from: next) {
        $0.isInventory(of: domain.id.connection) && $0.observation(of: domain.id) == before
      }
      #expect(await watched.count { $0.isGone(domain.id) } == 0)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test(.libvirtHost) func `libvirtd is stopped for a while`() async throws {
    let host = try TestHost.required()
    let domain = try TestDomain(.lxc, "frozen")
    let other = try TestDomain(.lxc, "other")
    try await Watched.with([domain.id.connection]) { watched in
      let hypervisor = watched.hypervisor
      let before = try await watched.start(domain)
      let next = await watched.mark
      let libvirtd = try host.libvirtd
      kill(libvirtd, SIGSTOP)
      defer { kill(libvirtd, SIGCONT) }
      let took = await ContinuousClock().measure {
        async let started = hypervisor.start(other.request)
        async let stopped = hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero)
        if case .unknown = await started {} else { Issue.record("a start that was sent: \(await started)") }
        if case .done = await stopped { Issue.record("a stop of what nobody saw") }
      }
      #expect(took < .seconds(30))
      try await watched.expect("unreachable", from: next) { $0.isUnreachable(domain.id.connection) }
      kill(libvirtd, SIGCONT)
      try await watched.expect("an inventory with it", from: next) {
        $0.isInventory(of: domain.id.connection) && $0.observation(of: domain.id) == before
      }
      #expect(await watched.count { $0.isGone(domain.id) } == 0)
    }
  }

  @Test(.libvirtHost) func `a start hangs, its domain is told when it is there`() async throws {
    let host = try TestHost.required()
    let domain = try TestDomain(.lxc, "hang")
    var limits = LibvirtLimits()
    limits.lifecycle = .seconds(2)
    limits.call = .seconds(1)
    let freezer = "/sys/fs/cgroup/freezer/\((host.directory as NSString).lastPathComponent)/holdfast.partition/freezer.state"
    try await Watched.with([domain.id.connection], limits: limits) { watched in
      let next = await watched.mark
      try "FROZEN".write(toFile: freezer, atomically: false, encoding: .utf8)
      let took = await ContinuousClock().measure {
        let outcome = await watched.hypervisor.start(domain.request)
        if case .unknown = outcome {} else { Issue.record("\(outcome)") }
      }
      #expect(took >= .seconds(2) && took < .seconds(30))
      // Long enough for looks that hang as well.
      try await Task.sleep(for: .seconds(3))
      #expect(await watched.count(from: next) { $0.isGone(domain.id) } == 0)
      try "THAWED".write(toFile: freezer, atomically: false, encoding: .utf8)
      try await watched.expect(domain.id, .running, from: next)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test(.libvirtHost) func `a start that hangs keeps nobody from looking at other domains`() async throws {
    let host = try TestHost.required()
    let (hung, other) = (try TestDomain(.lxc, "hung"), try TestDomain(.lxc, "beside"))
    var limits = LibvirtLimits()
    limits.lifecycle = .seconds(2)
    limits.call = .seconds(1)
    // Not in the partition that is frozen.
    let file = "\(host.directory)/beside.xml"
    try other.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(other, "create", file)
    let freezer = "/sys/fs/cgroup/freezer/\((host.directory as NSString).lastPathComponent)/holdfast.partition/freezer.state"
    try await Watched.with([hung.id.connection], limits: limits) { watched in
      try await watched.expect(other.id, .running)
      let next = await watched.mark
      try "FROZEN".write(toFile: freezer, atomically: false, encoding: .utf8)
      defer { try? "THAWED".write(toFile: freezer, atomically: false, encoding: .utf8) }
      if case .unknown = await watched.hypervisor.start(hung.request) {} else { Issue.record("the start did not hang") }
      for _ in 1...3 { await watched.hypervisor.refresh() }
      _ = try await virsh(other, "suspend", other.id.name)
      try await watched.expect(other.id, .paused, from: next)
      _ = try await virsh(other, "resume", other.id.name)
      #expect(await watched.count(from: next) { $0.isUnreachable(hung.id.connection) || $0.isGone(hung.id) } == 0)
      try "THAWED".write(toFile: freezer, atomically: false, encoding: .utf8)
      try await watched.expect(hung.id, .running, from: next)
      expectDone(await watched.hypervisor.stop(other.id, uuid: other.uuid, grace: .zero))
      expectDone(await watched.hypervisor.stop(hung.id, uuid: hung.uuid, grace: .zero))
    }
  }

  /// A hook holds libvirt's lock of the domain while it runs: whoever lists the domains waits for it, and whoever asks about this one. What was asked for
  /// meanwhile is told afterwards, though a look has told the same by then: the controller waits for an inventory to believe that the start is over.
  @Test(.libvirtHost, arguments: [TestedDriver.lxc, .qemu])
  func `an inventory that was asked for while a hook held a start up is told when the hook has ended`(
    driver: TestedDriver
  ) async throws {
    let host = try TestHost.required()
    let (slow, other) = (try TestDomain(driver, "slow"), try TestDomain(driver, "beside"))
    try await host.hook(driver.rawValue, "[ \"$1 $2\" != 'slow prepare' ] || sleep 14")
    var limits = LibvirtLimits()
    (limits.lifecycle, limits.call) = (.seconds(5), .seconds(1))
    try await Watched.with([slow.id.connection], limits: limits) { watched in
      try await Self.seesStart(of: slow, heldUpBeside: other, watched)
    }
  }

  private static func seesStart(of slow: TestDomain, heldUpBeside other: TestDomain, _ watched: Watched) async throws {
    // An emulated machine on a busy host may take longer than the limit: it runs all the same.
    _ = await watched.hypervisor.start(other.request)
    try await watched.expect(other.id, .running)
    let next = await watched.mark
    let outcome = await watched.hypervisor.start(slow.request)
    if case .unknown = outcome {} else { Issue.record("the start was not held up: \(outcome)") }
    // Both in vain: the first waits for its limit, the second is not made.
    for _ in 1...2 { await watched.hypervisor.refresh() }
    let inventories = await watched.count(from: next) { $0.isInventory(of: slow.id.connection) }
    #expect(inventories == 0)
    _ = try await virsh(other, "suspend", other.id.name)
    try await watched.expect(other.id, .paused, from: next)
    try await watched.expect(slow.id, .running, from: next)
    try await watched.expect("an inventory with both", from: next) {
      $0.isInventory(of: slow.id.connection) && $0.observation(of: slow.id) != nil && $0.observation(of: other.id) != nil
    }
    let losses = await watched.count(from: next) { $0.isUnreachable(slow.id.connection) || $0.isGone(slow.id) }
    #expect(losses == 0)
    for domain in [slow, other] {
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  private enum Hindrance: CaseIterable {
    /// libvirt waits for a process of the domain's.
    case frozen
    /// libvirt waits for a script, with the domain locked: whoever looks it up then locks libvirt's whole list of domains.
    case hook
  }

  /// Looks, and what destroys, have threads of their own, and libvirtd serves them beside what hangs.
  @Test(.libvirtHost, arguments: Hindrance.allCases)
  private func `eight starts that hang keep nobody from seeing and destroying another domain`(_ by: Hindrance) async throws {
    let host = try TestHost.required()
    let hung = try (1...8).map { try TestDomain(.lxc, "hung\($0)\(by)") }, other = try TestDomain(.lxc, "beside\(by)")
    var limits = LibvirtLimits()
    (limits.lifecycle, limits.call) = (.seconds(2), .seconds(1))
    if by == .hook { try await host.hook("lxc", "case \"$1 $2\" in hung*' prepare') sleep 20;; esac") }
    let file = "\(host.directory)/\(other.id.name).xml"
    try other.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(other, "create", file)
    try await Watched.with([other.id.connection], limits: limits) { watched in
      try await watched.expect(other.id, .running)
      if by == .frozen { try host.partition(frozen: true) }
      defer { if by == .frozen { try? host.partition(frozen: false) } }
      let next = await watched.mark
      try await Self.starts(of: hung, hangBeside: other, watched)
      if by == .frozen { try host.partition(frozen: false) }
      for domain in hung {
        try await watched.expect("\(domain.id.name) runs", from: next, within: .seconds(60)) {
          $0.observation(of: domain.id)?.state == .running
        }
      }
      await atOnce(hung) { expectDone(await watched.hypervisor.stop($0.id, uuid: $0.uuid, grace: .zero)) }
    }
  }

  private static func starts(of hung: [TestDomain], hangBeside other: TestDomain, _ watched: Watched) async throws {
    let hypervisor = watched.hypervisor, next = await watched.mark
    // As many at once as there are threads for them.
    func hang(_ wave: some Sequence<TestDomain>) async {
      await atOnce(Array(wave)) { domain in
        let outcome = await hypervisor.start(domain.request)
        if case .unknown = outcome {} else { Issue.record("the start did not hang: \(outcome)") }
      }
    }
    await hang(hung.prefix(4))
    // As often happens by itself: a list that hangs, and then a look at each that is known. With all eight under way libvirtd may have no thread left for
    // the suspension: it keeps some for looks and for destroying alone.
    await hypervisor.refresh()
    _ = try await virsh(other, "suspend", other.id.name)
    try await watched.expect(other.id, .paused, from: next)
    await hang(hung.suffix(4))
    let took = await ContinuousClock().measure {
      expectDone(await hypervisor.stop(other.id, uuid: other.uuid, grace: .zero))
    }
    #expect(took < .seconds(10))
    let losses = await watched.count(from: next) { $0.isUnreachable(other.id.connection) }
    #expect(losses == 0)
  }

  @Test(.libvirtHost, arguments: [TestedDriver.lxc, .qemu])
  func `what dies while libvirtd is down is not in the next inventory`(driver: TestedDriver) async throws {
    let host = try TestHost.required()
    let domain = try TestDomain(driver, "perish")
    try await Watched.with([domain.id.connection]) { watched in
      let seen = try await watched.start(domain)
      let pid = try #require(seen.pid)
      let processes = driver == .lxc ? [try child(of: pid), pid] : [pid]
      let next = await watched.mark
      kill(try host.libvirtd, SIGKILL)
      for process in processes { kill(process, SIGKILL) }
      try await watched.expect("unreachable", from: next) { $0.isUnreachable(domain.id.connection) }
      #expect(await watched.count(from: next) { $0.isGone(domain.id) } == 0)
      try await host.command("libvirtd")
      try await watched.expect("an inventory without it", from: next) {
        $0.isInventory(of: domain.id.connection) && $0.observation(of: domain.id) == nil
      }
      // libvirt keeps what it lost, neither running nor defined, and refuses to start it: that is cleared.
      _ = try await watched.start(domain)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  /// The container's controller dies while libvirtd is down. What that leaves is looked for by this adapter, unless another is to.
  private func lose(
    _ controller: Int32, of domain: TestDomain, _ orphan: Int32, adapterRestarts: Bool, _ watched: Watched, on host: TestHost
  ) async throws {
    kill(try host.libvirtd, SIGKILL)
    kill(controller, SIGKILL)
    if adapterRestarts { return }
    let next = await watched.mark
    try await host.command("libvirtd")
    try await expectCleared(watched, domain, from: next, orphan)
  }

  /// libvirt says "shut off" of it afterwards, and its processes go on executing.
  @Test(.libvirtHost, arguments: [false, true], ["orphan", "o_p--h.", "orphan" + String(repeating: "x", count: 54)])
  func `a container whose controller died while libvirtd was down is not gone before its processes are`(
    adapterRestarts: Bool, name: String
  ) async throws {
    let host = try TestHost.required()
    let domain = try TestDomain(.lxc, name)
    var orphan: Int32 = 0
    try await Watched.with([domain.id.connection]) { watched in
      let controller = try #require(try await watched.start(domain).pid)
      orphan = try child(of: controller)
      try await lose(controller, of: domain, orphan, adapterRestarts: adapterRestarts, watched, on: host)
    }
    guard adapterRestarts else { return }
    #expect(isExecuting(orphan))
    try await host.command("libvirtd")
    try await Watched.with([domain.id.connection]) { watched in try await expectCleared(watched, domain, from: 0, orphan) }
  }

  /// Somebody gave it a persistent definition while it ran: libvirt says "shut off" of it afterwards, as of a thousand others.
  @Test(.libvirtHost, arguments: [false, true]) func `nor is one that was defined persistently meanwhile`(
    adapterRestarts: Bool
  ) async throws {
    let host = try TestHost.required()
    let domain = try TestDomain(.lxc, "defi_ned"), bystander = try TestDomain(.lxc, "bystander")
    var orphan: Int32 = 0
    try await Watched.with([domain.id.connection]) { watched in
      let controller = try #require(try await watched.start(domain).pid)
      orphan = try child(of: controller)
      try await define(domain, try await virsh(domain, "dumpxml", domain.id.name), on: host)
      try await define(bystander, bystander.usersXML, on: host)
      try await lose(controller, of: domain, orphan, adapterRestarts: adapterRestarts, watched, on: host)
    }
    if adapterRestarts {
      #expect(isExecuting(orphan))
      try await host.command("libvirtd")
      try await Watched.with([domain.id.connection]) { watched in
        try await expectCleared(watched, domain, from: 0, orphan)
        #expect(await watched.count { $0.observation(of: bystander.id) != nil } == 0, "one of which nothing runs is not told")
      }
    }
    _ = try await virsh(bystander, "undefine", bystander.id.name)
  }

  /// As after an adoption: what runs is not in the guard's partitions, and libvirt knows nothing of it any more.
  @Test(.libvirtHost, arguments: [nil, "/attic"]) func `a start finds a former run where the workload's own XML has it`(
    partition: String?
  ) async throws {
    let host = try TestHost.required()
    var domain = try TestDomain(.lxc, "adopted")
    if let partition {
      domain.xml = domain.xml.replacing("<os>", with: "<resource><partition>\(partition)</partition></resource><os>")
      try await host.command("partition \(partition)")
    }
    let file = "\(host.directory)/adopted.xml"
    try domain.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "create", file)
    var orphan: Int32 = 0
    try await Watched.with([domain.id.connection]) { watched in
      let controller = try #require(try await watched.expect(domain.id, .running).pid)
      orphan = try child(of: controller)
      kill(try host.libvirtd, SIGKILL)
      kill(controller, SIGKILL)
    }
    try FileManager.default.removeItem(atPath: "\(host.directory)/run/libvirt/lxc/adopted.xml")
    try await host.command("libvirtd")
    try await Watched.with([domain.id.connection]) { watched in
      guard case .failed(let reason) = await watched.hypervisor.start(domain.request) else {
        Issue.record("it was started beside its former run")
        return
      }
      #expect(reason.contains("processes of a former run are left in"))
      try await watched.expectGone(domain.id)
      #expect(!isExecuting(orphan))
      _ = try await watched.start(domain)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  private func define(_ domain: TestDomain, _ xml: String, on host: TestHost) async throws {
    let file = "\(host.directory)/\(domain.id.name)-defined.xml"
    try xml.write(toFile: file, atomically: true, encoding: .utf8)
    _ = try await virsh(domain, "define", file)
  }

  /// libvirt drops the underscore from the names of cgroups.
  @Test(.libvirtHost) func `of two containers whose cgroups have one name, the one that was lost is cleared away`() async throws
  {
    let host = try TestHost.required()
    let (lost, other) = (try TestDomain(.lxc, "o_1"), try TestDomain(.lxc, "o1"))
    try await Watched.with([lost.id.connection]) { watched in
      let controller = try #require(try await watched.start(lost).pid)
      let orphan = try child(of: controller)
      let before = try await watched.start(other)
      let running = try child(of: #require(before.pid))
      kill(try host.libvirtd, SIGKILL)
      kill(controller, SIGKILL)
      let next = await watched.mark
      try await host.command("libvirtd")
      try await expectCleared(watched, lost, from: next, orphan)
      #expect(isExecuting(running))
      #expect(await watched.count(from: next) { $0.isGone(other.id) } == 0)
      expectDone(await watched.hypervisor.stop(other.id, uuid: other.uuid, grace: .zero))
    }
  }

  private func expectCleared(_ watched: Watched, _ domain: TestDomain, from next: Int, _ orphan: Int32) async throws {
    let unclear = try await watched.expect(domain.id, .unclear, from: next)
    #expect(unclear.mark == domain.mark)
    try await watched.expectGone(domain.id, from: next)
    #expect(!isExecuting(orphan))
    _ = try await watched.start(domain)
    expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
  }

  @Test(.libvirtHost) func `connections that are lost are given back`() async throws {
    let host = try TestHost.required()
    let uri = host.uri("lxc")
    try await Watched.with([uri]) { watched in
      func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
      var counts: [Int] = []
      for _ in 1...4 {
        let next = await watched.mark
        kill(try host.libvirtd, SIGKILL)
        try await watched.expect("unreachable", from: next) { $0.isUnreachable(uri) }
        try await host.command("libvirtd")
        try await watched.expect("an inventory", from: next) { $0.isInventory(of: uri) }
        counts.append(try descriptors())
      }
      // Other suites open and close files meanwhile; a lost connection would cost one or two each time, and never give it back.
      for _ in 1...300 where try descriptors() - counts[0] >= 3 { try await Task.sleep(for: .milliseconds(200)) }
      #expect(try descriptors() - counts[0] < 3, "\(counts)")
    }
  }

  /// Now and then libvirt loses a new container's controller, more often under load: then it sends no event when it dies.
  @Test(.libvirtHost) func `thirty controllers that die at once are all told as gone`() async throws {
    let domains = try (1...30).map { try TestDomain(.lxc, "die\($0)") }
    try await Watched.with([domains[0].id.connection]) { watched in
      let hypervisor = watched.hypervisor
      await atOnce(domains) { expectDone(await hypervisor.start($0.request)) }
      var controllers: [Int32] = []
      for domain in domains { controllers.append(try #require(try await watched.expect(domain.id, .running).pid)) }
      let next = await watched.mark
      for controller in controllers { kill(controller, SIGKILL) }
      // When all of libvirtd is busy with it, the connection may be lost for a while: then an inventory tells.
      try await watched.waitUntil("all gone", within: .seconds(40)) { events in
        let told = events.dropFirst(next)
        let emptied = told.contains { $0 == .inventory(connection: domains[0].id.connection, domains: []) }
        return emptied || domains.allSatisfy { domain in told.contains { $0.isGone(domain.id) } }
      }
      for domain in domains {
        expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      }
    }
  }
}
