import Foundation
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LibvirtHypervisor
import Logging
import Testing

/// What the port `Hypervisor` promises, over every driver.
@Suite(.libvirtHost) struct HypervisorConformance {
  @Test(arguments: TestedDriver.available) func `a started domain is seen running with everything that was set`(
    driver: TestedDriver
  )
    async throws
  {
    let domain = try TestDomain(driver, "set-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      let seen = try await watched.expect(domain.id, .running)
      #expect(seen.uuid == domain.uuid)
      #expect(seen.mark == domain.mark)
      #expect(seen.memory == 32)
      #expect(seen.vcpus == 1)
      #expect(!seen.persistent)
      if driver.hasProcesses {
        #expect(seen.links == domain.request.links)
        let pid = try #require(seen.pid)
        #expect(isExecuting(pid))
        let cgroup = try #require(seen.cgroup)
        #expect(cgroup.contains("/holdfast.partition/freeze.partition/"))
        #expect(try String(contentsOfFile: "\(cgroup)/cgroup.procs", encoding: .utf8).split(separator: "\n").contains("\(pid)"))
      }
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      #expect(await watched.count { $0.isGone(domain.id) } == 1)
      if let pid = seen.pid { #expect(!isExecuting(pid)) }
    }
  }

  @Test(arguments: TestedDriver.available) func `a second start of a running domain fails and leaves it alone`(
    driver: TestedDriver
  )
    async throws
  {
    let domain = try TestDomain(driver, "twice-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      let seen = try await watched.expect(domain.id, .running)
      var other = domain
      other.uuid = UUID().uuidString.lowercased()
      for request in [domain.request, other.request] {
        try await #expect(failure(watched.hypervisor.start(request)).contains("a domain of that name is"))
      }
      await watched.hypervisor.refresh()
      try await #expect(lastInventory(watched, domain.id) == seen)
      _ = await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero)
    }
  }

