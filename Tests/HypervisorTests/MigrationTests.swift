import Foundation
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LibvirtHypervisor
import Testing

/// Live migration between two real libvirtds. Every test ends with the proof that the guest counted each number once: it never ran twice,
/// and lost nothing of its memory.
@Suite(.hostPair, .enabled(if: !TestHost.isOff, "LAB=off"), .serialized) struct MigrationTests {
  /// Slow enough to do something in the middle.
  private static let slow = MigrationLimits(bandwidth: 1)

  @Test func `it arrives paused with all that was set, and goes on when it is resumed`() async throws {
    try await Move.with("arrive") { move in
      let before = try await move.here.expect(move.idHere, .running)
      #expect(await move.migrate(notAfter: 0) == .tooLate)
      expectDone(await move.migrate(MigrationLimits(downtime: 100)))
      try await move.here.expectGone(move.idHere)
      try await move.there.expect(move.idThere, .arriving)
      let arrived = try await move.there.expect(move.idThere, .paused)
      #expect(arrived.uuid == before.uuid && arrived.mark == before.mark && arrived.links == before.links)
      #expect(!arrived.persistent)
      #expect(try #require(arrived.cgroup).contains("/holdfast.partition/freeze.partition/"))
      let counted = try move.guest.counts.count
      #expect(await move.resumeThere(notAfter: 0) == .tooLate)
      try await Task.sleep(for: .milliseconds(300))
      #expect(try move.guest.counts.count == counted, "it ran before it was resumed")
      try #expect(failure(await move.turned.migrate()).contains("it is not running"))
      expectDone(await move.resumeThere())
      try await move.there.expect(move.idThere, .running)
      expectDone(await move.resumeThere())
      try await move.guest.counts()
    }
  }

  @Test func `a bar at the target refuses it, and with that taken away it arrives as ever`() async throws {
    try await Move.with("barred") { move in
      let mark = try await move.there.bar(move.domain, as: move.idThere)
      try #expect(failure(await move.migrate()).contains("already exists"))
      try await move.here.expect(move.idHere, .running)
      let hypervisor = move.there.hypervisor
      #expect(await hypervisor.unbar(move.idThere, uuid: move.domain.uuid, mark: mark, overBar: false) == .barred)
      expectDone(await hypervisor.unbar(move.idThere, uuid: move.domain.uuid, mark: mark, overBar: true))
      let before = await move.there.mark
      expectDone(await move.migrate())
      let arrived = try await move.there.expect(move.idThere, .paused, from: before)
      #expect(!arrived.persistent && arrived.uuid == move.domain.uuid && arrived.mark == move.domain.mark)
      expectDone(await move.resumeThere())
      try await move.guest.counts()
      let inactive = try await shell("virsh", "-c", move.idThere.connection, "list", "--inactive", "--name")
      #expect(!inactive.contains(move.idThere.name), "the bar is there still")
    }
  }

  @Test func `what is not there, or cannot be reached, is not migrated`() async throws {
    try await Move.with("refuse") { move in
      var other = move
      other.destination = "qemu+tcp://\(HostPair.addresses.there):1/system"
      let unreachable = await other.migrate()
      guard case .hindered(.target, _) = unreachable else { throw TestHost.Trouble(description: "\(unreachable)") }
      let request = MigrationRequest(
        id: move.idHere, uuid: UUID().uuidString, destination: move.destination, limits: MigrationLimits(),
        notAfter: BootInstant(nanoseconds: .max))
      try #expect(failure(await move.here.hypervisor.migrate(request)).contains("no domain of that name and UUID"))
      try #expect(
        failure(await move.here.hypervisor.resume(move.idHere, uuid: request.uuid, notAfter: request.notAfter)).contains(
          "no domain of that name and UUID"))
      await move.here.hypervisor.cancelMigration(move.idHere, uuid: move.domain.uuid)
      try await move.guest.counts()
    }
  }

  @Test func `what somebody suspended moves as it is, is not sent on before it is resumed, and counts on then`() async throws {
    try await Move.with("suspended") { move in
      try #expect(failure(await move.migrate(isSuspended: true)).contains("it is not suspended any more"))
      expectDone(await move.here.hypervisor.suspend(move.idHere, uuid: move.domain.uuid))
      let paused = try await move.here.expect(move.idHere, .paused)
      #expect(paused.isSuspended)
      let counted = try move.guest.counts.count
      try #expect(failure(await move.migrate()).contains("it is not running"))
      let there = await move.there.mark
      expectDone(await move.migrate(isSuspended: true))
      let arrived = try await move.there.expect(move.idThere, .paused, from: there)
      #expect(arrived.isSuspended)
      // QEMU would end.
      try #expect(failure(await move.turned.migrate(isSuspended: true)).contains("it came here by a migration"))
      try await Task.sleep(for: .milliseconds(300))
      #expect(try move.guest.counts.count == counted, "it ran before it was resumed")
      expectDone(await move.resumeThere())
      try await move.guest.counts()
    }
  }

  @Test(arguments: ["cancel", "target", "source"])
  func `what somebody suspended stays so where its move breaks off`(what: String) async throws {
    try await Move.with("suspended-\(what)") { move in
      expectDone(await move.here.hypervisor.suspend(move.idHere, uuid: move.domain.uuid))
      try await move.here.expect(move.idHere, .paused)
      let counted = try move.guest.counts.count
      async let outcome = move.migrate(Self.slow, isSuspended: true)
      try await move.there.expect(move.idThere, .arriving)
      switch what {
      case "cancel": await move.here.hypervisor.cancelMigration(move.idHere, uuid: move.domain.uuid)
      case "target": kill(try move.hosts.there.libvirtd, SIGKILL)
      default: kill(try move.hosts.here.libvirtd, SIGKILL)
      }
      let end = await outcome
      let next = await move.here.mark
      switch what {
      case "cancel": try #expect(failure(end).contains("it was called off"))
      case "target": try await move.hosts.there.command("libvirtd")
      default:
        try await move.hosts.here.command("libvirtd")
        try await move.here.expect(move.idHere, .paused, from: next)
      }
      try await Task.sleep(for: .milliseconds(300))
      #expect(try move.guest.counts.count == counted, "it ran before it was resumed")
      try await move.there.waitUntil("gone there", within: .seconds(20)) { Self.isGone(move.idThere, $0) }
      expectDone(await move.resumeHere())
      try await move.guest.counts()
    }
  }

  /// A copy of a disk is no job of the domain's.
  @Test func `while libvirt works at its disk it is busy, and is migrated afterwards`() async throws {
    try await Move.with("mirror") { move in
      let (name, copy) = (move.idHere.name, "\(move.hosts.here.directory)/mirror.copy")
      _ = try await virsh(move.domain, "blockcopy", name, "vda", copy, "--format", "raw", "--wait")
      let outcome = await move.migrate()
      guard case .hindered(.busy, let reason) = outcome else { throw TestHost.Trouble(description: "\(outcome)") }
      #expect(reason.contains("its disk vda"))
      _ = try await virsh(move.domain, "blockjob", name, "vda", "--abort")
      expectDone(await move.migrate())
      expectDone(await move.resumeThere())
      try await move.guest.counts()
    }
  }

  @Test func `it tells how far it is, and runs on here when it is called off`() async throws {
    try await Move.with("cancel") { move in
      var limits = Self.slow
      limits.downtime = 123
      let hypervisor = move.here.hypervisor
      async let outcome = move.migrate(limits)
      try await move.there.expect(move.idThere, .arriving)
      try #expect(failure(await move.resumeThere()).contains("it is still arriving"))
      try #expect(failure(await move.migrate()).contains("is being migrated already"))
      try await move.here.waitUntil("reports of what was sent", within: .seconds(5)) {
        $0.compactMap(\.progress).contains { $0.sent > 0 }
      }
      let progress = try #require(await move.here.events.compactMap(\.progress).last)
      #expect(progress.total >= 32 && progress.sent > 0 && progress.remaining > 0, "\(progress)")
      #expect(
        try await shell("virsh", "-q", "-c", move.idHere.connection, "migrate-getmaxdowntime", move.idHere.name).contains("123")
      )
      await hypervisor.cancelMigration(move.idHere, uuid: move.domain.uuid)
      try #expect(failure(await outcome).contains("it was called off"))
      try await move.there.expectGone(move.idThere)
      try await move.guest.counts()
    }
  }

  @Test func `what takes too long is given up`() async throws {
    try await Move.with("slow") { move in
      var limits = Self.slow
      limits.time = 1.5
      let took = try await ContinuousClock().measure {
        try #expect(failure(await move.migrate(limits)).contains("not over after 1.5 s"))
      }
      #expect(took > .seconds(1) && took < .seconds(5))
      try await move.there.expectGone(move.idThere)
      try await move.guest.counts()
    }
  }

  @Test func `its disk is copied`() async throws {
    let hosts = try HostPair.required()
    // The same path to both hosts, and on each a file of its own.
    let files = [hosts.here, hosts.there].map { URL(filePath: "\($0.directory)/var/lib/images/copied.img") }
    try CountingGuest.disk(marked: 7).write(to: files[0])
    try Data(count: 1 << 20).write(to: files[1])
    try await Move.with("copy", image: "/var/lib/libvirt/images/copied.img") { move in
      expectDone(await move.migrate(MigrationLimits(copiesStorage: true)))
      #expect(try Data(contentsOf: files[1]) == CountingGuest.disk(marked: 7))
      expectDone(await move.resumeThere())
      try await move.guest.counts()
    }
  }

  @Test(arguments: ["qemu", "libvirtd", "host"]) func `the target dies in the middle, and it runs on here`(what: String)
    async throws
  {
    try await Move.with("to-\(what)") { move in
      async let outcome = move.migrate(Self.slow)
      let arriving = try await move.there.expect(move.idThere, .arriving)
      let qemu = try #require(arriving.pid)
      let (died, next) = (ContinuousClock.now, await move.there.mark)
      switch what {
      case "qemu": kill(qemu, SIGKILL)
      case "libvirtd": kill(try move.hosts.there.libvirtd, SIGKILL)
      default: try await move.hosts.there.command("cut")
      }
      try await expectStays(outcome)
      #expect(died.duration(to: .now) < .seconds(15))
      try await move.guest.counts()
      if what == "libvirtd" {
        try await move.hosts.there.command("libvirtd")
        try await move.there.expect("an inventory", from: next) { $0.isInventory(of: move.idThere.connection) }
      }
      if what == "host" { try await move.hosts.there.command("mend") }
    }
  }

  @Test func `libvirtd dies here in the middle, and it runs on here`() async throws {
    try await Move.with("source") { move in
      async let outcome = move.migrate(Self.slow)
      try await move.there.expect(move.idThere, .arriving)
      let next = await move.here.mark
      kill(try move.hosts.here.libvirtd, SIGKILL)
      guard case .unknown = await outcome else {
        Issue.record("\(await outcome)")
        return
      }
      try await move.there.expectGone(move.idThere)
      try await move.hosts.here.command("libvirtd")
      try await move.here.expect(move.idHere, .running, from: next)
      try await move.guest.counts()
    }
  }

  /// qemu's command line is that of an arriving domain for ever.
  @Test(arguments: [false, true]) func `libvirtd dies here at the switch-over, and it can be resumed here`(cameHere: Bool)
    async throws
  {
    try await Move.with("switch-\(cameHere)") { start in
      let move = cameHere ? start.turned : start
      if cameHere {
        expectDone(await start.migrate())
        expectDone(await start.resumeThere())
      }
      try await move.here.expect(move.idHere, .running)
      let (next, before) = (await move.here.mark, await move.there.mark)
      let target = try move.hosts.there.libvirtd
      async let outcome = move.migrate(MigrationLimits(bandwidth: 8))
      try await move.there.expect(move.idThere, .arriving, from: before)
      // The target does not answer when all has been sent.
      kill(target, SIGSTOP)
      defer { kill(target, SIGCONT) }
      try await move.here.expect(move.idHere, .paused, from: next)
      // Before it has noted that, libvirt would resume it by itself.
      try await move.hosts.here.wait(forStatus: "phase='perform3_done'", of: move.idHere.name)
      let killed = await move.here.mark
      kill(try move.hosts.here.libvirtd, SIGKILL)
      guard case .unknown = await outcome else {
        Issue.record("\(await outcome)")
        return
      }
      try await move.hosts.here.command("libvirtd")
      try await move.here.expect(move.idHere, .paused, from: killed)
      kill(target, SIGCONT)
      expectDone(await move.resumeHere())
      try await move.here.expect(move.idHere, .running, from: killed)
      try await move.guest.counts()
    }
  }

  /// The target may have got the question, and then keeps a paused copy, complete and out of date.
  @Test func `the target's last answer is lost, and it runs on here alone`() async throws {
    try await Move.with("lost") { move in
      async let outcome = move.migrate(MigrationLimits(bandwidth: 8))
      try await move.there.expect(move.idThere, .arriving)
      let target = try move.hosts.there.libvirtd
      kill(target, SIGSTOP)
      defer { kill(target, SIGCONT) }
      let next = await move.here.mark
      try await move.here.expect(move.idHere, .paused, from: next)
      try await expectStays(outcome)
      kill(target, SIGCONT)
      try await move.here.expect(move.idHere, .running, from: next)
      try await move.guest.counts(on: 20)
      #expect(await move.there.count { $0.observation(of: move.idThere)?.state == .running } == 0)
    }
  }

  /// A frozen qemu does not die before it is thawed, and libvirt waits for it: at the source too.
  @Test(arguments: [false, true]) func `the target's guard freezes in the middle, and it runs on here`(libvirtdDies: Bool)
    async throws
  {
    var limits = LibvirtLimits()
    limits.aborting = .seconds(2)
    try await Move.with("frozen-\(libvirtdDies)", limits: limits) { move in
      var slow = Self.slow
      slow.time = 2
      async let outcome = move.migrate(slow)
      try await move.there.expect(move.idThere, .arriving)
      let next = await move.there.mark
      try move.hosts.there.partition(frozen: true)
      defer { try? move.hosts.there.partition(frozen: false) }
      if libvirtdDies {
        kill(try move.hosts.there.libvirtd, SIGKILL)
        try await expectStays(outcome)
        try await move.hosts.there.command("libvirtd")
        try await Task.sleep(for: .seconds(1))
      } else {
        guard case .unknown = await outcome else {
          Issue.record("\(await outcome)")
          return
        }
      }
      #expect(await move.there.count(from: next) { $0.observation(of: move.idThere)?.state == .paused } == 0)
      try await move.guest.counts()
      try move.hosts.there.partition(frozen: false)
      try await move.there.waitUntil("gone there", within: .seconds(20)) { Self.isGone(move.idThere, $0) }
      try await move.guest.counts()
    }
  }

  // MARK: the ends of tests

  private func failure(_ outcome: OperationOutcome, at place: SourceLocation = #_sourceLocation) throws -> String {
    switch outcome {
    case .failed(let reason), .hindered(_, let reason): return reason
    default:
      Issue.record("expected a failure, got \(outcome)", sourceLocation: place)
      return ""
    }
  }

  /// It was not migrated and runs on here: the fault was the domain's, or the target could not be reached any more.
  private func expectStays(_ outcome: OperationOutcome, at place: SourceLocation = #_sourceLocation) throws {
    if case .hindered(.target, _) = outcome { return }
    #expect(try failure(outcome, at: place).contains("runs on here"), sourceLocation: place)
  }

  /// The last word on a domain, an inventory without it included.
  private static func isGone(_ id: DomainID, _ events: [HypervisorEvent]) -> Bool {
    for event in events.reversed() {
      if event.isGone(id) { return true }
      if event.isInventory(of: id.connection) { return event.observation(of: id) == nil }
      if event.observation(of: id) != nil { return false }
    }
    return true
  }
}

extension HypervisorEvent {
  fileprivate var progress: MigrationProgress? {
    if case .migrating(_, let progress) = self { return progress }
    return nil
  }
}
