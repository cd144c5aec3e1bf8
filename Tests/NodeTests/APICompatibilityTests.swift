import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastOperator
import Testing

/// What people are told of nodes that cannot run a workload as it is defined.
@Suite(.serialized) struct `API: what nodes cannot run` {
  private static let qemu = "qemu:///system"
  private static let why = Incompatibility(.machine, "pc-q35-9.2")

  private static func xml(_ machine: String, memory: Int = 64) -> String {
    "<domain type='kvm'><memory unit='MiB'>\(memory)</memory><os><type arch='x86_64' machine='\(machine)'>hvm</type></os></domain>"
  }

  private static func definition(_ name: String, _ xml: String) -> WorkloadDefinition {
    WorkloadDefinition(name: name, connection: qemu, xml: xml, demand: Resources(memory: 64, cpus: 1))
  }

  /// n2 has said that it cannot run these.
  private static func cannot(_ names: [WorkloadName], on node: NodeName = "n2", in state: inout TestAccess.State) {
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.incompatible = [IncompatibleWorkloads(why, names)]
    state.cluster.put(.report(node), .report(report))
  }

  private func apply(_ api: APIHarness, _ definitions: [WorkloadDefinition]) async throws -> [[String]] {
    let answer = try await api.post("/v1/workloads", ApplyRequest(workloads: definitions))
    let results: CommandResults = try answer.decoded()
    return results.results.map { ($0.warnings ?? []).filter { $0.contains("cannot run it") } }
  }

  @Test func `apply warns of this node as it is now, and of others by what they said of the same machine`() async throws {
    try await APIHarness.serving { api in
      #expect(try await apply(api, [Self.definition("vm1", Self.xml("pc-q35-9.2"))]) == [[]])
      api.access.change {
        $0.incompatible = ["vm2": Self.why, "vm3": Self.why]
        Self.cannot(["vm1"], in: &$0)
      }
      let warnings = try await apply(
        api,
        [
          Self.definition("vm2", Self.xml("pc-q35-9.2", memory: 128)), Self.definition("vm3", Self.xml("pc-q35-8.0")),
          Self.definition("vm4", Self.xml("pc-q35-8.0"))
        ])
      let words = "cannot run it: its QEMU does not know the machine type pc-q35-9.2. Next: upgrade QEMU there"
      #expect(warnings.map(\.count) == [2, 1, 0], "\(warnings)")
      #expect(warnings[0].map { String($0.prefix(3 + words.count)) } == ["n1 \(words)", "n2 \(words)"])
      #expect(warnings[1].first?.hasPrefix("n1 ") == true)
      // Defined as it was, what was said of it holds; with another machine it is another question.
      #expect(try await apply(api, [Self.definition("vm1", Self.xml("pc-q35-9.2"))])[0].first?.hasPrefix("n2 ") == true)
      #expect(try await apply(api, [Self.definition("vm1", Self.xml("pc"))]) == [[]])
      // What a node that is down said last is no warning.
      api.access.change {
        Self.cannot([], in: &$0)
        Self.cannot(["vm2"], on: "n3", in: &$0)
        $0.incompatible = [:]
      }
      #expect(try await apply(api, [Self.definition("vm2", Self.xml("pc-q35-9.2", memory: 128))]) == [[]])
    }
  }

  @Test func `status, nodes and the workload tell which node cannot run what`() async throws {
    try await APIHarness.serving { api in
      api.access.change { Self.cannot(["web1", "web2"], in: &$0) }
      let words = "cannot run web1 and web2: its QEMU does not know the machine type pc-q35-9.2"
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.warnings.contains("Node n2 \(words)"), "\(status.warnings)")
      #expect(!status.reasons.contains { $0.contains("machine type") }, "it is no trouble as long as another node can")
      let nodes: NodeList = try await api.get("/v1/nodes").decoded()
      #expect(nodes.nodes.map { $0.incompatible?.map(\.kind) } == [nil, ["machine"], nil])
      let detail: WorkloadDetail = try await api.get("/v1/workloads/web1").decoded()
      #expect(detail.workload.incompatibleNodes?.keys.sorted() == ["n2"])

      for (command, text) in [
        (["status"], "n2 cannot run web1 and web2"), (["nodes"], "Next: upgrade QEMU there"),
        (["workload", "web1"], "on n2: its QEMU does not know the machine type pc-q35-9.2")
      ] {
        let screen = try await api.holdfast(command)
        // Long lines are wrapped.
        let flat = screen.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(flat.contains(text), "\(screen.output)")
      }
    }
  }

  @Test func `the workload tells why it would probably not be moved live`() async throws {
    try await APIHarness.serving { api in
      let xml =
        "<domain type='kvm'><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>"
        + "<filesystem type='mount'><source dir='/srv/www'/></filesystem></devices></domain>"
      _ = try await apply(api, [Self.definition("vm1", xml)])
      api.access.change {
        for node in ["n1", "n2"] as [NodeName] {
          $0.cluster.put(
            .node(node),
            .node(
              NodeRecord(
                capacity: Resources(memory: 4096, cpus: 4), labels: [:], connections: [Self.qemu],
                migration: [Self.qemu: "qemu+tls://\(node)/system"], version: "1")))
        }
        $0.cluster.put(
          .claim("vm1"),
          .claim(ClaimRecord(epoch: Epoch(1), holder: .init(node: "n1", incarnation: "n1-1"), activity: .running)))
      }
      let detail: WorkloadDetail = try await api.get("/v1/workloads/vm1").decoded()
      #expect(detail.notLive == "it has a directory of its host (/srv/www)")
      let screen = try await api.holdfast(["workload", "vm1"])
      #expect(screen.output.contains("would probably not be live: it has a directory of its host (/srv/www)"), "\(screen)")
    }
  }
}
