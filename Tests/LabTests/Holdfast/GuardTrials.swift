import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// Each part of a node fails alone, for real.
  @Suite(.serialized) struct Trials {
    @Test func `guard killed: frozen at once, resumed with the same processes`() async throws {
      try await TestStage.run { test in
        let victim = test.victim(), began = LabClock.now
        try await test.lab.service(victim, .guardProcess, .kill)
        try await test.wait(.seconds(4))
        #expect(await test.allAnswer())
        let gaps = test.gaps(since: began)
        #expect(gaps.allSatisfy { $0.kind == .pause }, "\(gaps)")
        print("guard killed: \(gaps.count) pauses, longest \(seconds(gaps.map(\.length).max() ?? .zero)) s")
      }
    }

    @Test func `guard stopped: every node tells what is frozen, and no longer when the guard is back`() async throws {
      try await TestStage.run { test in
        let victim = test.victim(), frozen = test.stage.containers(on: victim).count
        try await test.lab.service(victim, .guardProcess, .stop)
        for host in test.lab.allHosts {
          // Before the node gives its session up.
          let isTold = try await eventually(.seconds(4)) {
            let status = try await test.lab.clusterStatus(on: host)
            return status.counts.frozen == frozen && status.health == .critical
              && status.reasons.first?.contains("frozen: the guard of \(victim) is not there") == true
          }
          #expect(isTold, "on \(host)")
        }
        try await test.lab.service(victim, .guardProcess, .start)
        #expect(await test.allAnswer())
        #expect(try await eventually(.seconds(20)) { try await test.lab.clusterStatus().counts.frozen == 0 })
      }
    }

    @Test func `libvirtd killed, then hung: nothing stops`() async throws {
      try await TestStage.run { test in
        let began = LabClock.now
        for host in test.lab.allHosts { try await test.lab.service(host, .libvirtd, .kill) }
        try await test.wait(.seconds(4))
        let victim = test.victim()
        try await test.lab.service(victim, .libvirtd, .pause)
        try await test.wait(.seconds(8))
        try await test.lab.service(victim, .libvirtd, .resume)
        try await test.wait(.seconds(3))
        #expect(await test.allAnswer())
        #expect(test.gaps(since: began).isEmpty, "\(test.gaps(since: began))")
      }
    }

    @Test func `store unreachable and back before anyone took the claims: the same processes go on`() async throws {
      try await TestStage.run(hosts: 1, count: 3) { test in
        let began = LabClock.now
        try await test.lab.service(LabHost(1), .etcd, .stop)
        #expect(await test.fallSilent(test.stage.containers))
        try await test.wait(.seconds(2))
        let status = try await test.lab.clusterStatus()
        #expect(status.counts.running == 0 && status.counts.frozen == 3, "\(status.counts)")
        #expect(
          status.reasons.first?.hasPrefix("3 workloads of h1 are frozen: the store has not answered h1") == true,
          "\(status.reasons)")
        try await test.lab.service(LabHost(1), .etcd, .start)
        #expect(await test.allAnswer())
        #expect(test.gaps(since: began).allSatisfy { $0.kind == .pause }, "\(test.gaps(since: began))")
      }
    }

    @Test func `controller killed while the store is unreachable: the node tells what of its own is frozen`() async throws {
      try await TestStage.run(hosts: 1, count: 3) { test in
        try await test.lab.service(LabHost(1), .etcd, .stop)
        #expect(await test.fallSilent(test.stage.containers))
        try await test.lab.service(LabHost(1), .daemon, .kill)
        // Until the next one serves, nobody answers.
        let isTold = try await eventually(.seconds(20)) {
          guard let status = try? await test.lab.clusterStatus() else { return false }
          return status.isUnread == true && status.counts.frozen == 3 && status.health == .critical
            && status.reasons.first?.hasPrefix("3 workloads of h1 are frozen: the store has not answered h1 since") == true
        }
        let told = try? await test.lab.clusterStatus()
        #expect(isTold, "\(String(describing: told))")
        let name = test.stage.containers[0]
        #expect(try await test.lab.holdfast(["workload", name]).contains("frozen on h1"))
        let other = try await test.lab.run(LabHost(1), ["holdfast", "workload", "nobody"])
        #expect(!other.succeeded && !"\(other)".contains("there is no workload of this name"), "\(other)")
        try await test.lab.service(LabHost(1), .etcd, .start)
        #expect(await test.allAnswer())
        #expect(try await eventually(.seconds(20)) { try await test.lab.clusterStatus().isUnread == nil })
      }
    }

    @Test func `clean stop of a node: handed over in 0.5 s plus stop and start`() async throws {
      try await TestStage.run { test in
        let victim = test.victim(), lost = test.stage.containers(on: victim)
        let bare = try await test.lab.bareStart(on: test.lab.allHosts.first { $0 != victim } ?? LabHost(1))
        let bareStop = try await test.lab.bareStop(on: victim)
        let began = LabClock.now
        try await test.lab.service(victim, .daemon, .stop)
        #expect(await test.moved(lost, from: victim, since: began))
        let silences = test.silences(of: lost, since: began)
        for silence in silences {
          print("handed over in \(seconds(silence)) s (bare start \(seconds(bare)) s, bare stop \(seconds(bareStop)) s)")
        }
        let limit = Duration.milliseconds(500) + bare + bareStop
        #expect(silences.allSatisfy { $0 > .zero })
        test.bounds.hold(silences.allSatisfy { $0 <= limit }, "stop + start + 500 ms: \(silences)")
      }
    }

    @Test func `30 containers on a host: all answer at most 3 s after the first`() async throws {
      try await TestStage.run(count: 60, lostHosts: [LabHost(3)]) { test in
        // Half of all on h3, and room for them elsewhere.
        for name in test.stage.containers where test.stage.containers(on: LabHost(3)).count < 30 {
          guard test.stage.hosts()[name] != LabHost(3) else { continue }
          try await test.lab.holdfast(["move", name, "--to", "h3", "--yes"])
          _ = await test.probe.wait(.seconds(10)) { $0[name]?.answers.last?.node == "h3" && $0[name]?.isAnswering == true }
        }
        let lost = test.stage.containers(on: LabHost(3))
        #expect(lost.count >= 30)
        let killed = try await test.lab.kill(LabHost(3))
        #expect(await test.moved(lost, from: LabHost(3), since: killed, within: .seconds(30)))
        let back = lost.compactMap { name in
          test.probe.history(name).answers.first { $0.from > killed && $0.node != "h3" }?.from
        }.sorted()
        let first = try #require(back.first), last = try #require(back.last)
        print("\(lost.count) containers: first after \(seconds(first - killed)) s, all after \(seconds(last - killed)) s")
        test.bounds.hold(last - first <= .seconds(3), "all at most 3 s after the first")
      }
    }
  }
}
