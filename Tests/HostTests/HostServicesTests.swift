import CgroupIsolation
import Foundation
import Glibc
import GuardCore
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostParts
import HostServices
import Testing

/// The adapter with real mounts, processes and cgroups, in every hierarchy that this machine has.
@Suite(.serialized, .enabled(if: isRoot, "needs root and a mounted hierarchy that can freeze"))
struct `A workload of the host itself` {
  @Test(arguments: hierarchies) func `runs its parts below the guard's partition, and leaves nothing when it is stopped`(
    _ hierarchy: CgroupHierarchy
  )
    async throws
  {
    try await TestedHost.with(hierarchy) { tested in
      #expect(await tested.events == [.inventory(connection: SpecRecord.hostConnection, domains: [])])
      let parts = [tested.mount(), try tested.script(), try tested.agent()]
      #expect(await tested.start(parts) == .done)
      let event = try await tested.expect("it runs") {
        if case .changed(let domain) = $0 { domain.state == .running } else { false }
      }
      guard case .changed(let domain) = event else { return }
      #expect(domain.uuid == TestedHost.uuid && domain.cgroup == tested.cgroup.directory && domain.links.isEmpty)
      #expect(domain.mark == ClaimMark(cluster: "test", workload: "files", epoch: Epoch(3)))
      #expect(tested.isMounted)
      #expect(tested.processes.count == 2, "the script's and the agent's")
      let environment = tested.text("server.env")
      for line in ["HOLDFAST_WORKLOAD=files", "HOLDFAST_NODE=n1", "HOLDFAST_EPOCH=3", "HOLDFAST_PART=server"] {
        #expect(environment.contains(line))
      }
      #expect(tested.text("agent.state.env") == "\(tested.directory)/ocf files-web test sleeper\n")
      #expect(tested.text("run/host/files.log").contains("started"))
      #expect(await tested.stop() == .done)
      try await tested.expectGone(.poweredOff)
      #expect(!tested.isMounted && tested.processes.isEmpty)
      #expect(access(tested.record, F_OK) != 0 && access(tested.cgroup.directory, F_OK) != 0)
      #expect(!tested.exists("server.pid") && !tested.exists("agent.state"))
    }
  }

