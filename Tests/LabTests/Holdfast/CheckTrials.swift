import Foundation
import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// A service that dies in a container which runs on, on real hosts; one that is no good anywhere; and answers that are good and bad in turn.
  @Suite(.serialized) struct Checks {
    /// So long that a busy machine costs no node its session: what becomes of workloads then is other trials' matter.
    private static let patience = ["LAB_TTL": "10s"]

    @Test func `a service that is killed is restarted in place`() async throws {
      try await TestStage.run(environment: Self.patience) { test in
        let served = try await ServedContainer.bring("web1", into: test), host = served.host
        let began = LabClock.now
        try await served.killService()
        // Its container answers all the while: nothing but the check can tell.
        #expect(try await test.eventually { try await served.answers() }, "the service is not back")
        let back = LabClock.now - began
        let gap = try #require(test.gaps(of: "web1", since: began).first { $0.kind == .restart })
        let noticed = gap.from - began, most = ServedContainer.ending + gap.length
        print(
          "service killed: seen, and its run ended, after \(seconds(noticed)) s (at most \(seconds(ServedContainer.ending)) s); "
            + "restart \(seconds(gap.length)) s; serving after \(seconds(back)) s (at most \(seconds(most)) s)")
        test.bounds.hold(noticed <= ServedContainer.ending + .milliseconds(500), "its run ended after \(seconds(noticed)) s")
        test.bounds.hold(back <= most + .seconds(1), "it serves again after \(seconds(back)) s")
        #expect(test.stage.hosts()["web1"] == host)
        test.othersUntouched(by: "web1", since: began)
        let events = try await test.lab.holdfast(["events", "--workload", "web1"], on: host)
        #expect(events.contains("fails its check 'service'"), "\(events)")
      }
    }

    @Test(.isLong)
    func `a service that does not come up on its node any more is served by another, and comes home when it can`()
      async throws
    {
      try await TestStage.run(environment: Self.patience) { test in
        let served = try await ServedContainer.bring("web1", into: test), host = served.host
        try await test.enforce(
          """
          workloads:
            - {name: home, for: web1, prefer: \(host), failback: {when: automatic, after: 1s}}

          """)
        let began = LabClock.now
        try served.breakService(on: host)
        try await served.killService()
        #expect(await test.moved(["web1"], from: host, since: began, within: .seconds(90)), "it stays on \(host)")
        let elsewhere = try #require(test.stage.hosts()["web1"])
        #expect(try await test.eventually { try await served.answers() }, "it does not serve on \(elsewhere)")
        let moved = LabClock.now - began, left = test.gaps(of: "web1", since: began)
        let restarts = left.count { $0.kind == .restart }, most = ServedContainer.failing(restarts + 1, away: left)
        print(
          "service broken on \(host): \(restarts) restarts there, serving on \(elsewhere) after \(seconds(moved)) s (at most "
            + "\(seconds(most)) s)")
        #expect(restarts == ServedContainer.restarts)
        test.bounds.hold(moved <= most + .seconds(3), "another node serves it after \(seconds(moved)) s")
        let screen = try await test.lab.holdfast(["workload", "web1"], on: host)
        print(screen)
        #expect(screen.contains("its checks failed 3 times in a row on \(host)"), "\(screen)")
        let departure = try #require(left.last { $0.kind == .move(from: "\(host)", to: "\(elsewhere)") })
        try await served.comesHome(from: elsewhere, left: departure)
        test.othersUntouched(by: "web1", since: began)
      }
    }

    @Test(.isLong)
    func `a bad release ends after the attempts that its policy allows, and the status says why`() async throws {
      try await TestStage.run(environment: Self.patience) { test in
        let served = try await ServedContainer.bring("web1", into: test)
        try await test.enforce("workloads:\n  - {name: for a person, for: web1, failover: {then: give-up}}\n")
        let before = try test.lab.lives(of: "web1").count, began = LabClock.now
        try served.release("a fault\n")
        #expect(try await test.isGivenUp("web1", within: .seconds(120)), "it is tried on and on")
        let ended = try #require(test.probe.history("web1").answers.last).to - began
        let lives = try test.lab.lives(of: "web1").dropFirst(before), away = test.gaps(of: "web1", since: began)
        let nodes = [served.host.description] + lives.map(\.node), places = Set(nodes).count
        let most = ServedContainer.failing((ServedContainer.restarts + 1) * ServedContainer.nodes, away: away)
        print(
          "bad release: on \(nodes.joined(separator: ", ")), in this order; ended for good after \(seconds(ended)) s (at most "
            + "\(seconds(most)) s)")
        // Those of the first node begin with a run from before.
        #expect(places == ServedContainer.nodes && nodes.count == places * (ServedContainer.restarts + 1), "\(nodes)")
        test.bounds.hold(ended <= most + .seconds(3), "it was given up after \(seconds(ended)) s")

        let problem = try #require(try await test.problem("web1")), why = try #require(problem.why)
        #expect(why.contains("given up: its checks failed on ") && why.contains("without 'ok'"), "\(why)")
        #expect(Set(problem.failures.keys) == Set(nodes) && problem.failures.values.allSatisfy { $0.check == "service" })
        let screen = try await test.lab.holdfast(["status"])
        print(screen)
        #expect(screen.contains("web1") && screen.contains("given up"), "\(screen)")
        test.othersUntouched(by: "web1", since: began)

        try served.release(ServedContainer.good)
        try await test.lab.holdfast(["start", "web1"])
        #expect(try await test.eventually { try await served.answers() }, "a person's start brings it back")
      }
    }

    @Test(.isLong)
    func `ten checks that flap at once restart nothing and move nothing`() async throws {
      try await TestStage.run(count: 12, environment: Self.patience) { test in
        let flapping = Array(test.stage.containers.prefix(10)), told = Set(flapping.suffix(5))
        // Every second answer is bad: that is never three in a row, and each time one.
        let file = try test.lab.writeSpecs(to: "flapping.yaml") { name, spec in
          guard flapping.contains(name) else { return spec }
          let counts = told.contains(name) ? "down: 1, up: 1, on-failure: report" : "down: 3, on-failure: restart"
          return spec + "    checks: [{name: flaky, kind: http, path: /flaky, interval: 1s, timeout: 5s, \(counts)}]\n"
        }
        #expect(await test.allAnswer())
        let hosts = test.stage.hosts(), starts = try test.starts(), processes = try await test.processes()
        let began = LabClock.now
        try await test.lab.holdfast(["apply", "-f", file, "--yes"])
        let asked = try await test.lab.workloadList().filter { $0.checks != nil }.map(\.name)
        #expect(Set(asked) == Set(flapping))
        // What flaps is told once in a minute.
        try await test.wait(.seconds(75))
        let lines = try await test.lines(of: ["health"], since: began)
        print("ten checks flapped for \(seconds(LabClock.now - began)) s, and this was told of it:")
        for line in lines { print("  \(line.node): \(line.text)") }
        #expect(lines.contains { $0.text.contains("again and again") }, "they do not flap")
        #expect(lines.allSatisfy { told.isSuperset(of: $0.workloads ?? [$0.workload ?? ""]) })
        #expect(lines.count <= 4 * told.count, "each change is told")

        #expect(await test.allAnswer())
        #expect(test.stage.hosts() == hosts, "nothing moved")
        #expect(try test.starts() == starts, "nothing was started anew")
        #expect(try await test.processes() == processes)
        let problems = try await test.lab.clusterStatus().misplaced
        #expect(problems.allSatisfy { told.contains($0.name) && $0.state == .running }, "\(problems.map(\.name))")
      }
    }
  }
}

