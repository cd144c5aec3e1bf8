import Foundation
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// Nodes that are emptied on purpose, on real hosts.
  @Suite(.serialized) struct Maintenance {
    static let (h1, h2, h3) = (LabHost(1), LabHost(2), LabHost(3))

    @Test(.isLong) func `20 containers and 2 machines leave a host, as soon and as fast as by hand`() async throws {
      try await TestStage.run(count: 20, machines: 2) { test in
        // Everything onto one host.
        for host in [Self.h1, Self.h3] { try await test.lab.holdfast(["evacuate", "\(host)", "--yes", "--parallel", "8"]) }
        for host in [Self.h1, Self.h3] { try await test.lab.holdfast(["maintenance", "cancel", "\(host)"]) }
        #expect(test.stage.containers(on: Self.h2).count == 20)
        let began = LabClock.now
        try await test.lab.holdfast(["evacuate", "\(Self.h2)", "--yes"])
        let ours = LabClock.now - began
        #expect(await test.allAnswer())
        #expect(test.stage.containers(on: Self.h2).isEmpty)
        let gaps = test.silences(of: test.stage.containers, since: began).sorted()
        let machines = ["vm1", "vm2"].flatMap { test.probe.history($0).gaps.filter { $0.to > began } }
        #expect(machines.allSatisfy { $0.kind == .pause }, "they went on: \(machines)")

        // The same again, by hand.
        let all = ["vm1", "vm2"] + test.stage.containers
        var machinesOnH1: [String] = []
        for machine in ["vm1", "vm2"] where try await test.host(of: machine) == Self.h1 { machinesOnH1.append(machine) }
        let onH1 = machinesOnH1 + test.stage.containers(on: Self.h1)
        for name in all { try await test.lab.holdfast(["release", name, "--yes"]) }
        #expect(try await eventually(.seconds(20)) { try await test.lab.workloadList().isEmpty })
        let byHandBegan = LabClock.now
        async let first: Void = test.moveByHand(onH1, from: Self.h1, to: Self.h2, atOnce: 2)
        async let second: Void = test.moveByHand(
          all.filter { !onH1.contains($0) }, from: Self.h3, to: Self.h2, atOnce: 2)
        _ = try await (first, second)
        let byHand = LabClock.now - byHandBegan
        #expect(await test.allAnswer())
        let bare = test.silences(of: test.stage.containers, since: byHandBegan).sorted()

        let longest = machines.map(\.length).max() ?? .zero
        print(
          """
          20 containers and 2 machines left a host in \(seconds(ours)) s; by hand with virsh, 4 at once: \(seconds(byHand)) s
          a container is silent for \(seconds(gaps[gaps.count / 2])) s (worst \(seconds(gaps[gaps.count - 1])) s); by hand \
          \(seconds(bare[bare.count / 2])) s (worst \(seconds(bare[bare.count - 1])) s); the machines at most \(seconds(longest)) s
          """)
        #expect(gaps[0] > .zero && bare[0] > .zero, "each was stopped and started")
        test.bounds.hold(gaps[gaps.count / 2] <= bare[bare.count / 2] + .milliseconds(150), "silent as by hand, + 150 ms")
        // What is worst of twenty, of each, has more of chance in it.
        test.bounds.hold(gaps[gaps.count - 1] <= bare[bare.count - 1] + .milliseconds(500), "the worst as by hand, + 500 ms")
        test.bounds.hold(ours * 0.8 <= byHand, "all in the time by hand, + 25 %")
      }
    }

    @Test func `a host that is shut down hands over before anything is killed`() async throws {
      try await TestStage.run(count: 9, lostHosts: [Self.h2, Self.h3]) { test in
        let names = test.stage.containers(on: Self.h2)
        #expect(!names.isEmpty)
        let stop = try await test.bareRestart(on: Self.h3)
        let began = try await test.lab.shutdown(Self.h2)
        #expect(await test.moved(names, from: Self.h2, since: began))
        #expect(await test.allAnswer())
        let gaps = test.gaps(since: began).filter { gap in names.contains { test.probe.history($0).gaps.contains(gap) } }
        let last = gaps.map { $0.to - began }.max() ?? .zero
        print(
          "shut down: \(names.count) containers answer elsewhere \(seconds(last)) s later, silent for "
            + "\(gaps.map { seconds($0.length) }) s; a bare stop and start takes \(seconds(stop)) s")
        let silences = test.silences(of: names, since: began)
        #expect(silences.allSatisfy { $0 > .zero })
        test.bounds.hold(silences.allSatisfy { $0 <= stop + .milliseconds(500) }, "stop + start + 500 ms: \(gaps)")
      }
    }

    @Test func `a full cluster says what does not fit, and moves nothing`() async throws {
      try await TestStage.run(count: 6) { test in
        let folder = test.lab.workloadsFolder + "/policies"
        try write("nodes:\n  - {name: small, for: all, capacity: {memory: 80MiB}}\n", to: folder + "/small.yaml")
        let applied = try await test.lab.run(Self.h1, ["holdfast", "policy", "apply", folder, "--yes"])
        #expect(applied.succeeded, "\(applied.output)\(applied.errors)")
        let began = LabClock.now
        let answer = try await test.lab.run(Self.h1, ["holdfast", "maintenance", "enter", "h2", "--yes", "--wait"])
        print(answer.output + answer.errors)
        #expect(answer.status == 5 && (answer.output + answer.errors).contains("no other node can take"))
        try await test.wait(.seconds(2))
        #expect(test.gaps(since: began).isEmpty)
      }
    }

    @Test func `one host after the other is emptied, its services are restarted, and everything comes home`() async throws {
      try await TestStage.run(count: 9, lostHosts: [Self.h3]) { test in
        let stop = try await test.bareRestart(on: Self.h3)
        let before = test.stage.hosts(), began = LabClock.now
        let folder = test.lab.workloadsFolder + "/rolling"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Inside of a lab host nobody can restart another's services: the command asks for it, and waits.
        let command = """
          touch \(folder)/asked-$HOLDFAST_NODE
          while [ ! -e \(folder)/done-$HOLDFAST_NODE ]; do sleep 0.1; done
          """
        // A host whose daemon the command speaks to is drained from another one.
        let drain = ["holdfast", "evacuate", "--yes", "--rolling", "--settle", "3s", "--run", command]
        async let rolling = [
          test.lab.run(Self.h3, drain + ["--node", "h1", "--node", "h2"], limit: .seconds(180)),
          test.lab.run(Self.h1, drain + ["--label", "rack=c"], limit: .seconds(180))
        ]
        for host in [Self.h1, Self.h2, Self.h3] {
          let isAsked = try await eventually(.seconds(60)) { FileManager.default.fileExists(atPath: "\(folder)/asked-\(host)") }
          #expect(isAsked && test.stage.containers(on: host).isEmpty, "\(host) is empty when the command runs")
          guard isAsked else { break }
          for service in [LabService.libvirtd, .guardProcess, .daemon] { try await test.lab.service(host, service, .restart) }
          try write("", to: "\(folder)/done-\(host)")
        }
        for answer in try await rolling { #expect(answer.succeeded, "\(answer.output)\(answer.errors)") }
        #expect(await test.allAnswer())
        let gaps = test.gaps(since: began)
        print(
          "rolling: \(gaps.count) gaps, at most \(seconds(gaps.map(\.length).max() ?? .zero)) s; a bare stop and start takes "
            + "\(seconds(stop)) s")
        // libvirt loses the monitor of a new container now and then: such a one is destroyed, which takes longer than its stop.
        test.bounds.hold(gaps.allSatisfy { $0.length <= stop + .seconds(1) }, "stop + start + 1 s: \(gaps)")
        #expect(test.stage.hosts() == before, "all are home")
      }
    }
  }
}

