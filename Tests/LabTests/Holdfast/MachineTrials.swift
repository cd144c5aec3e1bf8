import Foundation
import HoldfastOperator
import Lab
import Testing

extension LabHostsTests {
  /// Virtual machines under protection: started, moved while they run, taken over.
  @Suite(.serialized) struct Machines {
    @Test func `a machine is moved while it runs, and taken over when its host dies`() async throws {
      try await TestStage.run(count: 2, machines: 1, lostHosts: [LabHost(2), LabHost(3)]) { test in
        let from = try #require(try await test.host(of: "vm1"))
        // h1 is asked, and stays.
        let to = try #require(test.lab.allHosts.last { $0 != from && $0 != LabHost(1) })
        let began = LabClock.now
        try await test.lab.holdfast(["move", "vm1", "--to", "\(to)", "--yes"])
        #expect(try await eventually(.seconds(40)) { try await test.host(of: "vm1") == to }, "it is moved")
        #expect(await test.probe.wait(.seconds(20)) { $0["vm1"]?.isAnswering == true })
        try await test.wait(.seconds(1))
        let gaps = test.probe.history("vm1").gaps.filter { $0.to > began }
        print("moved while it runs: silent for \(gaps.map { seconds($0.length) }) s")
        #expect(gaps.allSatisfy { $0.kind == .pause }, "\(gaps)")
        #expect(try test.lab.console(of: "vm1").lives.count == 1)

        let killed = try await test.lab.kill(to)
        #expect(
          await test.probe.wait(.seconds(40)) { histories in
            histories["vm1"]?.answers.last.map { $0.from > killed && $0.firstCounter < 200 } == true
          }, "it boots elsewhere")
        let console = try test.lab.console(of: "vm1")
        #expect(console.lives.count == 2)
        #expect(console.steppedBack.isEmpty)
      }
    }

    @Test func `a machine type that no host has is known before anybody tries it`() async throws {
      try await TestStage.run(count: 2, machines: 1) { test in
        let file = test.lab.workloadsFolder + "/vm1.xml", usual = try String(contentsOfFile: file, encoding: .utf8)
        func define(_ xml: String) async throws -> String {
          try xml.write(toFile: file, atomically: true, encoding: .utf8)
          return try await test.lab.holdfast(["apply", "-f", test.lab.workloadsFolder + "/workloads.yaml", "--yes"])
        }
        func machine() async throws -> WorkloadInfo {
          try #require(try await test.lab.workloadList().first { $0.name == "vm1" })
        }
        try await test.lab.holdfast(["stop", "vm1", "--yes"])
        #expect(try await eventually(.seconds(20)) { try await test.host(of: "vm1") == nil })
        let words = "does not know the machine type pc-i440fx-99.0"
        let warning = try await define(usual.replacingOccurrences(of: "machine='pc'", with: "machine='pc-i440fx-99.0'"))
        #expect(warning.contains(words), "\(warning)")
        #expect(try await eventually(.seconds(20)) { try await machine().incompatibleNodes?.count == test.lab.allHosts.count })

        try await test.lab.holdfast(["start", "vm1"])
        #expect(try await eventually(.seconds(10)) { try await machine().state == .pending })
        let pending = try await machine()
        #expect(pending.failures.isEmpty && pending.others.values.allSatisfy { $0.contains(words) }, "\(pending)")

        _ = try await define(usual)
        #expect(await test.probe.wait(.seconds(40)) { $0["vm1"]?.isAnswering == true }, "defined as before it starts")
        let running = try await machine()
        #expect(running.incompatibleNodes == nil && running.failures.isEmpty)
      }
    }
  }
}

extension TestStage {
  /// The host on which libvirt says that a machine runs.
  func host(of machine: String) async throws -> LabHost? {
    for host in lab.allHosts {
      let state = try await lab.run(host, ["virsh", "-q", "-c", "qemu:///system", "domstate", machine])
      if state.succeeded, state.output.hasPrefix("running") { return host }
    }
    return nil
  }
}
