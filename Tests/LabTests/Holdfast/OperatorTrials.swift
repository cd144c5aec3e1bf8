import Lab
import Testing

extension LabHostsTests {
  /// What operators do to workloads, on real hosts.
  @Suite(.serialized) struct Operators {
    @Test func `release and adopt: the same process goes on, without a gap`() async throws {
      try await TestStage.run { test in
        let host = try #require(test.stage.hosts()["web1"]), began = LabClock.now
        try await test.lab.holdfast(["release", "web1", "--yes"], on: host)
        #expect(try await test.until { try await test.domain("web1", on: host)["Persistent"] == "yes" })
        #expect(try await test.until { try await !test.lab.run(host, ["holdfast", "workload", "web1"]).succeeded })
        try await test.lab.holdfast(["adopt", "lxc:///system/web1", "--shared", test.lab.beatsFolder], on: host)
        #expect(try await test.until { try await test.domain("web1", on: host)["Persistent"] == "no" })
        #expect(try await test.until { try await test.workload("web1", says: "running", on: host) })
        try await test.wait(.seconds(3))
        #expect(test.gaps(since: began).isEmpty, "\(test.gaps(since: began))")
        // Under protection indeed: it is taken over.
        _ = try await test.lab.kill(host)
        #expect(await test.moved(["web1"], from: host, since: began))
      }
    }

    @Test func `what was released goes on when its host's services are stopped`() async throws {
      try await TestStage.run { test in
        let host = try #require(test.stage.hosts()["web1"]), began = LabClock.now
        try await test.lab.holdfast(["release", "web1", "--yes"], on: host)
        #expect(try await test.until { try await test.domain("web1", on: host)["Persistent"] == "yes" })
        #expect(try await test.until { try await !test.lab.run(host, ["holdfast", "workload", "web1"]).succeeded })
        let definition = try await test.lab.run(host, ["virsh", "-c", "lxc:///system", "dumpxml", "--inactive", "web1"])
        #expect(definition.output.contains("<name>web1</name>") && !definition.output.contains("/freeze</partition>"))
        try await test.lab.service(host, .daemon, .stop)
        // Longer than any deadline that its guard had.
        try await test.wait(.seconds(5))
        let gaps = test.probe.history("web1").gaps.filter { $0.to > began }
        #expect(gaps.isEmpty && test.probe.history("web1").silentSince == nil, "\(gaps)")
        try await test.lab.service(host, .guardProcess, .restart)
        try await test.wait(.seconds(2))
        #expect(test.probe.history("web1").silentSince == nil)
      }
    }

    @Test func `move, stop and start`() async throws {
      try await TestStage.run { test in
        let from = try #require(test.stage.hosts()["web2"])
        let to = try #require(test.lab.allHosts.first { $0 != from }), began = LabClock.now
        try await test.lab.holdfast(["move", "web2", "--to", "\(to)", "--yes"], on: from)
        #expect(await test.moved(["web2"], from: from, since: began))
        #expect(try await test.until { test.stage.hosts()["web2"] == to })
        try await test.lab.holdfast(["stop", "web3", "--yes"])
        #expect(await test.fallSilent(["web3"]))
        #expect(try await test.until { try await test.workload("web3", says: "stopped", on: LabHost(1)) })
        try await test.lab.holdfast(["start", "web3"])
        #expect(await test.allAnswer())
        let gaps = test.gaps(since: began)
        print("moved and stopped: \(gaps.map { seconds($0.length) }) s")
        let restarted = test.stage.containers.filter { name in
          test.probe.history(name).gaps.contains { $0.to > began && $0.kind != .pause }
        }
        #expect(restarted == ["web2", "web3"])
      }
    }