  @Test(arguments: hierarchies) func `takes back what was done when a part does not start`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    try await TestedHost.with(hierarchy) { tested in
      let parts = [tested.mount(), try tested.script(start: "echo no disk >&2; exit 5")]
      let outcome = await tested.start(parts)
      guard case .failed(let reason) = outcome else { throw Trouble(description: "\(outcome)") }
      #expect(reason == "files was not started: the script server: it ended with status 5: no disk")
      #expect(!tested.isMounted && tested.processes.isEmpty && access(tested.record, F_OK) != 0)
      try await tested.expectGone(.failed)
    }
  }

  @Test func `does not touch what somebody else has mounted there`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      #expect(Glibc.mount("other", tested.directory + "/data", "tmpfs", 0, nil) == 0)
      let outcome = try await tested.start([tested.script(), tested.mount()])
      guard case .failed(let reason) = outcome else { throw Trouble(description: "\(outcome)") }
      #expect(reason.contains("other is mounted on \(tested.directory)/data already"))
      #expect(tested.isMounted && tested.processes.isEmpty)
    }
  }

  @Test(arguments: hierarchies) func `tells which part is not up while it starts, and nothing of them when all are`(
    _ hierarchy: CgroupHierarchy
  ) async throws {
    try await TestedHost.with(hierarchy) { tested in
      #expect(await tested.start([tested.mount(), try tested.script()]) == .done)
      try await tested.expect("a part that is starting") {
        if case .changed(let seen) = $0 { seen.partTroubles?.contains(PartTrouble("server", .starting)) == true } else { false }
      }
      try await tested.expect("all of them up") {
        if case .changed(let seen) = $0 { seen.state == .running && seen.partTroubles == nil } else { false }
      }
      #expect(await tested.stop() == .done)
    }
  }

  @Test(arguments: hierarchies) func `ends when a part of it ends`(_ hierarchy: CgroupHierarchy) async throws {
    try await TestedHost.with(hierarchy) { tested in
      let running = try [tested.mount(), tested.script()]
      #expect(await tested.start(running) == .done)
      kill(try #require(pid_t(tested.text("server.pid").trimmingCharacters(in: .newlines))), SIGKILL)
      try await tested.expectGone(.crashed)
      #expect(!tested.isMounted && tested.processes.isEmpty)
    }
  }

  @Test(arguments: hierarchies) func `runs on when the daemon is restarted`(_ hierarchy: CgroupHierarchy) async throws {
    try await TestedHost.with(hierarchy) { tested in
      let running = try [tested.mount(), tested.script()]
      #expect(await tested.start(running) == .done)
      let before = tested.processes
      try await tested.restart()
      let event = try #require(await tested.events.first)
      guard case .inventory(_, let domains) = event, let domain = domains.first else { throw Trouble(description: "\(event)") }
      #expect(domain.state == .running && domain.uuid == TestedHost.uuid && domain.mark?.epoch == Epoch(3))
      #expect(tested.processes.isSuperset(of: before) && tested.isMounted)
      #expect(await tested.stop() == .done)
      #expect(!tested.isMounted && tested.processes.isEmpty)
    }
  }

  @Test func `takes down what a daemon that ended was starting`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      let parts = [tested.mount(), try tested.script(start: "sleep 100", startTimeout: 100)]
      let starting = Task { await tested.start(parts) }
      #expect(await eventually(.seconds(10)) { tested.processes.count > 0 && tested.isMounted })
      try await tested.restart()
      _ = await starting.value
      try await tested.expect("an inventory without it, or its end") { event in
        switch event {
        case .gone(TestedHost.id, _, _): true
        case .inventory(_, let domains): domains.isEmpty
        default: false
        }
      }
      #expect(!tested.isMounted && tested.processes.isEmpty && access(tested.record, F_OK) != 0)
    }
  }

  @Test func `is never taken for stopped when its record cannot be read`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      let running = try [tested.script()]
      #expect(await tested.start(running) == .done)
      let kept = try Data(contentsOf: URL(filePath: tested.record))
      try Data("{".utf8).write(to: URL(filePath: tested.record))
      try await tested.restart()
      let event = try #require(await tested.events.first)
      guard case .unreachable(SpecRecord.hostConnection, let reason) = event else { throw Trouble(description: "\(event)") }
      #expect(reason.contains(tested.record))
      guard case .unknown = await tested.stop() else { throw Trouble(description: "it was said to be stopped") }
      guard
        case .unknown = await tested.host.bar(
          tested.id, uuid: TestedHost.uuid, mark: ClaimMark(cluster: "test", workload: "files", epoch: Epoch(3)))
      else { throw Trouble(description: "starts were said to be barred") }
      // Without a record, its processes tell that there was one.
      unlink(tested.record)
      await tested.host.refresh()
      #expect(await tested.events.allSatisfy { if case .unreachable = $0 { true } else { false } })
      try kept.write(to: URL(filePath: tested.record))
      await tested.host.refresh()
      try await tested.expect("an inventory") { if case .inventory(_, let domains) = $0 { domains.count == 1 } else { false } }
      #expect(await tested.stop() == .done)
    }
  }

  @Test func `names who keeps a file system busy, and is not stopped before`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      #expect(await tested.start([tested.mount(stopTimeout: 2)]) == .done)
      let stranger = Process()
      stranger.executableURL = URL(filePath: "/bin/sleep")
      stranger.arguments = ["1000"]
      stranger.currentDirectoryURL = URL(filePath: tested.directory + "/data")
      try stranger.run()
      let outcome = await tested.stop(grace: .seconds(1))
      guard case .failed(let reason) = outcome else { throw Trouble(description: "\(outcome)") }
      #expect(reason.contains("sleep (\(stranger.processIdentifier))"), "\(reason)")
      #expect(tested.isMounted && stranger.isRunning)
      // A process that Foundation starts has the signals blocked that the thread had.
      kill(stranger.processIdentifier, SIGKILL)
      try await tested.expectGone(.poweredOff)
      #expect(!tested.isMounted)
    }
  }

  @Test(arguments: hierarchies) func `ends its own processes that keep a file system busy`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    try await TestedHost.with(hierarchy) { tested in
      // Started before the file system is mounted, it looks for it, and goes into it.
      let early = try tested.script(
        "early",
        start:
          "(while ! grep -q ' \(tested.directory)/data ' /proc/self/mountinfo; do sleep 0.1; done; cd \(tested.directory)/data; sleep 1000) &"
      )
      #expect(await tested.start([early, tested.mount()]) == .done)
      try await Task.sleep(for: .milliseconds(500))
      #expect(await tested.stop(grace: .seconds(20)) == .done)
      #expect(!tested.isMounted && tested.processes.isEmpty)
    }
  }

  @Test(arguments: hierarchies) func `is killed when its stop takes too long`(_ hierarchy: CgroupHierarchy) async throws {
    try await TestedHost.with(hierarchy) { tested in
      let running = try [tested.mount(), tested.script(stop: "sleep 100")]
      #expect(await tested.start(running) == .done)
      let begin = ContinuousClock.now
      #expect(await tested.stop(grace: .seconds(1)) == .done)
      #expect(ContinuousClock.now - begin < .seconds(30))
      #expect(!tested.isMounted && tested.processes.isEmpty)
    }
  }

  @Test(arguments: hierarchies) func `is frozen, thawed and killed by the guard like a domain`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    try await TestedHost.with(hierarchy) { tested in
      let running = try [tested.mount(), tested.script()]
      #expect(await tested.start(running) == .done)
      let isolation = NodeIsolation(partition: tested.partition, hierarchy: hierarchy)
      #expect(isolation.census(cgroups: []) == true)
      #expect(isolation.isolate(cgroups: [tested.cgroup.directory], patience: .seconds(2)).confirmed)
      // For longer than a part's status may take: nothing of it is taken for down.
      try await Task.sleep(for: .seconds(5))
      #expect(await tested.events.allSatisfy { if case .gone = $0 { false } else { true } })
      #expect(isolation.thaw(cgroups: [tested.cgroup.directory]).isEmpty)
      try await Task.sleep(for: .seconds(2))
      #expect(await tested.events.allSatisfy { if case .gone = $0 { false } else { true } })
      #expect(
        await eventually(.seconds(5)) { isolation.kill(.workload(name: "files", cgroup: tested.cgroup.directory)) == .gone })
      try await tested.expectGone(.crashed)
      #expect(!tested.isMounted)
    }
  }

  @Test func `does not start while starts are barred`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      let mark = ClaimMark(cluster: "test", workload: "files", epoch: Epoch(3)), parts = [try tested.script()]
      #expect(await tested.host.bar(tested.id, uuid: TestedHost.uuid, mark: mark) == .done)
      #expect(await tested.start(parts) == .barred)
      try await tested.restart()
      #expect(await tested.start(parts) == .barred)
      #expect(await tested.start(parts, overBar: true) == .done)
      // What is up is no start any more, and runs on.
      #expect(await tested.host.bar(tested.id, uuid: TestedHost.uuid, mark: mark) == .done)
      #expect(!tested.processes.isEmpty)
      guard case .failed = await tested.start(parts) else { throw Trouble(description: "it was started twice") }
      #expect(await tested.stop(grace: .zero) == .done)
      #expect(await tested.start(parts) == .barred)
      #expect(await tested.start(parts, overBar: true) == .done)
    }
  }

  @Test func `takes a start back when starts are barred`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      let mark = ClaimMark(cluster: "test", workload: "files", epoch: Epoch(3))
      let parts = [tested.mount(), try tested.script(start: "sleep 30", startTimeout: 60)]
      let start = Task { await tested.start(parts) }
      #expect(await eventually(.seconds(5)) { tested.isMounted })
      #expect(await tested.host.bar(tested.id, uuid: TestedHost.uuid, mark: mark) == .done)
      guard case .failed = await start.value else { throw Trouble(description: "it was started") }
      #expect(!tested.isMounted && tested.processes.isEmpty)
      #expect(await tested.start(parts) == .barred)
    }
  }

  @Test func `takes the mark of a new claim, and refuses what it cannot do`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      let host = await tested.host, id = tested.id, mark = ClaimMark(cluster: "test", workload: "files", epoch: Epoch(9))
      guard case .failed = await host.mark(id, uuid: TestedHost.uuid, mark: mark) else {
        throw Trouble(description: "nothing was adopted")
      }
      let running = try [tested.script()]
      #expect(await tested.start(running) == .done)
      #expect(await host.mark(id, uuid: TestedHost.uuid, mark: mark) == .done)
      try await tested.expect("the new mark") {
        if case .changed(let domain) = $0 { domain.mark?.epoch == Epoch(9) } else { false }
      }
      let refusals = [
        await host.unmark(id, uuid: TestedHost.uuid), await host.suspend(id, uuid: TestedHost.uuid),
        await host.resume(id, uuid: TestedHost.uuid, notAfter: BootInstant(nanoseconds: .max)),
        await host.migrate(
          MigrationRequest(id: id, uuid: TestedHost.uuid, destination: "x", limits: MigrationLimits(), notAfter: .zero)),
        await host.stop(id, uuid: "another", grace: .zero)
      ]
      for refusal in refusals { guard case .failed = refusal else { throw Trouble(description: "\(refusal)") } }
      await #expect(throws: HypervisorError.self) { try await host.describe(id) }
      #expect(tested.processes.count == 1)
    }
  }

  @Test func `is told as what cannot run here where something it needs is missing`() async throws {
    let hierarchy = try #require(hierarchies.first)
    try await TestedHost.with(hierarchy) { tested in
      func definition(_ name: WorkloadName, _ parts: [HostPart]) -> StoredDefinition {
        StoredDefinition(name, connection: SpecRecord.hostConnection, xml: HostDefinition(parts: parts).text)
      }
      let missing = HostPart(name: "x", kind: .ocf(AgentPart(agent: "ocf:heartbeat:none")))
      let within = ["\(tested.directory)/data/run"]
      let inside = HostPart(name: "in", kind: .script(ScriptPart(start: within, stop: within, status: within)))
      let found = await tested.host.incompatibilities(of: [
        definition("a", [tested.mount(), try tested.agent(), inside]), definition("b", [missing]), definition("c", [inside])
      ])
      #expect(
        found == [
          SpecRecord.hostConnection: [
            "b": Incompatibility(.parts, "the resource agent ocf:heartbeat:none"),
            "c": Incompatibility(.parts, "the executable \(within[0])")
          ]
        ])
    }
  }
}
