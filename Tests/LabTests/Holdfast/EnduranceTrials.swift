import Foundation
import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// A node's daemons have much to bear: restarts in a row, a hundred claims lost at once, a slow processor. With the TTL that is the default.
  @Suite(.serialized) struct Endurance {
    private static let h3 = LabHost(3)
    private static let usualTTL = ["LAB_TTL": "3s"]

    @Test func `guard and controller restarted ten times in turn: nothing is killed, nor frozen for longer than a restart`()
      async throws
    {
      try await TestStage.run(onStop: "stay", environment: Self.usualTTL) { test in
        let host = test.victim(), name = try #require(test.stage.containers(on: host).first)
        try await test.makeStop(name, on: host)
        let processes = try await test.processes(), starts = try test.starts(), began = LabClock.now
        #expect(processes.count == test.stage.containers.count)
        var restarts: [Restart] = []
        for _ in 1...10 {
          for service in [LabService.guardProcess, .daemon] {
            restarts.append(try await Restart.make(service, on: host, in: test.lab))
          }
        }
        #expect(await test.allAnswer())
        #expect(try await test.processes() == processes, "the same processes go on")
        #expect(try test.starts() == starts, "in the containers, too")
        let told = try await test.told(["killed", "vanished", "sessionLost", "sessionEnded", "nodeLost"], since: began)
        #expect(told.isEmpty, "\(told)")

        try Restart.judge(restarts, by: test.pauses(since: began), test.bounds)
        print("all restarts: \(seconds(LabClock.now - began)) s")
      }
    }

    @Test(.isLong)
    func `100 containers lose their claims at once: others take them over, and their node is armed again`() async throws {
      try await TestStage.run(count: 2, environment: Self.usualTTL) { test in
        let began = LabClock.now, lab = test.lab
        let crowd = try await Crowd.bring(100, onto: Self.h3, in: test)
        print("\(crowd.names.count) containers run on \(Self.h3) after \(seconds(LabClock.now - began)) s")
        let cut = try await lab.cut(Self.h3, .etcd)
        #expect(try await crowd.allRun(within: .seconds(90)) { $0 != "\(Self.h3)" }, "they run elsewhere")
        print("all run elsewhere \(seconds(LabClock.now - cut)) s after \(Self.h3) was cut off")

        #expect(await lab.guardPhase(of: Self.h3) == "isolated")
        let healed = try await lab.heal(Self.h3)
        try await lab.until(guardOf: Self.h3, is: "armed", limit: .seconds(60))
        print("\(Self.h3) is armed again after \(seconds(LabClock.now - healed)) s")
        #expect(try await eventually(.seconds(60)) { try await crowd.left(on: Self.h3).isEmpty }, "the old copies are gone")
        print("the old copies are gone after \(seconds(LabClock.now - healed)) s")
        try await lab.untilReady()
        try await test.wait(.seconds(5))
        #expect(await lab.guardPhase(of: Self.h3) == "armed")
        #expect(try await crowd.allRun(within: .seconds(10)) { $0 != "\(Self.h3)" }, "and run on where they are")
        for host in lab.allHosts {
          let log = try await lab.run(
            host, ["grep", "-h", "commands waited", "/var/log/holdfastd.log", "/var/log/holdfast-guard.log"])
          #expect(log.output.isEmpty, "\(host): its link to the guard overflowed")
        }
        print("guards lost meanwhile: \(try await test.told(["guardLost"], since: cut))")
        print("the whole: \(seconds(LabClock.now - began)) s")
      }
    }

    @Test(.isLong)
    func `daemons with a tenth of a processor, and the status asked from three terminals: the node keeps its session`()
      async throws
    {
      try await TestStage.run(environment: Self.usualTTL) { test in
        let host = test.victim(), names = test.stage.containers(on: host), began = LabClock.now
        #expect(!names.isEmpty)
        let isolations = try await test.isolations(on: host), starts = try test.starts()
        try await test.slowDown(host, percent: 10)
        let asked = try await test.askStatus(on: host, terminals: 3, for: 30)
        let throttled = try await test.speedUp(host)
        let took = LabClock.now - began
        print("\(asked.answered) answers in \(seconds(took)) s, \(asked.refused) refused; throttled in \(throttled) periods")
        #expect(asked.answered > 0, "\(asked.said)")
        #expect(throttled > 0, "the daemons had all the time they wanted")

        // What a slow daemon has to tell comes late.
        try await test.wait(.seconds(2))
        let kinds: Set = ["sessionOpened", "sessionLost", "sessionEnded", "nodeLost", "isolated", "guardLost"]
        let told = try await test.told(kinds, since: began)
        #expect(told.isEmpty, "\(told)")
        #expect(try await test.isolations(on: host) == isolations, "nothing was frozen")
        #expect(try test.starts() == starts)
        #expect(await test.allAnswer())
        print("told of the store: \(try await test.told(["storeLost", "storeBack"], since: began))")
        for gap in test.gaps(since: began) { print("silent for \(seconds(gap.length)) s") }
      }
    }
  }
}

// MARK: what these trials ask and do

/// A restart of a daemon: from its order until the node is armed again.
private struct Restart {
  let service: LabService
  let began: BootInstant
  let ended: BootInstant
  var length: Duration { ended - began }

  /// A beat comes every 10 ms, and late on a busy machine.
  private static let slack = Duration.milliseconds(200)

  static func make(_ service: LabService, on host: LabHost, in lab: LabCluster) async throws -> Restart {
    let began = LabClock.now
    try await lab.service(host, service, .restart)
    try await lab.until(guardOf: host, is: "armed", limit: .seconds(15))
    return Restart(service: service, began: began, ended: LabClock.now)
  }

  private func covers(_ pause: Pause) -> Bool { pause.from > began - Self.slack && pause.to < ended + Self.slack }

