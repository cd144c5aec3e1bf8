import Foundation
import HoldfastOperator
import Lab
import Testing

extension LabHostsTests {
  /// What goes with maintenance: its deadline, local disks, a host's shutdown, hosts that keep failing.
  @Suite(.serialized) struct Drains {
    private static let (h1, h2, h3) = (LabHost(1), LabHost(2), LabHost(3))

    @Test func `a migration that takes too long is given up at the deadline`() async throws {
      try await TestStage.run(count: 2, machines: 1, lostHosts: [Self.h1, Self.h2, Self.h3]) { test in
        try await test.enforce(
          "workloads:\n  - {name: slowly, for: vm1, evacuation: {how: live, bandwidth: 1MiB, otherwise: stay}}\n")
        let host = try #require(try await test.host(of: "vm1")), began = LabClock.now
        print(try await test.lab.holdfast(["maintenance", "enter", "\(host)", "--yes", "--deadline", "6s"]))
        try await test.wait(.seconds(4))
        #expect(try await test.host(of: "vm1") == host, "it is on its way")
        #expect(
          try await eventually(.seconds(30)) { try await test.host(of: "vm1").map { $0 != host } ?? false }, "it is elsewhere")
        #expect(await test.probe.wait(.seconds(30)) { $0["vm1"]?.isAnswering == true })
        let gaps = test.probe.history("vm1").gaps.filter { $0.to > began }
        print("deadline of 6 s: the machine is silent for \(gaps.map { seconds($0.length) }) s, started anew")
        #expect(try test.lab.console(of: "vm1").lives.count == 2)
      }
    }

    @Test func `a machine takes its local disk with it`() async throws {
      try await TestStage.run(count: 2, machines: 1, lostHosts: [Self.h1, Self.h2, Self.h3]) { test in
        let disk = "/var/lib/libvirt/local.img"
        let xml = test.lab.workloadsFolder + "/vm1.xml"
        let element = """
          <devices>
              <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='\(disk)'/>
                <target dev='vda' bus='virtio'/></disk>
          """
        try String(contentsOfFile: xml, encoding: .utf8).replacingOccurrences(of: "<devices>", with: element)
          .write(toFile: xml, atomically: true, encoding: .utf8)
        for host in test.lab.allHosts { #expect(try await test.lab.run(host, ["truncate", "-s", "1M", disk]).succeeded) }
        try await test.lab.holdfast(["stop", "vm1", "--yes"])
        #expect(try await eventually(.seconds(20)) { try await test.host(of: "vm1") == nil })
        try await test.lab.holdfast(["apply", "-f", test.lab.workloadsFolder + "/workloads.yaml", "--yes"])
        try await test.enforce(
          "workloads:\n  - {name: with its disk, for: vm1, evacuation: {how: live, otherwise: stay, copy-storage: yes}}\n")
        try await test.lab.holdfast(["start", "vm1"])
        #expect(await test.probe.wait(.seconds(30)) { $0["vm1"]?.isAnswering == true })
        let from = try #require(try await test.host(of: "vm1")), lives = try test.lab.console(of: "vm1").lives.count
        // Nobody reads it there: only a copy of this disk brings these words to the other host.
        #expect(
          try await test.lab.run(from, ["sh", "-c", "echo 'written on \(from)' | dd conv=notrunc status=none of=\(disk)"])
            .succeeded)
        try await test.lab.holdfast(["evacuate", "\(from)", "--yes"])
        let to = try #require(try await test.host(of: "vm1"))
        let words = try await test.lab.run(to, ["sh", "-c", "head -c 13 \(disk)"])
        print("the disk that came to \(to): '\(words.output)'")
        #expect(to != from && words.output == "written on \(from)")
        #expect(await test.probe.wait(.seconds(20)) { $0["vm1"]?.isAnswering == true })
        #expect(try test.lab.console(of: "vm1").lives.count == lives, "it went on")
      }
    }

    @Test func `a host that is shut down is emptied first, where its configuration says so`() async throws {
      try await TestStage.run(count: 2, machines: 1, lostHosts: [Self.h2, Self.h3], onStop: "evacuate") { test in
        // h1 is asked, and stays.
        if try await test.host(of: "vm1") == Self.h1 {
          try await test.lab.holdfast(["move", "vm1", "--to", "h3", "--yes"])
          #expect(try await eventually(.seconds(40)) { try await test.host(of: "vm1") == Self.h3 })
        }
        let host = try #require(try await test.host(of: "vm1"))
        let began = try await test.lab.shutdown(host)
        #expect(try await test.host(of: "vm1") != nil, "it runs elsewhere before its host is off")
        #expect(await test.allAnswer())
        #expect(await test.probe.wait(.seconds(20)) { $0["vm1"]?.isAnswering == true })
        let gaps = test.probe.history("vm1").gaps.filter { $0.to > began }
        print("shut down with 'on-stop: evacuate': the machine is silent for \(gaps.map { seconds($0.length) }) s, and goes on")
        #expect(gaps.allSatisfy { $0.kind == .pause })
        #expect(try test.lab.console(of: "vm1").lives.count == 1)
      }
    }

    @Test func `a host that was lost is in quarantine until its failures are cleared`() async throws {
      try await TestStage.run(count: 6, lostHosts: [Self.h2, Self.h3]) { test in
        var lost = test.stage.containers(on: Self.h3), killed = try await test.lab.kill(Self.h3)
        #expect(await test.moved(lost, from: Self.h3, since: killed))
        try await test.lab.boot(Self.h3)
        // Its libvirt may come later than its controller.
        let isBack = try await eventually(.seconds(30)) {
          let node = try await test.node(Self.h3)
          return node.state == .up && node.unreachable.isEmpty
        }
        #expect(isBack)
        let quarantine = try #require(try await test.node(Self.h3).quarantine)
        #expect(quarantine.losses == 1)
        print("h3 was lost \(quarantine.losses) time: in quarantine for \(Int(quarantine.remaining)) s")

        lost = test.stage.containers(on: Self.h2)
        killed = try await test.lab.kill(Self.h2)
        #expect(await test.moved(lost, from: Self.h2, since: killed))
        #expect(test.stage.containers(on: Self.h3).isEmpty, "h1 took all")

        print(try await test.lab.holdfast(["node", "clear-failures", "h3"]))
        #expect(try await test.node(Self.h3).quarantine == nil)
        try await test.lab.holdfast(["evacuate", "h1", "--yes"])
        #expect(test.stage.containers(on: Self.h3).count == 6)
      }
    }
  }
}

extension TestStage {
  fileprivate func node(_ host: LabHost) async throws -> NodeInfo {
    let list = try JSONDecoder().decode(NodeList.self, from: Data(try await lab.holdfast(["nodes", "-o", "json"]).utf8))
    return try #require(list.nodes.first { $0.name == "\(host)" })
  }
}
