import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// The store itself is in trouble: it fills up, it is full, it loses a member.
  @Suite(.serialized) struct StoreTrials {
    private static let (h1, h3) = (LabHost(1), LabHost(3))
    /// Bytes of one junk value; with the time that etcdctl takes and a pause it makes less than 1 MiB a second.
    private static let junk = 90_000

    /// Writes one key again and again until so many writes are done or one is refused; how many were done, and what the last one said.
    private func write(_ count: Int, pause: String, in test: TestStage) async throws -> (done: Int, said: String) {
      let script = """
        eval "$(holdfastd --etcdctl)"
        head -c \(Self.junk) /dev/zero | tr '\\0' x >/run/junk
        done=0
        while [ $done -lt \(count) ] && said=$(etcdctl --command-timeout=3s put junk </run/junk 2>&1); do
          done=$((done + 1))
          sleep \(pause)
        done
        echo "$done ${said//$'\\n'/ }"
        """
      let result = try await test.lab.run(Self.h1, ["bash", "-c", script], limit: .seconds(400))
      let words = result.output.split(separator: " ", maxSplits: 1).map(String.init)
      return (try #require(words.first.flatMap { Int($0) }, "\(result)"), (words.last ?? "") + result.errors)
    }

    @Test(.isLong)
    func `a store that would fill several times over stays small: the planner makes it forget`() async throws {
      let quota = 24
      try await TestStage.run(environment: ["LAB_STORE_QUOTA": "\(quota)", "LAB_STORE_HISTORY": "10s"]) { test in
        let began = LabClock.now
        let (done, said) = try await write(quota << 20 * 5 / 2 / Self.junk, pause: "0.08", in: test)
        let written = done * Self.junk
        let status = try await test.lab.clusterStatus(), store = try #require(status.store.health)
        let size = try #require(store.size)
        let took = seconds(LabClock.now - began)
        print("\(written >> 20) MiB written in \(took) s into a store of \(quota) MiB: it takes \(size >> 20) MiB")
        #expect(written > 2 * (quota << 20), "it would have filled: \(done) writes, \(said)")
        #expect(size < quota << 20 && store.alarms.isEmpty && store.quota == Int64(quota) << 20, "\(store)")
        #expect(test.gaps(since: began).isEmpty, "\(test.gaps(since: began))")
        let planner = try #require(try await test.lab.planner())
        let log = try await test.lab.run(planner, ["grep", "-c", "the store forgets its history", "/var/log/holdfastd.log"])
        #expect(log.output != "0\n")
      }
    }

    @Test func `a store that is full costs a pause, the status says what to type, and that ends it`() async throws {
      try await TestStage.run(environment: ["LAB_STORE_QUOTA": "16"]) { test in
        let processes = try await test.processes(), hosts = test.stage.hosts()
        #expect(processes.count == test.stage.containers.count)
        let began = LabClock.now
        let (done, said) = try await write(1000, pause: "0", in: test)
        #expect(said.contains("database space exceeded"), "\(done) writes, \(said)")
        #expect(await test.fallSilent(test.stage.containers), "frozen at the deadline")
        // A node that loses its controller meanwhile takes its session up again, and is declared lost by nobody.
        try await test.lab.service(Self.h3, .daemon, .kill)
        try await test.wait(.seconds(15))

        let status = try await test.lab.clusterStatus()
        print(try await test.lab.holdfast(["status"]))
        #expect(status.health == .critical && status.store.health?.alarms == ["NOSPACE"])
        #expect(status.reasons.first?.contains("frozen: the store has not answered") == true, "\(status.reasons)")
        #expect(status.reasons.dropFirst().first?.hasPrefix("The store is full (alarm NOSPACE") == true, "\(status.reasons)")
        #expect(status.counts.running == 0 && status.counts.frozen > 0, "\(status.counts)")
        #expect(status.nodes.allSatisfy { $0.state != .down }, "nobody is declared lost")
        #expect(try await test.lab.workloadList().allSatisfy { $0.node == hosts[$0.name].map { "\($0)" } })
        #expect(status.next.last?.command == "etcdctl alarm disarm")

        // Exactly what it says, on any node.
        let typed = status.next.map(\.command).joined(separator: " && ")
        print("typed: \(typed)")
        let typing = try await test.lab.run(Self.h1, ["bash", "-c", typed], limit: .seconds(60))
        #expect(typing.succeeded, "\(typing)")
        let ended = LabClock.now
        #expect(await test.allAnswer())
        print("everything answers \(seconds(LabClock.now - ended)) s after the alarm was disarmed")
        try await test.wait(.seconds(3))
        #expect(try await test.processes() == processes, "the same processes go on")
        let gaps = test.gaps(since: began)
        #expect(gaps.allSatisfy { $0.kind == .pause }, "\(gaps)")
        #expect(try await eventually(.seconds(20)) { try await test.lab.clusterStatus().health == .ok })
        let store = try #require(try await test.lab.clusterStatus().store.health)
        #expect(store.alarms.isEmpty && store.size.map { $0 < 4 << 20 } == true, "\(store)")
        let isTold = try await eventually(.seconds(20)) {
          let told = try await test.lab.holdfast(["events", "--limit", "100"])
          return told.contains("The store is full (alarm NOSPACE") && told.contains("The store has room again")
        }
        #expect(isTold)
      }
    }

    @Test func `one member of three is away: told before it hurts, and told when it is back`() async throws {
      try await TestStage.run(count: 3) { test in
        let began = LabClock.now
        let isWell = try await eventually(.seconds(20)) {
          let status = try await test.lab.clusterStatus()
          return status.health == .ok && status.store.health?.members.count == 3
        }
        #expect(isWell)
        try await test.lab.service(Self.h3, .etcd, .stop)
        #expect(try await eventually(.seconds(20)) { try await test.lab.clusterStatus().health == .degraded })
        let status = try await test.lab.clusterStatus()
        let reasons = status.reasons
        #expect(reasons.contains { $0.contains("member h3") && $0.contains("the next loss stops the store") }, "\(reasons)")
        #expect(status.next.contains { $0.command == "systemctl status etcd" && $0.on == "h3" }, "\(status.next)")
        #expect(status.store.health?.members.map(\.state) == [.up, .up, .down])
        print(try await test.lab.holdfast(["status"]))
        try await test.lab.service(Self.h3, .etcd, .start)
        #expect(try await eventually(.seconds(20)) { try await test.lab.clusterStatus().health == .ok })
        // By the planner, whose look may be another one than that of the node that was asked.
        let isTold = try await eventually(.seconds(20)) {
          let told = try await test.lab.holdfast(["events", "--limit", "50"])
          return told.contains("The store's member h3 (https") && told.contains("The store's member h3 answers again")
        }
        #expect(isTold)
        let gaps = test.gaps(since: began)
        #expect(gaps.allSatisfy { $0.kind == .pause && $0.length < .seconds(2) }, "\(gaps)")
      }
    }
  }
}