/// A container that serves a second thing beside what its first process answers, and is asked for it by a check.
private struct ServedContainer {
  let name: String
  let test: TestStage
  /// Where it ran when it was brought.
  let host: LabHost

  /// What it serves, of which the check wants the word.
  static let good = "ok\n"
  private static let port = 8080
  private static let interval = Duration.seconds(1)
  private static let timeout = Duration.milliseconds(500)
  private static let down = 2
  private static let grace = Duration.seconds(3)
  private static let stopTimeout = Duration.seconds(2)
  /// By when a failure is noticed.
  private static let detection = interval * down + timeout
  /// By when its run has ended: what does not shut down is ended after its `stop-timeout`.
  static let ending = detection + stopTimeout

  /// Restarts in place before another node is tried, and nodes on which it is tried, where no policy says anything else.
  static let restarts = 2
  static let nodes = 2
  /// For so long, times the failures there, a node is out of the question for what did not run well on it.
  private static let cooling = Duration.seconds(30)

  /// By when so many runs in a row have failed, each but the first after its grace.
  ///
  /// - Parameter away: what passed between them.
  static func failing(_ runs: Int, away: [ProbeHistory.Gap]) -> Duration {
    ending * runs + grace * (runs - 1) + away.map(\.length).reduce(.zero, +)
  }

