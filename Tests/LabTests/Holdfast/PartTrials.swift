import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// Workloads made of parts of the hosts: file system, server and address, under the faults that containers are tried with. That none of them ever
  /// executed twice at once is checked in `TestStage.run`, by their traces.
  @Suite(.serialized) struct Parts {
    private static let (h1, h2, h3) = (LabHost(1), LabHost(2), LabHost(3))

    // MARK: many of them, on two nodes

    @Test func `a node dies, the other serves what it served, and it goes home when that is back`() async throws {
      try await backEachOtherUp(1)
    }

    @Test(.isLong, arguments: [25, 100])
    func `a node dies, the other serves all that it served, and all goes home when it is back`(count: Int) async throws {
      try await backEachOtherUp(count)
    }

    /// h1 is there for the store's sake alone: two nodes have no majority when one of them dies.
    private static let mutualPair = """
      workloads:
        - {name: at home on h3, for: "east*", only-on: [h2, h3], prefer: [h3], failback: {when: automatic, after: 1s}}
        - {name: at home on h2, for: "west*", only-on: [h2, h3], prefer: [h2], failback: {when: automatic, after: 1s}}

      """

    private static func home(of name: String) -> LabHost { name.hasPrefix("east") ? h3 : h2 }

    /// - Parameter count: in all, half of them on each of two nodes.
    private func backEachOtherUp(_ count: Int) async throws {
      let environment = HostedWorkloads.environment.merging(["LAB_TTL": "3s"]) { $1 }
      try await TestStage.run(count: 1, lostHosts: [Self.h3], environment: environment) { test in
        try await test.enforce(Self.mutualPair)
        let names = (1...count).map { $0 % 2 == 1 ? "east\($0)" : "west\($0)" }
        let asked = LabClock.now
        let hosted = try await HostedWorkloads.bring(
          names.map { ($0, .script) }, into: test, within: .seconds(60 + 2 * count)
        ) { Self.home(of: $0) == $1 }
        let came = LabClock.now - asked
        let lost = names.filter { Self.home(of: $0) == Self.h3 }, others = names.filter { Self.home(of: $0) != Self.h3 }

        let killed = try await test.lab.kill(Self.h3)
        let patience = Duration.seconds(30 + count)
        try #require(await hosted.serve(within: patience) { $1 == Self.h2 }, "they do not serve on h2: \(hosted.silent)")
        let back = hosted.returns(of: lost, from: Self.h3, since: killed)
        let first = try #require(back.first) - killed, last = try #require(back.last) - killed
        #expect(back.count == lost.count)
        test.bounds.hold(last <= .seconds(8) + .milliseconds(500) * lost.count, "the last serves after \(seconds(last)) s")

        let booted = LabClock.now
        try await test.lab.boot(Self.h3)
        #expect(try await eventually(.seconds(20)) { try await test.lab.etcdWrites(Self.h3) }, "etcd on h3 does not come back")
        try await test.lab.untilReady()
        // It was lost, and would be the last choice for half a minute.
        try await test.lab.holdfast(["node", "clear-failures", "h3"])
        let areHome = await hosted.serve(within: .seconds(60 + 3 * count)) { Self.home(of: $0) == $1 }
        try #require(areHome, "they do not come home: \(hosted.silent)")
        let home = LabClock.now - booted
        let away = hosted.gaps(of: lost, since: booted).map(\.length)
        print(
          "\(count) workloads of file system, script and address: all serve \(seconds(came)) s after apply; a node with "
            + "\(lost.count) of them dies: the first serves after \(seconds(first)) s, the last after \(seconds(last)) s; all are home "
            + "\(seconds(home)) s after it was switched on, each without an answer for \(seconds(away.max() ?? .zero)) s at most"
        )
        try await hosted.expectGone(lost, from: Self.h2)
        let touched = hosted.gaps(of: others, since: killed).filter { $0.kind != .pause }
        #expect(touched.isEmpty, "those of h2 were touched: \(touched)")
        await hosted.probe.stop()
      }
    }

    // MARK: faults

    enum Loss: String, CaseIterable, CustomTestStringConvertible {
      case killed, cutOff = "cut off", frozen

      var testDescription: String { rawValue }
    }

    @Test(arguments: [Loss.killed, .cutOff])
    func `a script and an agent run elsewhere when their host is lost, and never twice`(loss: Loss) async throws {
      try await tried(loss)
    }

    @Test(.isLong) func `a script and an agent run elsewhere when their host is frozen`() async throws {
      try await tried(.frozen)
    }

    private func tried(_ loss: Loss) async throws {
      // A host that is paused as a whole wakes with its processes and its guard at once (Docs/safety.md).
      try await TestStage.run(
        count: 2, overlapAllowed: loss == .frozen ? .milliseconds(100) : .zero, lostHosts: loss == .killed ? [Self.h3] : [],
        environment: HostedWorkloads.environment
      ) { test in
        let hosted = try await Self.bringBoth(into: test)
        let lost = try await begin(loss, in: test)
        #expect(await hosted.serve { $1 != Self.h3 }, "they serve from no other host: \(hosted.silent)")
        let back = hosted.returns(of: hosted.names, from: Self.h3, since: lost)
        print("\(loss.rawValue): a script and an agent serve elsewhere after \(back.map { seconds($0 - lost) }) s")
        if loss != .killed {
          if loss == .cutOff {
            try await test.wait(.seconds(3))
            try await test.lab.heal(Self.h3)
          }
          // What was frozen there is killed, its file systems are unmounted, and its addresses are others'.
          try await hosted.expectGone(hosted.names, from: Self.h3)
        }
        try await test.wait(.seconds(2))
        #expect(await hosted.serve { $1 != Self.h3 })
        for name in hosted.names { #expect(try test.lab.lives(of: name).count == 2, "\(name) was started again and again") }
        await hosted.probe.stop()
      }
    }

    private func begin(_ loss: Loss, in test: TestStage) async throws -> BootInstant {
      switch loss {
      case .killed: return try await test.lab.kill(Self.h3)
      case .cutOff: return try await test.lab.cut(Self.h3)
      case .frozen:
        let frozen = try await test.lab.freeze(Self.h3)
        // Three TTLs.
        try await test.wait(.seconds(3))
        try await test.lab.thaw(Self.h3)
        return frozen
      }
    }

    /// Both on h3, where nothing brings them back by itself.
    private static func bringBoth(into test: TestStage) async throws -> HostedWorkloads {
      try await test.enforce("workloads:\n  - {name: at first, for: [by-script, by-agent], prefer: [h3]}\n")
      return try await HostedWorkloads.bring([("by-script", .script), ("by-agent", .agent)], into: test) { $1 == h3 }
    }

    @Test func `the controller dies, the guard is another one, the store is away: the same processes go on`() async throws {
      try await TestStage.run(count: 2, environment: HostedWorkloads.environment) { test in
        let hosted = try await Self.bringBoth(into: test)
        let processes = try await hosted.processes(on: Self.h3), starts = try hosted.starts()
        #expect(starts.values.allSatisfy { $0.count == 1 }, "\(starts)")
        func areUntouched(after what: String, since began: BootInstant) async throws {
          #expect(await hosted.serve { $1 == Self.h3 }, "\(what): they do not serve: \(hosted.silent)")
          #expect(try await hosted.processes(on: Self.h3) == processes, "\(what): other processes")
          #expect(try hosted.starts() == starts, "\(what): they were started anew")
          let gaps = hosted.gaps(of: hosted.names, since: began)
          #expect(gaps.allSatisfy { $0.kind == .pause }, "\(what): \(gaps)")
          print("\(what): \(gaps.count) pauses, longest \(seconds(gaps.map(\.length).max() ?? .zero)) s")
        }

        var began = LabClock.now
        try await test.lab.service(Self.h3, .daemon, .kill)
        try await test.wait(.seconds(4))
        try await areUntouched(after: "controller killed", since: began)

        began = LabClock.now
        try await test.lab.service(Self.h3, .guardProcess, .restart)
        try await test.wait(.seconds(4))
        try await areUntouched(after: "guard restarted", since: began)

        began = LabClock.now
        for host in [Self.h1, Self.h2] { try await test.lab.service(host, .etcd, .stop) }
        #expect(await hosted.fallSilent(), "frozen at the deadline, and without addresses")
        try await test.wait(.seconds(10))
        for host in [Self.h1, Self.h2] { try await test.lab.service(host, .etcd, .start) }
        #expect(await hosted.serve { $1 == Self.h3 })
        // What asked for their state meanwhile found them frozen, which is nothing to end a run for.
        try await test.wait(.seconds(5))
        try await areUntouched(after: "store away", since: began)
        await hosted.probe.stop()
      }
    }
  }
}