  /// Tells how long they took, and what was frozen meanwhile. Every pause is to lie within one of them, and none is to take as long as a TTL, after
  /// which what is `stop` would have been killed.
  static func judge(_ restarts: [Restart], by pauses: [Pause], _ bounds: Bounds) {
    for service in [LabService.guardProcess, .daemon] {
      let those = restarts.filter { $0.service == service }, longest = those.map(\.length).max() ?? .zero
      let meanwhile = pauses.filter { pause in those.contains { $0.covers(pause) } }
      print(
        "\(service.rawValue) restarted \(those.count) times: at most \(seconds(longest)) s, "
          + "\(meanwhile.count) pauses, at most \(seconds(meanwhile.map(\.length).max() ?? .zero)) s")
      bounds.hold(longest < .seconds(3), "a restart of \(service.rawValue) took \(seconds(longest)) s")
    }
    for pause in pauses {
      let isCovered = restarts.contains { $0.covers(pause) }
      bounds.hold(isCovered, "\(pause.container) executed nothing for \(seconds(pause.length)) s, beyond a restart")
    }
  }
}

/// A time in which a container executed nothing, by its own trace.
private struct Pause {
  let container: String
  let from: BootInstant
  let to: BootInstant
  var length: Duration { to - from }
}

extension TestStage {
  /// Gives a container `isolation: stop` and starts it anew, where it runs.
  fileprivate func makeStop(_ name: String, on host: LabHost) async throws {
    let file = try lab.writeSpecs(to: "workloads.yaml") {
      $0 == name ? $1.replacing("isolation: freeze", with: "isolation: stop") : $1
    }
    try await lab.holdfast(["apply", "-f", file, "--yes"], on: host)
    try await lab.holdfast(["restart", name, "--yes", "--wait"], on: host)
    #expect(await allAnswer())
    let xml = try await lab.run(host, ["virsh", "-c", "lxc:///system", "dumpxml", name]).output
    #expect(xml.contains("/stop</partition>"), "\(name) is not in the guard's stop partition on \(host)")
    // What follows from its restart is over.
    try await wait(.seconds(3))
  }

  /// All pauses that ended after `instant`, of every container under protection.
  fileprivate func pauses(since instant: BootInstant) throws -> [Pause] {
    try BeatCheck.folder(lab.beatsFolder).logs.filter { stage.containers.contains($0.container) }.flatMap { log in
      log.lives.flatMap { life in
        zip(life.spans, life.spans.dropFirst()).map { Pause(container: log.container, from: $0.to, to: $1.from) }
      }
    }.filter { $0.to > instant }
  }

  /// Lines of history of these kinds since `instant`: who tells it, and what.
  fileprivate func told(_ kinds: Set<String>, since instant: BootInstant) async throws -> [String] {
    try await lines(of: kinds, since: instant).map { "\($0.node): \($0.text)" }
  }

  /// How often the host's guard has isolated it since it was booted.
  fileprivate func isolations(on host: LabHost) async throws -> Int {
    let log = try await lab.run(host, ["grep", "-c", "isolating [0-9]* workloads", "/var/log/holdfast-guard.log"])
    return try #require(Int(log.output.filter(\.isNumber)), "\(log)")
  }
}

// MARK: a slow processor

extension TestStage {
  private static let slowGroup = "/sys/fs/cgroup/cpu/slow"
  /// Microseconds. Short ones make a processor that is slow all the time, long ones one that often stops.
  private static let period = 20_000

  /// Holdfast's daemons on the host get so much of one processor from now on, both together.
  fileprivate func slowDown(_ host: LabHost, percent: Int) async throws {
    let script = """
      mkdir \(Self.slowGroup)
      echo \(Self.period) >\(Self.slowGroup)/cpu.cfs_period_us
      echo \(Self.period * percent / 100) >\(Self.slowGroup)/cpu.cfs_quota_us
      for service in holdfastd holdfast-guard; do cat /run/lab/$service.pid >\(Self.slowGroup)/cgroup.procs; done
      """
    let done = try await lab.run(host, ["sh", "-ec", script])
    #expect(done.succeeded, "\(done)")
  }

  /// They get what they want again; in how many periods they had wanted more.
  fileprivate func speedUp(_ host: LabHost) async throws -> Int {
    let script = """
      awk '$1 == "nr_throttled" { print $2 }' \(Self.slowGroup)/cpu.stat
      for process in $(cat \(Self.slowGroup)/cgroup.procs); do echo $process >/sys/fs/cgroup/cpu/cgroup.procs; done
      rmdir \(Self.slowGroup)
      """
    let done = try await lab.run(host, ["sh", "-ec", script])
    #expect(done.succeeded, "\(done)")
    return try #require(Int(done.output.filter(\.isNumber)), "\(done)")
  }

  /// Asks for the status again and again, each terminal as soon as it was answered.
  fileprivate func askStatus(on host: LabHost, terminals: Int, for time: Int) async throws -> (
    answered: Int, refused: Int, said: String
  ) {
    let script = """
      for terminal in $(seq \(terminals)); do
        (
          answered=0 refused=0
          while [ $SECONDS -lt \(time) ]; do
            if holdfast status >/dev/null 2>/run/said.$terminal; then answered=$((answered + 1)); else refused=$((refused + 1)); fi
          done
          echo $answered $refused
        ) &
      done
      wait
      cat /run/said.* >&2
      """
    let done = try await lab.run(host, ["bash", "-c", script], limit: .seconds(time + 60))
    let counts = done.output.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
    try #require(counts.count == terminals && counts.allSatisfy { $0.count == 2 }, "\(done)")
    return (counts.map { $0[0] }.reduce(0, +), counts.map { $0[1] }.reduce(0, +), done.errors)
  }
}
