import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// Nodes that are up and unfit: what runs there leaves, for one decision, and nothing else moves.
  @Suite(.serialized) struct AilingNodes {
    /// A file system of the host's own, on which a node check writes.
    private static let place = "/run/lab/storage"
    private static let (interval, timeout, down) = (Duration.seconds(1), Duration.seconds(1), 2)
    /// How long the planner waits from when it hears of it: by then every node with the same trouble has told of it (Docs/checks.md).
    private static let settling = interval * down + timeout + .seconds(4)
    /// By when the decision is made, with the time that a busy machine takes to tell of it.
    private static let decision = interval * down + timeout + settling + .seconds(2)
    private static let policies = """
      node-checks:
        - {name: storage, writable: \(place), interval: 1s, timeout: 1s, down: 2, up: 2, then: evacuate}
      workloads:
        - {name: two at a time, for: all, evacuation: {at-once: \(atOnce)}}

      """
    private static let atOnce = 2

    @Test func `the storage of one node turns read-only: one decision, and what runs there leaves at its pace`()
      async throws
    {
      // So long that a busy machine costs no node its session: what is to be seen follows from the check alone.
      try await TestStage.run(count: 12, environment: ["LAB_TTL": "10s"]) { test in
        for host in test.lab.allHosts {
          let script = "mkdir -p \(Self.place) && mount -t tmpfs -o size=4m storage \(Self.place)"
          let mounted = try await test.lab.run(host, ["sh", "-c", script])
          try #require(mounted.succeeded, "\(mounted)")
        }
        try await test.enforce(Self.policies)
        let areWell = try await eventually(.seconds(20)) {
          try await test.lab.clusterStatus().nodes.allSatisfy { $0.state == .up && $0.checks == nil && $0.ailment == nil }
        }
        try #require(areWell, "the check is not good everywhere before anything is done")

        let victim = test.victim(), leaving = test.stage.containers(on: victim), before = test.stage.hosts()
        #expect(leaving.count > Self.atOnce)
        let began = LabClock.now
        try await Self.remount("ro", on: victim, in: test)
        #expect(
          await test.moved(leaving, from: victim, since: began, within: .seconds(60)), "its containers do not run elsewhere")
        let last = try #require(leaving.compactMap { Self.return(of: $0, from: victim, since: began, in: test) }.max())
        try await test.wait(.seconds(2))

        let decided = try await test.lines(of: ["nodeAiling"], since: began)
        for line in decided { print("  \(line.node): \(line.text)") }
        let decision = try #require(decided.first.map { LabClock.instant(milliseconds: $0.milliseconds) })
        #expect(decided.count == 1 && decided.first?.subject == "\(victim)", "\(decided.map(\.text))")
        print(
          "storage of \(victim) read-only: decided after \(seconds(decision - began)) s (at most \(seconds(Self.decision)) s), the last of "
            + "\(leaving.count) containers runs elsewhere after \(seconds(last - began)) s; each was silent for "
            + "\(test.silences(of: leaving, since: began).map { seconds($0) }) s")
        test.bounds.hold(decision - began <= Self.decision, "decided after \(seconds(decision - began)) s")
        try Self.judgePace(of: leaving, since: began, in: test)
        try await Self.judgeStatus(of: victim, left: leaving, in: test)
        Self.judgeOthers(than: leaving, before, since: began, in: test)

        let mended = LabClock.now, there = test.stage.hosts()
        try await Self.remount("rw", on: victim, in: test)
        let isWell = try await eventually(.seconds(20)) {
          let node = try await test.lab.clusterStatus().nodes.first { $0.name == "\(victim)" }
          return node?.ailment == nil && node?.checks == nil && node?.quarantine?.wasAiling == true
        }
        #expect(isWell, "it is not well again, and in quarantine")
        print("storage of \(victim) writable: well again after \(seconds(LabClock.now - mended)) s")
        #expect(try await test.lines(of: ["nodeWell"], since: mended).count == 1)
        try await test.wait(.seconds(4))
        #expect(await test.allAnswer())
        #expect(test.stage.hosts() == there, "nothing goes home for that")
        #expect(try await test.lines(of: ["nodeAiling"], since: began).count == 1, "it was decided again")
      }
    }

    /// The check has a file open there now and then.
    private static func remount(_ mode: String, on host: LabHost, in test: TestStage) async throws {
      let isDone = try await eventually {
        try await test.lab.run(host, ["mount", "-o", "remount,\(mode)", place]).succeeded
      }
      try #require(isDone, "\(place) on \(host) cannot be mounted \(mode)")
    }

    private static func `return`(of name: String, from host: LabHost, since instant: BootInstant, in test: TestStage)
      -> BootInstant?
    {
      test.probe.history(name).answers.first { $0.from > instant && $0.node != "\(host)" }?.from
    }

    /// Never more of them are silent at once than may leave at once. A container counts until it runs, which is a moment before or after its first answer.
    private static func judgePace(of names: [String], since instant: BootInstant, in test: TestStage) throws {
      let gaps = names.flatMap { name in
        test.probe.history(name).gaps.filter { gap in
          guard gap.to > instant, case .move = gap.kind else { return false }
          return true
        }
      }
      #expect(gaps.count == names.count, "each moved once: \(gaps)")
      let most =
        gaps.map { gap in
          gaps.count { $0.from <= gap.from && gap.from < $0.to - .milliseconds(300) || $0 == gap }
        }.max() ?? 0
      print("at most \(most) of \(names.count) were on their way at once")
      test.bounds.hold(most <= atOnce, "\(most) were on their way at once")
    }

    private static func judgeStatus(of victim: LabHost, left: [String], in test: TestStage) async throws {
      let status = try await test.lab.clusterStatus(), node = try #require(status.nodes.first { $0.name == "\(victim)" })
      #expect(node.state == .up && node.ailment?.check == "storage" && node.ailment?.reason.contains("read-only") == true)
      #expect(node.checks?.map(\.name) == ["storage"] && node.checks?.first?.state == .failing)
      #expect(status.nodes.allSatisfy { $0.name == node.name || $0.checks == nil && $0.ailment == nil })
      let told = status.reasons.filter { $0.contains(place) }
      #expect(told.count == 1 && told.first?.hasPrefix("Node \(victim) is ailing") == true, "\(status.reasons)")
      let screen = try await test.lab.holdfast(["status"])
      print(screen)
      #expect(screen.contains("ailing since"), "\(screen)")
      for name in left.prefix(1) {
        let workload = try #require(try await test.lab.workloadList().first { $0.name == name })
        #expect(workload.reasonCodes.contains("leftAiling"), "\(workload.reasonCodes)")
        let explained = try await test.lab.holdfast(["explain", name])
        print(explained)
        #expect(explained.contains("\(place) is read-only"), "\(explained)")
      }
    }

    /// What runs on the other nodes has nothing to do with it.
    private static func judgeOthers(
      than names: [String], _ before: [String: LabHost], since instant: BootInstant, in test: TestStage
    ) {
      let now = test.stage.hosts()
      for other in test.stage.containers where !names.contains(other) {
        let changes = test.probe.history(other).gaps.filter { $0.to > instant && $0.kind != .pause }
        #expect(changes.isEmpty && now[other] == before[other], "\(other) was touched: \(changes)")
      }
    }
  }
}