private func write(_ text: String, to file: String) throws {
  let url = URL(fileURLWithPath: file)
  try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(text.utf8).write(to: url)
}

extension TestStage {
  /// Moves what nobody protects as an administrator would: containers are stopped and started there, machines migrate.
  fileprivate func moveByHand(_ names: [String], from: LabHost, to: LabHost, atOnce: Int) async throws {
    let one = """
      case $0 in vm*)
        exec virsh -q -c qemu:///system migrate --live --p2p --unsafe --undefinesource $0 qemu+tcp://\(to)/system ;;
      esac
      virsh -q -c lxc:///system dumpxml --inactive $0 > /run/$0.xml
      virsh -q -c lxc:///system shutdown --mode signal $0 || virsh -q -c lxc:///system destroy $0
      while virsh -q -c lxc:///system domstate $0 | grep -q running; do sleep 0.01; done
      virsh -q -c lxc+tcp://\(to)/system create /run/$0.xml
      """
    let answer = try await lab.run(
      from, ["sh", "-c", "printf '%s\\n' \(names.joined(separator: " ")) | xargs -P \(atOnce) -n 1 sh -ec \"$0\"", one],
      limit: .seconds(120))
    #expect(answer.succeeded, "\(answer.output)\(answer.errors)")
  }

  /// How long a container is silent that is stopped and started by hand on the same host.
  fileprivate func bareRestart(on host: LabHost) async throws -> Duration {
    let name = "unmanaged-\(host)", began = LabClock.now
    let script = """
      virsh -q -c lxc:///system dumpxml \(name) > /run/\(name).xml
      virsh -q -c lxc:///system shutdown --mode signal \(name) || virsh -q -c lxc:///system destroy \(name)
      while virsh -q -c lxc:///system domstate \(name) 2>&1 | grep -q running; do sleep 0.01; done
      virsh -q -c lxc:///system create /run/\(name).xml
      """
    let answer = try await lab.run(host, ["sh", "-ec", script])
    #expect(answer.succeeded, "\(answer.output)\(answer.errors)")
    #expect(await probe.wait(.seconds(10)) { $0[name]?.gaps.contains { $0.to > began } == true })
    return probe.history(name).gaps.last { $0.to > began }?.length ?? .zero
  }
}
