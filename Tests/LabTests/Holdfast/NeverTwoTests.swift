import Lab
import Testing

extension LabHostsTests {
  /// A host is lost in every way in which a host can be lost. Its containers run elsewhere, and never twice at once: that check is
  /// in `TestStage.run`.
  @Suite(.serialized) struct NeverTwo {
    @Test func `host killed`() async throws {
      try await TestStage.run(lostHosts: [LabHost(3)]) { test in
        let victim = LabHost(3), lost = test.stage.containers(on: victim)
        #expect(!lost.isEmpty)
        let killed = try await test.lab.kill(victim)
        #expect(await test.moved(lost, from: victim, since: killed))
      }
    }

    @Test(arguments: [LabCut.both, .etcd, .incoming, .outgoing])
    func `host cut off, and healed`(cut: LabCut) async throws {
      try await TestStage.run { test in
        let victim = LabHost(3), lost = test.stage.containers(on: victim)
        let began = try await test.lab.cut(victim, cut)
        #expect(await test.moved(lost, from: victim, since: began), "its containers run elsewhere")
        try await test.wait(.seconds(3))
        try await test.lab.heal(victim)
        #expect(await test.allAnswer())
        // The old copies are gone: killed while they were frozen.
        try await test.wait(.seconds(3))
        let left = try await test.lab.run(victim, ["virsh", "-q", "-c", "lxc:///system", "list", "--name"])
        for name in lost {
          #expect(!left.output.split(separator: "\n").contains { $0 == name }, "\(name) is left on \(victim)")
        }
      }
    }

    @Test func `controller killed and restarted: nothing stops`() async throws {
      try await TestStage.run { test in
        let began = LabClock.now
        for host in test.lab.allHosts { try await test.lab.service(host, .daemon, .kill) }
        try await test.wait(.seconds(5))
        #expect(await test.allAnswer())
        #expect(test.gaps(since: began).allSatisfy { $0.kind == .pause }, "\(test.gaps(since: began))")
        for gap in test.gaps(since: began) { print("controller killed: a pause of \(seconds(gap.length)) s") }
      }
    }

    @Test func `controller killed for good: its containers run elsewhere`() async throws {
      try await TestStage.run { test in
        let victim = test.victim(), lost = test.stage.containers(on: victim)
        let began = LabClock.now
        // Stopped hard: held down, as if it crashed at every start.
        try await test.lab.service(victim, .daemon, .pause)
        #expect(await test.moved(lost, from: victim, since: began))
        try await test.lab.service(victim, .daemon, .resume)
        try await test.wait(.seconds(3))
        #expect(await test.allAnswer())
      }
    }

    @Test func `etcd's leader killed: a pause at most`() async throws {
      try await TestStage.run { test in
        let began = LabClock.now
        for _ in 1...3 {
          try await test.lab.service(try await test.lab.leader(), .etcd, .kill)
          try await test.wait(.seconds(4))
        }
        #expect(await test.allAnswer())
        let gaps = test.gaps(since: began)
        #expect(gaps.allSatisfy { $0.kind == .pause }, "\(gaps)")
        print("etcd's leader killed three times: \(gaps.count) pauses, longest \(seconds(gaps.map(\.length).max() ?? .zero)) s")
      }
    }

    @Test func `etcd's quorum lost for 10 s: the same processes go on`() async throws {
      try await TestStage.run { test in
        let pids = try await test.processes()
        #expect(pids.count == test.stage.containers.count)
        let began = LabClock.now
        for host in [LabHost(2), LabHost(3)] { try await test.lab.service(host, .etcd, .stop) }
        #expect(await test.fallSilent(test.stage.containers), "frozen at the deadline")
        try await test.wait(.seconds(10))
        for host in [LabHost(2), LabHost(3)] { try await test.lab.service(host, .etcd, .start) }
        #expect(await test.allAnswer())
        try await test.wait(.seconds(3))
        #expect(await test.allAnswer())
        #expect(try await test.processes() == pids)
        let gaps = test.gaps(since: began)
        #expect(gaps.allSatisfy { $0.kind == .pause }, "\(gaps)")
      }
    }

    /// What clocks cannot stop (Docs/safety.md): a host that is paused as a whole wakes with its containers and its guard at once.
    @Test func `host frozen for three TTLs and thawed`() async throws {
      try await TestStage.run(overlapAllowed: .milliseconds(100)) { test in
        let victim = test.victim(), lost = test.stage.containers(on: victim)
        let frozen = try await test.lab.freeze(victim)
        try await test.wait(.seconds(3))
        try await test.lab.thaw(victim)
        #expect(await test.moved(lost, from: victim, since: frozen))
        try await test.wait(.seconds(3))
        let overlaps = try BeatCheck.folder(test.lab.beatsFolder).violations
        for overlap in overlaps { print("after the thaw: \(overlap)") }
        print("host frozen and thawed: \(overlaps.count) of \(lost.count) containers executed a moment longer")
      }
    }
  }
}