    @Test func `what other hosts have left of a workload is told and removed, and then its failover succeeds`() async throws {
      try await TestStage.run { test in
        let host = try #require(test.stage.hosts()["web1"]), others = test.lab.allHosts.filter { $0 != host }
        let uuid = try await test.domain("web1", on: host)["UUID"] ?? ""
        // As another cluster manager has it: the same definition on every host, and started when the host boots.
        let definition =
          "holdfast workload web1 --xml | sed -e 's|<uuid>.*</uuid>||' -e 's|<name>.*</name>|<name>web1</name><uuid>\(uuid)</uuid>|' > /tmp/web1.xml"
        for other in others {
          let answer = try await test.lab.run(
            other,
            [
              "sh", "-ec",
              "\(definition); virsh -c lxc:///system define /tmp/web1.xml; virsh -c lxc:///system autostart web1"
            ])
          #expect(answer.succeeded, "\(answer)")
        }
        #expect(try await test.until { try await test.leftovers(on: host) == others.count })
        let status = try await test.lab.run(host, ["holdfast", "status", "-o", "json"]).output
        #expect(
          status.contains("keep web1 from starting there") && status.contains("starts web1 outside protection"), "\(status)")
        let question = try await test.lab.run(host, ["holdfast", "whatif", "--lose", "\(host)", "-o", "json"])
        #expect(question.status == 5 && question.output.contains("a definition of it is left there"), "\(question)")

        try await test.lab.holdfast(["leftovers", "remove", "web1", "--yes"], on: host)
        #expect(try await test.until { try await test.leftovers(on: host) == 0 })
        for other in others {
          let all = try await test.lab.run(other, ["virsh", "-c", "lxc:///system", "list", "--all", "--name"])
          #expect(!all.output.split(separator: "\n").contains("web1"), "\(other): \(all.output)")
        }
        let began = LabClock.now
        _ = try await test.lab.kill(host)
        #expect(await test.moved(["web1"], from: host, since: began))
      }
    }

    @Test func `a file that would start what runs elsewhere starts nothing, and what runs is untouched`() async throws {
      try await TestStage.run { test in
        let host = try #require(test.stage.hosts()["web1"]), began = LabClock.now
        try await test.lab.holdfast(["release", "web1", "--yes"], on: host)
        #expect(try await test.until { try await !test.lab.run(host, ["holdfast", "workload", "web1"]).succeeded })
        let other = try #require(test.lab.allHosts.first { $0 != host })
        // Its node says so once a second.
        try await test.wait(.seconds(2))
        let file = try await test.lab.workloads(count: 6)
        let answer = try await test.lab.run(other, ["holdfast", "apply", "-f", file, "--yes"])
        #expect(!answer.succeeded && (answer.output + answer.errors).contains("runs on \(host) outside protection"))
        try await test.wait(.seconds(4))
        #expect(test.gaps(since: began).isEmpty, "\(test.gaps(since: began))")
        #expect(test.stage.hosts()["web1"] == host)
      }
    }
  }
}

extension TestStage {
  /// Asks again until it is so, for half a minute at most.
  fileprivate func until(_ isSo: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<150 {
      if try await isSo() { return true }
      try await wait(.milliseconds(200))
    }
    return false
  }

  /// What `virsh dominfo` says of it.
  fileprivate func domain(_ name: String, on host: LabHost) async throws -> [String: String] {
    let lines = try await lab.run(host, ["virsh", "-c", "lxc:///system", "dominfo", name]).output.split(separator: "\n")
    return Dictionary(
      lines.compactMap { line in
        let parts = line.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
      }, uniquingKeysWith: { first, _ in first })
  }

  /// How many the nodes have reported.
  fileprivate func leftovers(on host: LabHost) async throws -> Int {
    try await lab.run(host, ["holdfast", "leftovers", "list", "-o", "json"]).output.matches(of: #/"isRemovable"/#).count
  }

  fileprivate func workload(_ name: String, says state: String, on host: LabHost) async throws -> Bool {
    let answer = try await lab.run(host, ["holdfast", "workload", name, "-o", "json"])
    return answer.succeeded && answer.output.contains("\"state\" : \"\(state)\"")
      || answer.output.contains("\"state\":\"\(state)\"")
  }
}
