import Foundation
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// A service that dies in a container which runs on, on real hosts.
  @Suite(.serialized) struct Checks {
    @Test func `a service that is killed is restarted in place`() async throws {
      try await TestStage.run { test in
        let served = try await ServedContainer.bring("web1", into: test), host = served.host
        let others = test.stage.containers.filter { $0 != "web1" }, began = LabClock.now
        try await served.killService()
        // Its container answers all the while: nothing but the check can tell.
        #expect(try await test.eventually { try await served.answers(on: host) }, "the service is not back")
        let back = LabClock.now - began
        let gap = try #require(test.gaps(of: "web1", since: began).first { $0.kind == .restart })
        let noticed = gap.from - began
        print(
          "service killed: its run ended after \(seconds(noticed)) s (at most \(seconds(ServedContainer.ending)) s), restart \(seconds(gap.length)) s, serving after \(seconds(back)) s"
        )
        test.bounds.hold(noticed <= ServedContainer.ending + .milliseconds(500), "its run ended after \(seconds(noticed)) s")
        test.bounds.hold(
          back <= ServedContainer.ending + gap.length + .seconds(1), "it serves again after \(seconds(back)) s")
        #expect(test.stage.hosts()["web1"] == host)
        for name in others { #expect(test.gaps(of: name, since: began).isEmpty, "\(name) was touched") }
        let events = try await test.lab.holdfast(["events", "--workload", "web1"], on: host)
        #expect(events.contains("fails its check 'service'"), "\(events)")
      }
    }

    @Test func `a service that does not come up on its node any more is served by another`() async throws {
      try await TestStage.run { test in
        let served = try await ServedContainer.bring("web1", into: test), host = served.host, began = LabClock.now
        try served.breakService(on: host)
        try await served.killService()
        #expect(await test.moved(["web1"], from: host, since: began, within: .seconds(60)), "it stays on \(host)")
        let elsewhere = try #require(test.stage.hosts()["web1"])
        #expect(try await test.eventually { try await served.answers(on: elsewhere) }, "it does not serve on \(elsewhere)")
        let moved = LabClock.now - began
        let restarts = test.gaps(of: "web1", since: began).count { $0.kind == .restart }
        print(
          "service broken on \(host): \(restarts) restarts there, serving on \(elsewhere) after \(seconds(moved)) s")
        #expect(restarts == 2)
        let screen = try await test.lab.holdfast(["workload", "web1"], on: host)
        print(screen)
        #expect(screen.contains("its checks failed 3 times in a row on \(host)"), "\(screen)")
        for name in test.stage.containers where name != "web1" {
          #expect(test.gaps(of: name, since: began).isEmpty, "\(name) was touched")
        }
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

  private static let port = 8080
  private static let interval = Duration.seconds(1)
  private static let timeout = Duration.milliseconds(500)
  private static let down = 2
  /// By when a failure is noticed.
  static let detection = interval * down + timeout
  /// By when its run has ended: what does not shut down is ended after its `stop-timeout` of 2 s.
  static let ending = detection + .seconds(2)

  /// Gives the container its service and its check, where it runs.
  static func bring(_ name: String, into test: TestStage) async throws -> ServedContainer {
    let host = try #require(test.stage.hosts()[name])
    let served = ServedContainer(name: name, test: test, host: host)
    let folder = test.lab.workloadsFolder
    try Data("ok\n".utf8).write(to: URL(filePath: "\(served.root)/etc/health"))
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
          stop-timeout: 2s
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
              grace: 3s

      """.utf8
    ).write(to: URL(filePath: "\(folder)/\(name)-served.yaml"))
    try await test.lab.holdfast(["apply", "-f", "\(folder)/\(name)-served.yaml", "--yes"], on: host)
    try await test.lab.holdfast(["restart", name, "--yes", "--wait"], on: host)
    #expect(try await test.eventually { try await served.answers(on: host) }, "\(name) does not serve on \(host)")
    return served
  }

  /// The containers' root directory, which none of them can write to.
  private var root: String { "\(test.lab.state)/shared/rootfs" }

  /// It does not come up on that host any more.
  func breakService(on host: LabHost) throws { try Data().write(to: URL(filePath: "\(root)/etc/broken-\(host)")) }

  /// Of all that runs in the container only the service ends.
  func killService() async throws {
    let killed = try await test.lab.run(host, ["pkill", "-KILL", "-f", "^/bin/busybox httpd -p \(Self.port)"])
    #expect(killed.succeeded, "\(killed)")
  }

  func answers(on host: LabHost) async throws -> Bool {
    let address = try #require(try test.lab.addresses()[name])
    let answer = try await test.lab.run(host, ["curl", "-sf", "-m", "1", "http://\(address):\(Self.port)/health"])
    return answer.succeeded && answer.output == "ok\n"
  }
}

extension TestStage {
  /// Gaps of one container that ended after `instant`.
  fileprivate func gaps(of name: String, since instant: BootInstant) -> [ProbeHistory.Gap] {
    probe.history(name).gaps.filter { $0.to > instant }
  }

  /// Asks again until it is so, for half a minute at most.
  fileprivate func eventually(_ isSo: () async throws -> Bool) async throws -> Bool {
    try await LabTests.eventually(.seconds(30), isSo)
  }
}
