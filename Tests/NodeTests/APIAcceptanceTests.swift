import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Testing

/// What a definition says otherwise, and which holds.
@Suite(.serialized) struct `API: definitions and what runs` {
  @Test func `what runs is taken over as the definition, after it was shown`() async throws {
    try await APIHarness.serving { api in
      let before = try #require(api.access.truth.specs["web1"]?.value)
      let dry = try await api.holdfast(["accept", "web1", "--running", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("web1  is defined as it runs on n1"), "\(dry)")
      #expect(dry.output.contains("+  <uuid>\(before.uuid)</uuid>"), "\(dry)")
      #expect(api.access.truth.specs["web1"]?.value == before)
      let asked = try await api.holdfast(["accept", "web1", "--running"])
      #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
      let done = try await api.holdfast(["accept", "web1", "--running", "--yes", "-o", "json"])
      let result = try #require(try done.decoded(CommandResults.self).results.first)
      #expect(done.status == 0 && result.effect == .changed && result.fields == ["xml"], "\(done)")
      let after = try #require(api.access.truth.specs["web1"]?.value)
      #expect(after.xml.contains(before.uuid) && after.demand == before.demand)
      #expect(await api.access.history(limit: 1, workload: "web1").first?.note.kind == .defined)
      let again = try await api.holdfast(["accept", "web1", "--running", "--yes"])
      #expect(again.status == 0 && again.output.contains("is defined as it runs already"), "\(again)")
    }
  }

  @Test func `a disk that was plugged in and that another workload names is not taken over`() async throws {
    try await APIHarness.serving { api in
      let uuid = try #require(api.access.truth.specs["web1"]?.value.uuid)
      func disk(_ path: String, _ uuid: String) -> String {
        "<domain type='lxc'><name>x</name><uuid>\(uuid)</uuid><devices><disk><source file='\(path)'/></disk></devices></domain>"
      }
      api.access.change { state in
        state.descriptions = ["web1": disk("/srv/a.img", uuid)]
        guard case .spec(var spec)? = state.cluster.store.entries[.spec("web2")]?.value else { return }
        spec.xml = disk("/srv/a.img", spec.uuid)
        state.cluster.put(.spec("web2"), .spec(spec))
      }
      let before = try #require(api.access.truth.specs["web1"]?.value)
      for arguments in [["--dry-run"], ["--yes"]] {
        let run = try await api.holdfast(["accept", "web1", "--running"] + arguments)
        #expect(run.status == 1, "\(run)")
        #expect((run.output + run.errors).contains("it writes the disk /srv/a.img, and so does the workload web2"), "\(run)")
      }
      #expect(api.access.truth.specs["web1"]?.value == before)
      api.access.change { $0.descriptions = ["web1": disk("/srv/b.img", uuid)] }
      #expect(try await api.holdfast(["accept", "web1", "--running", "--yes"]).status == 0)
      #expect(api.access.truth.specs["web1"]?.value.xml.contains("/srv/b.img") == true)
    }
  }

  /// As after an external snapshot, and after that was committed back.
  @Test func `the image under a disk that was taken over may not be written by another workload, until it is no more there`()
    async throws
  {
    try await APIHarness.serving { api in
      let uuid = try #require(api.access.truth.specs["web1"]?.value.uuid)
      func accept(_ path: String, over images: [String: [String]]) async throws {
        api.access.change { state in
          state.descriptions["web1"] =
            "<domain type='lxc'><name>web1</name><uuid>\(uuid)</uuid><devices><disk><source file='\(path)'/><target dev='vda'/></disk>"
            + "</devices></domain>"
          state.underneath["web1"] = images
        }
        let run = try await api.holdfast(["accept", "web1", "--running", "--yes"])
        #expect(run.status == 0, "\(run)")
      }
      func reason(_ path: String) async throws -> String? {
        let definition = WorkloadDefinition(
          name: "under", connection: MadeUpCluster.lxc,
          xml: "<domain type='lxc'><devices><disk><source file='\(path)'/></disk></devices></domain>",
          demand: Resources(memory: 64, cpus: 1))
        let results: CommandResults = try await api.post(
          "/v1/workloads?dryRun=true", ApplyRequest(workloads: [definition])
        ).decoded()
        return results.results.first?.error?.reason
      }
      try await accept("/srv/a.snap", over: ["/srv/a.snap": ["/srv/a.img"]])
      #expect(try await reason("/srv/a.img") == "it writes the disk /srv/a.img, which lies under a disk of the workload web1")
      try await accept("/srv/a.img", over: [:])
      #expect(try await reason("/srv/a.img") == "it writes the disk /srv/a.img, and so does the workload web1")
      #expect(try await reason("/srv/a.snap") == nil)
    }
  }

  @Test(arguments: [
    (["web2", "--running"], "On n2: `holdfast accept web2 --running`"), (["cache", "--running"], "no node holds it"),
    (["web1", "--stored"], "is not known to have run on other disks")
  ])
  func `what cannot be taken over says why, and where it can`(arguments: [String], words: String) async throws {
    try await APIHarness.serving { api in
      let revision = api.access.truth.revision
      let run = try await api.holdfast(["accept"] + arguments + ["--yes"])
      #expect((run.output + run.errors).contains(words), "\(run)")
      #expect(api.access.truth.revision == revision)
    }
  }

  @Test func `one of the two has to be said`() async throws {
    try await APIHarness.serving { api in
      let neither = try await api.holdfast(["accept", "web1"])
      let both = try await api.holdfast(["accept", "web1", "--running", "--stored"])
      #expect(neither.status == 2 && both.status == 2)
    }
  }

  @Test func `a workload that last ran on a newer disk says so on its screen, and is started when somebody agrees`()
    async throws
  {
    try await APIHarness.serving { api in
      api.access.change { state in
        var claim = ClaimRecord(epoch: Epoch(3), holder: nil, failures: ["n1": .init(count: 1, reason: "older")])
        claim.newerDisks = ["vda": OtherDisk(stored: "/vm/a", running: "/vm/a.snap")]
        state.cluster.put(.claim("db2"), .claim(claim))
        var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
        report.differing = ["web1": [HardwareDifference("memory", stored: "64 MiB", running: "128 MiB")]]
        state.cluster.put(.report("n1"), .report(report))
      }
      let screen = try await api.holdfast(["workload", "db2"])
      for words in ["it last ran on /vm/a.snap, and its definition names /vm/a", "holdfast accept db2 --stored"] {
        #expect(screen.output.replacing(/\s+/, with: " ").contains(words), "\(screen)")
      }
      let differs = try await api.holdfast(["workload", "web1"])
      #expect(differs.output.contains("memory: 128 MiB now, 64 MiB in the definition"), "\(differs)")
      #expect(try await api.holdfast(["workloads"]).output.contains("differs from its definition"))
      let status: ClusterStatus = try await api.holdfast(["status", "-o", "json"]).decoded()
      #expect(status.lagging == ["db2"] && status.differing == ["web1"] && status.counts.differing == 1)

      let dry = try await api.holdfast(["accept", "db2", "--stored", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("disk vda from /vm/a, not /vm/a.snap"), "\(dry)")
      #expect(try await api.holdfast(["accept", "db2", "--stored", "--yes"]).status == 0)
      #expect(api.access.truth.claims["db2"]?.value.newerDisks == nil)
    }
  }

  @Test func `apply shows what changes, line by line, and no password`() async throws {
    try await APIHarness.serving { api in
      let file = api.socket + ".yaml"
      func write(_ memory: Int, _ password: String) throws {
        let text = """
          workloads:
            - name: web1
              memory: \(memory)
              xml: "<domain type='lxc'><name>web1</name><devices><graphics type='vnc' passwd='\(password)'/></devices></domain>"

          """
        try text.write(toFile: file, atomically: false, encoding: .utf8)
      }
      try write(4096, "tulip")
      let dry = try await api.holdfast(["apply", "-f", file, "--diff", "--dry-run"])
      #expect(dry.status == 0, "\(dry)")
      for line in ["-memory: 2048 MiB", "+memory: 4096 MiB", "+    <graphics passwd='(hidden 1)' type='vnc'/>", "@@ "] {
        #expect(dry.output.contains(line), "\(line) is missing in \(dry)")
      }
      #expect(!dry.output.contains("tulip"))
      let plain = try await api.holdfast(["apply", "-f", file, "--yes"])
      #expect(plain.status == 0 && !plain.output.contains("@@"), "\(plain)")

      try write(4096, "rose")
      let json: CommandResults = try await api.holdfast(["apply", "-f", file, "--diff", "--yes", "-o", "json"]).decoded()
      let diff = try #require(json.results.first?.diff)
      #expect(diff.contains { $0.hasPrefix("-") && $0.contains("(hidden 1)") }, "\(diff)")
      #expect(diff.contains { $0.hasPrefix("+") && $0.contains("(hidden 2)") }, "\(diff)")
      #expect(!diff.joined().contains("rose"))
    }
  }
}