  @Test(arguments: TestedDriver.available) func `a definition without our mark keeps a start from happening`(
    driver: TestedDriver
  )
    async throws
  {
    var domain = try TestDomain(driver, "theirs-\(driver)")
    let uri = domain.id.connection
    try await Watched.with([uri]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running)
      expectDone(await watched.hypervisor.unmark(domain.id, uuid: domain.uuid))
      let unmarked = try await watched.expect("unmarked") {
        $0.observation(of: domain.id).map { $0.mark == nil && $0.persistent } == true
      }
      // virsh does not reach the driver that lives in this process.
      if driver != .test {
        #expect(
          try await !virsh(domain, "dumpxml", "--inactive", domain.id.name).contains("<partition>\(domain.request.partition)"))
      }
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      try await watched.expectGone(domain.id, from: unmarked.next)
      try await #expect(failure(watched.hypervisor.start(domain.request)).contains("does not carry this workload's mark"))
      domain.uuid = UUID().uuidString.lowercased()
      try await #expect(failure(watched.hypervisor.start(domain.request)).contains("another domain of that name is defined"))
      // A definition is not a domain that runs.
      await watched.hypervisor.refresh()
      try await #expect(lastInventory(watched, domain.id) == nil)
    }
  }

  static let unusable: [(xml: String, reason: String)] = [
    ("", "expected domain XML, found nothing"), ("no XML", "expected one <domain> element and nothing besides"),
    ("<domain><name>x</domain>", "expected </name>"), ("<network/>", "expected <domain> as the root element"),
    ("<!DOCTYPE x><domain/>", "document type"),
    ("<domain type='test'/>", "Correct the workload's domain XML")
  ]

  @Test(arguments: TestedDriver.available) func `unusable XML is refused with its reason and remedy`(driver: TestedDriver)
    async throws
  {
    var request = try TestDomain(driver, "bad-\(driver)").request
    try await Watched.with([request.id.connection]) { watched in
      for (xml, expected) in Self.unusable {
        request.xml = xml
        let reason = try await failure(watched.hypervisor.start(request))
        #expect(reason.contains(expected))
        #expect(reason.hasPrefix("\(request.id.name) was not started: "))
      }
    }
  }

  @Test(arguments: TestedDriver.available) func `a start after its last instant is not attempted`(driver: TestedDriver)
    async throws
  {
    var request = try TestDomain(driver, "late-\(driver)").request
    request.notAfter = .zero
    try await Watched.with([request.id.connection]) { watched in
      #expect(await watched.hypervisor.start(request) == .tooLate)
      await watched.hypervisor.refresh()
      try await #expect(lastInventory(watched, request.id) == nil)
    }
  }

  @Test(arguments: TestedDriver.available) func `only the domain with the UUID is stopped`(driver: TestedDriver) async throws {
    let domain = try TestDomain(driver, "uuid-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      let seen = try await watched.expect(domain.id, .running)
      // Nothing with that UUID is there: it is seen gone.
      expectDone(await watched.hypervisor.stop(domain.id, uuid: UUID().uuidString, grace: .zero))
      var misnamed = domain.id
      misnamed.name = "nobody"
      try await #expect(failure(watched.hypervisor.stop(misnamed, uuid: domain.uuid, grace: .zero)).contains(domain.id.name))
      await watched.hypervisor.refresh()
      try await #expect(lastInventory(watched, domain.id) == seen)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid.uppercased(), grace: .zero))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test(arguments: TestedDriver.available) func `a graceful stop ends with the domain gone`(driver: TestedDriver) async throws {
    let domain = try TestDomain(driver, "grace-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running)
      if driver == .lxc { try await Task.sleep(for: .milliseconds(300)) }  // Its init sets its trap.
      let took = await ContinuousClock().measure {
        expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .seconds(driver.obeys ? 30 : 2)))
      }
      #expect(took < .seconds(10))
      #expect(driver.obeys || took >= .seconds(2), "the guest has its whole grace")
      try await watched.expectGone(domain.id)
    }
  }

  @Test(arguments: TestedDriver.available) func `a new epoch is written into the running domain`(driver: TestedDriver)
    async throws
  {
    var domain = try TestDomain(driver, "epoch-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running)
      domain.epoch = 8
      let mark = domain.mark
      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: mark))
      try await watched.expect("the new epoch") { $0.observation(of: domain.id)?.mark == mark }
      var foreign = mark
      foreign.cluster = "another"
      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: mark))
      try await #expect(failure(watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: foreign)).contains("cluster test"))
      try await #expect(
        failure(watched.hypervisor.mark(domain.id, uuid: UUID().uuidString, mark: mark)).contains(
          "no domain of that name and UUID"))
      _ = await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero)
    }
  }

  @Test(arguments: TestedDriver.available) func `its description starts it again`(driver: TestedDriver) async throws {
    var domain = try TestDomain(driver, "again-\(driver)")
    try await Watched.with([domain.id.connection]) { watched in
      await #expect(throws: HypervisorError.self) { try await watched.hypervisor.describe(domain.id) }
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running)
      domain.xml = try await watched.hypervisor.describe(domain.id).xml
      #expect(try await watched.hypervisor.keptState(of: domain.id) == .none)
      #expect(!domain.xml.contains("holdfast.dev"))
      #expect(!domain.xml.contains("HOLDFAST_"))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      let next = await watched.mark
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running, from: next)
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test(arguments: TestedDriver.available) func `a connection that is not configured is named`(driver: TestedDriver)
    async throws
  {
    var request = try TestDomain(driver, "unconnected").request
    try await Watched.with([request.id.connection]) { watched in
      request.id.connection = "xen:///system"
      try await #expect(failure(watched.hypervisor.start(request)).contains("xen:///system"))
    }
  }

  @Test(arguments: TestedDriver.available) func `a paused domain is there, and goes on when it is resumed`(driver: TestedDriver)
    async throws
  {
    let domain = try TestDomain(driver, "pause-\(driver)")
    let never = BootInstant.zero, always = BootInstant(nanoseconds: .max)
    try await Watched.with([domain.id.connection]) { watched in
      let hypervisor = watched.hypervisor
      try await #expect(failure(hypervisor.suspend(domain.id, uuid: domain.uuid)).contains("no domain of that name"))
      let seen = try await watched.start(domain)
      try await #expect(failure(hypervisor.suspend(domain.id, uuid: UUID().uuidString)).contains("no domain of that name"))
      let begin = await watched.mark
      expectDone(await hypervisor.suspend(domain.id, uuid: domain.uuid))
      let paused = try await watched.expect(domain.id, .paused, from: begin)
      #expect(paused.reason == .suspended && paused.pid == seen.pid && paused.mark == seen.mark)
      expectDone(await hypervisor.suspend(domain.id, uuid: domain.uuid))
      #expect(await hypervisor.resume(domain.id, uuid: domain.uuid, notAfter: never) == .tooLate)
      let next = await watched.mark
      expectDone(await hypervisor.resume(domain.id, uuid: domain.uuid, notAfter: always))
      try await watched.expect(domain.id, .running, from: next)
      // What is paused can be stopped.
      expectDone(await hypervisor.suspend(domain.id, uuid: domain.uuid))
      expectDone(await hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      try await watched.expectGone(domain.id, from: next)
    }
  }

  @Test func `nobody listens at first`() async throws {
    let uri = "lxc+unix:///system?socket=/nonexistent/libvirt-sock"
    let hypervisor = try LibvirtHypervisor(
      connections: [uri], cluster: "c", node: "n", logger: .init(label: "libvirt") { _ in SwiftLogNoOpLogHandler() })
    var events = hypervisor.events().makeAsyncIterator()
    guard case .unreachable(uri, let reason)? = await events.next() else {
      Issue.record("the first event was another")
      return
    }
    #expect(reason.contains("/nonexistent/libvirt-sock"))
    await hypervisor.close()
    #expect(await events.next() == nil)
  }

  /// The reason of a failure.
  private func failure(_ outcome: OperationOutcome, at place: SourceLocation = #_sourceLocation) throws -> String {
    guard case .failed(let reason) = outcome else {
      Issue.record("expected a failure, got \(outcome)", sourceLocation: place)
      return ""
    }
    return reason
  }

  /// What the last inventory says of a domain.
  private func lastInventory(_ watched: Watched, _ id: DomainID) async throws -> DomainObservation? {
    try await Task.sleep(for: .milliseconds(20))
    return try #require(await watched.events.last { $0.isInventory(of: id.connection) }).observation(of: id)
  }
}