  /// Gives the container its service and its check, where it runs.
  static func bring(_ name: String, into test: TestStage) async throws -> ServedContainer {
    let host = try #require(test.stage.hosts()[name])
    let served = ServedContainer(name: name, test: test, host: host)
    let folder = test.lab.workloadsFolder
    try served.release(good)
    let plain = try String(contentsOfFile: "\(folder)/\(name).xml", encoding: .utf8)
    let start =
      "[ -e /etc/broken-$HOLDFAST_NODE ] || /bin/busybox httpd -p \(port) -h /etc; exec /sbin/init"
    let xml = plain.replacing(
      "<init>/sbin/init</init>",
      with: "<init>/bin/busybox</init><initarg>sh</initarg><initarg>-c</initarg><initarg>\(start)</initarg>")
    #expect(xml != plain)
    try Data(xml.utf8).write(to: URL(filePath: "\(folder)/\(name)-served.xml"))
    try Data(
      """
      workloads:
        - name: \(name)
          memory: 32
          cpus: 0.1
          stop-timeout: \(seconds(stopTimeout))s
          shared: ['\(test.lab.beatsFolder)']
          xml-file: \(name)-served.xml
          checks:
            - name: service
              kind: http
              port: \(port)
              path: /health
              contains: ok
              interval: \(seconds(interval))s
              timeout: \(seconds(timeout))s
              down: \(down)
              up: 1
              grace: \(seconds(grace))s

      """.utf8
    ).write(to: URL(filePath: "\(folder)/\(name)-served.yaml"))
    try await test.lab.holdfast(["apply", "-f", "\(folder)/\(name)-served.yaml", "--yes"], on: host)
    try await test.lab.holdfast(["restart", name, "--yes", "--wait"], on: host)
    #expect(try await test.eventually { try await served.answers() }, "\(name) does not serve on \(host)")
    return served
  }

  /// The containers' root directory, which none of them can write to.
  private var root: String { "\(test.lab.state)/shared/rootfs" }

  /// What it serves from now on, on every host.
  func release(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: "\(root)/etc/health")) }

  /// It does not come up on that host any more.
  func breakService(on host: LabHost) throws { try Data().write(to: URL(filePath: "\(root)/etc/broken-\(host)")) }

  /// Of all that runs in the container only the service ends.
  func killService() async throws {
    let killed = try await test.lab.run(host, ["pkill", "-KILL", "-f", "^/bin/busybox httpd -p \(Self.port)"])
    #expect(killed.succeeded, "\(killed)")
  }

  /// Wherever it runs.
  func answers() async throws -> Bool {
    let address = try #require(try test.lab.addresses()[name])
    let answer = try await test.lab.run(host, ["curl", "-sf", "-m", "1", "http://\(address):\(Self.port)/health"])
    return answer.succeeded && answer.output == Self.good
  }

  /// Mends the service on the host that it has left: it comes back as soon as that host may be tried again, and not before.
  ///
  /// - Parameter left: when it went from there.
  func comesHome(from elsewhere: LabHost, left: ProbeHistory.Gap) async throws {
    try FileManager.default.removeItem(atPath: "\(root)/etc/broken-\(host)")
    let mended = LabClock.now, cooling = Self.cooling * (Self.restarts + 1)
    #expect(await test.moved([name], from: elsewhere, since: mended, within: .seconds(150)), "it stays on \(elsewhere)")
    #expect(try await test.eventually { try await answers() }, "it does not serve at home")
    let home = LabClock.now - mended
    let back = try #require(test.gaps(of: name, since: mended).first { $0.kind == .move(from: "\(elsewhere)", to: "\(host)") })
    let stayed = back.from - left.from
    print(
      "service mended on \(host): serving there after \(seconds(home)) s; it left \(elsewhere) \(seconds(stayed)) s after it had left "
        + "\(host) (at least \(seconds(cooling)) s), and was silent for \(seconds(back.length)) s")
    #expect(test.stage.hosts()[name] == host)
    #expect(stayed >= cooling, "it went back before its failures were forgiven")
    test.bounds.hold(
      stayed <= cooling + left.length + Self.stopTimeout + .seconds(5), "it went home \(seconds(stayed)) s after it had left")
  }
}

extension TestStage {
  /// Gaps of one container that ended after `instant`.
  fileprivate func gaps(of name: String, since instant: BootInstant) -> [ProbeHistory.Gap] {
    probe.history(name).gaps.filter { $0.to > instant }
  }

  /// The containers that had nothing to do with it run on where they are. That they pause is a busy machine's.
  fileprivate func othersUntouched(by name: String, since instant: BootInstant) {
    for other in stage.containers where other != name {
      let changes = gaps(of: other, since: instant).filter { $0.kind != .pause }
      #expect(changes.isEmpty, "\(other) was touched: \(changes)")
    }
  }

  /// Waits until a workload is given up.
  fileprivate func isGivenUp(_ name: String, within limit: Duration) async throws -> Bool {
    try await LabTests.eventually(limit) {
      // A question costs as much as a start, and a busy host may be late with its answer once.
      try await wait(.milliseconds(500))
      return (try? await problem(name))?.why?.hasPrefix("given up") == true
    }
  }

  /// What the status says of a workload that is not as it should be; nil: it is.
  fileprivate func problem(_ name: String) async throws -> WorkloadInfo? {
    try await lab.clusterStatus().misplaced.first { $0.name == name }
  }

  /// Asks again until it is so, for half a minute at most.
  fileprivate func eventually(_ isSo: () async throws -> Bool) async throws -> Bool {
    try await LabTests.eventually(.seconds(30), isSo)
  }
}
