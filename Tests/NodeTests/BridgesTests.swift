import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import Testing

/// What is told of bridges on other nodes than the one that takes a definition.
@Suite(.serialized) struct `Bridges of other hosts` {
  @Test func `are told to who defines a workload for them, as their nodes reported them`() async throws {
    let xml =
      "<domain type='lxc'><memory unit='MiB'>64</memory><devices><interface type='bridge'><source bridge='br7'/></interface></devices></domain>"
    func warnings(_ api: APIHarness, _ name: String) async throws -> [String] {
      let definition = WorkloadDefinition(
        name: name, connection: MadeUpCluster.lxc, xml: xml, demand: Resources(memory: 64, cpus: 1))
      let results: CommandResults = try await api.post("/v1/workloads", ApplyRequest(workloads: [definition])).decoded()
      return results.results.flatMap { ($0.warnings ?? []).filter { $0.contains("STP") } }
    }
    func report(_ bridges: [String: Double]?, of node: NodeName, in api: APIHarness) {
      var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
      report.slowBridges = bridges
      api.access.change { $0.cluster.put(.report(node), .report(report)) }
    }
    try await APIHarness.serving { api in
      let before = try await warnings(api, "s1")
      #expect(before.isEmpty)
      report(["br7": 30, "br8": 30], of: "n2", in: api)
      report(["br7": 40], of: "n3", in: api)
      let told = try await warnings(api, "s2")
      #expect(
        told == ["its bridge br7 on n2 uses STP: after a start, or a thaw, it answers nobody for 30 s"], "n3 is down")
      report(["br8": 30], of: "n2", in: api)
      let others = try await warnings(api, "s3")
      #expect(others.isEmpty)
    }
  }
}

/// Bridges with STP, as the kernel shows them.
@Suite struct `Bridges of this host` {
  /// A directory like /sys/class/net, for as long as `body` runs.
  private func withDevices(_ body: (Bridges) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "bridges-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (name, stp, delay) in [("br0", "1", "1500"), ("br1", "0", "1500"), ("virbr0", "1", "200"), ("br3", "x", "1500")] {
      let directory = root.appending(path: "\(name)/bridge")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data("\(stp)\n".utf8).write(to: directory.appending(path: "stp_state"))
      try Data("\(delay)\n".utf8).write(to: directory.appending(path: "forward_delay"))
    }
    for (link, bridge) in [("vnet0", "br0"), ("vnet1", "br1"), ("vnet2", "br0")] {
      let port = root.appending(path: "\(link)/brport")
      try FileManager.default.createDirectory(at: port, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: port.appending(path: "bridge").path, withDestinationPath: "../../\(bridge)")
    }
    try body(Bridges(root: root.path))
  }

  @Test(
    arguments: [
      ("br0", .seconds(30)), ("br1", nil), ("virbr0", .seconds(4)), ("br3", nil), ("none", nil), ("vnet0", nil),
      ("../br0", nil),
      ("", nil), (String(repeating: "x", count: 300), nil)
    ] as [(String, Duration?)]) func `are silent for twice their forward delay, where they use STP`(
      name: String, silence: Duration?
    ) throws
  {
    try withDevices { #expect($0.silence(of: name) == silence) }
  }

  @Test func `are found by their ports, and told of once, where it matters`() throws {
    try withDevices { bridges in
      #expect(bridges.bridge(of: "vnet0") == "br0" && bridges.bridge(of: "br0") == nil && bridges.bridge(of: "gone") == nil)
      let flaws = bridges.flaws(links: ["vnet0", "vnet1", "vnet2", "gone"])
      #expect(flaws.map(\.code) == [NodeFlaw.slowBridge] && flaws[0].text.contains("br0") && flaws[0].text.contains("30 s"))
      #expect(bridges.warnings(links: ["vnet1"], bridges: ["virbr0", "none"]).isEmpty)
      #expect(bridges.warnings(links: ["vnet0"], bridges: ["br0"]).count == 1)
      #expect(bridges.slow == ["br0": 30], "whether or not anything is on them")
    }
  }
}
