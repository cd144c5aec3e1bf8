import Foundation
import Glibc
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastYAML
import Subprocess
import Testing

/// Definitions can be got out, and brought back.
@Suite(.serialized) struct `API: definitions as files` {
  static let xml: [String] = [
    "<domain type='lxc'>\n  <name>x</name>\n  <memory unit='MiB'>64</memory>\n</domain>\n",
    "<domain type='lxc'><memory>1</memory></domain>", "  <domain type='lxc'>\n<memory>1</memory>\n</domain>\n\n",
    "\n<domain type='lxc'>\t<memory>1</memory> \n</domain>",
    "<!-- é: \"quoted\" & '#' -->\n<domain type='lxc'><memory>1</memory></domain>"
  ]

  @Test(arguments: xml) func `a file says what the definition says, byte for byte`(xml: String) throws {
    let definition = WorkloadDefinition(
      name: "007", connection: "lxc:///system", uuid: "7682fb7b-a106-5188-91a3-f7913c566ba0", xml: xml,
      demand: Resources(memory: 1536, cpus: 0.125), labels: ["tier": "yes", "1": "0x10"],
      priority: -3, isolation: .stop, stopTimeout: 0.5, shared: ["52:54:00:00:00:01", "/srv/it's: #1", "rbd:vms/db1"])
    let text = try WorkloadFile.text(of: [definition], file: "x.yaml")
    #expect(try WorkloadFile.parse(text: text, file: "x.yaml") == [definition], "\(text)")
  }

  @Test func `what a file cannot say is an error, not a loss`() {
    let odd = WorkloadDefinition(
      name: "x", connection: "lxc:///system", xml: "<domain type='lxc'><memory>1</memory></domain>",
      demand: Resources(memory: 1, cpus: 1.0 / 3))
    #expect(throws: WorkloadFileErrors.self) { try WorkloadFile.text(of: [odd], file: "x.yaml") }
  }

  @Test func `a UUID can be given beside the XML, and must be the XML's`() throws {
    func read(_ uuid: String, _ own: String) throws -> String? {
      let text = "workloads: [{name: x, uuid: \(uuid), xml: \"<domain type='lxc'>\(own)<memory>1</memory></domain>\"}]"
      return try WorkloadFile.parse(text: text, file: "x.yaml").first?.uuid
    }
    let uuid = "7682fb7b-a106-5188-91a3-f7913c566ba0"
    #expect(try read(uuid.uppercased(), "") == uuid)
    #expect(try read(uuid, "<uuid>\(uuid)</uuid>") == uuid)
    #expect(throws: WorkloadFileErrors.self) { try read("7682fb7b-a106-5188-91a3-f7913c566ba1", "<uuid>\(uuid)</uuid>") }
    #expect(throws: WorkloadFileErrors.self) { try read("web1", "") }
  }

  private static func give(_ api: APIHarness) {
    api.access.change { state in
      for (name, spec) in state.cluster.store.entries.compactMap({ key, entry -> (WorkloadName, SpecRecord)? in
        if case (.spec(let name), .spec(let spec)) = (key, entry.value) { (name, spec) } else { nil }
      }) {
        var spec = spec
        let type = spec.connection == MadeUpCluster.qemu ? "kvm" : "lxc"
        spec.xml = "<domain type='\(type)'>\n  <name>\(name)</name>\n  <memory unit='MiB'>64</memory>\n</domain>\n"
        spec.labels = ["tier": "gold"]
        state.cluster.put(.spec(name), .spec(spec))
      }
      state.cluster.put(
        .policies,
        .policies(PoliciesRecord(files: ["b.yaml", "a.yaml"].map { PolicyText(file: $0, text: "# \($0)\nworkloads: []\n") })))
    }
  }

  @Test func `export writes all of them, and apply finds nothing to change`() async throws {
    try await APIHarness.serving { api in
      Self.give(api)
      let folder = (api.socket as NSString).deletingLastPathComponent + "/out"
      let run = try await api.holdfast(["export", folder])
      #expect(run.status == 0 && run.output.contains("9 workloads and 2 policy files are in \(folder)."), "\(run)")
      // Not in the order of their names.
      #expect(
        run.output.contains("holdfast policy apply \(folder)/policies/b.yaml \(folder)/policies/a.yaml"), "\(run)")
      #expect(try String(contentsOfFile: "\(folder)/policies/b.yaml", encoding: .utf8) == "# b.yaml\nworkloads: []\n")
      var file = stat()
      #expect(stat("\(folder)/workloads/db1.yaml", &file) == 0 && file.st_mode & 0o777 == 0o600)

      let before = api.access.truth
      let again = try await api.holdfast(["apply", "-f", "\(folder)/workloads", "-o", "json"])
      let results: CommandResults = try again.decoded()
      #expect(results.results.count == 9 && results.results.allSatisfy { $0.effect == .unchanged }, "\(again)")
      #expect(api.access.truth.revision == before.revision)

      let over = try await api.holdfast(["export", folder])
      #expect(over.status == 1 && over.errors.contains("the directory is not empty"), "\(over)")
    }
  }

  @Test(
    arguments: [
      (
        "workloads: [{name: a, xml: \"<domain type='lxc'><memory>1</memory></domain>\"}]", 0,
        "1 workload in 1 file, no mistakes"
      ),
      ("workloads: [{name: a, memory: lots, xml: \"<domain type='lxc'/>\"}]", 1, "found 'lots'"),
      (
        "workloads: [{name: a, xml: \"<domain type='lxc'><memory>1</memory><graphics passwd='********'/></domain>\"}]", 1,
        "the mask ********"
      )
    ] as [(String, Int32, String)]) func `files are checked without a daemon`(text: String, status: Int32, words: String)
    async throws
  {
    let file = "/tmp/hf-check-\(UInt32.random(in: 0 ... .max)).yaml"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: file) }
    let run = try await APIHarness.run(
      ["\(APIHarness.programs)/holdfast", "apply", "--check", "-f", file], environment: ["HOLDFAST_SOCKET": "/nonexistent"])
    #expect(run.status == status && (run.output + run.errors).contains(words), "\(run)")
  }

  @Test func `standard output and standard input are files too`() async throws {
    try await APIHarness.serving { api in
      Self.give(api)
      let program = "\(APIHarness.programs)/holdfast"
      let copy = api.socket + ".yaml"
      let out = try await APIHarness.run(
        ["sh", "-c", "'\(program)' export >'\(copy)'"], environment: ["HOLDFAST_SOCKET": api.socket])
      #expect(out.status == 0 && out.errors.contains("2 policy files are not among this"), "\(out)")
      api.access.change { $0.cluster.delete(.spec("cache")) }
      let back = try await APIHarness.run(
        ["sh", "-c", "'\(program)' apply -f - --yes <'\(copy)'"], environment: ["HOLDFAST_SOCKET": api.socket])
      #expect(back.status == 0 && back.output.contains("cache   is created"), "\(back)")
      #expect(api.access.truth.specs["cache"]?.value.labels == ["tier": "gold"])
      let empty = try await api.holdfast(["apply", "-f", (api.socket as NSString).deletingLastPathComponent + "/none", "--yes"])
      #expect(empty.status == 1 && empty.errors.contains("no such file"), "\(empty)")
    }
  }

  @Test func `prune releases what has the label and is in no file, and nothing while a file is refused`() async throws {
    try await APIHarness.serving { api in
      Self.give(api)
      let folder = (api.socket as NSString).deletingLastPathComponent + "/pruned"
      #expect(try await api.holdfast(["export", folder]).status == 0)
      let files = "\(folder)/workloads", prune = ["apply", "-f", files, "--prune", "--selector"]
      for name in ["web3", "cache"] { try FileManager.default.removeItem(atPath: "\(files)/\(name).yaml") }
      // What has another label is nobody's to release.
      api.access.change { state in
        guard case .spec(var spec)? = state.cluster.store.entries[.spec("cache")]?.value else { return }
        spec.labels = ["tier": "silver"]
        state.cluster.put(.spec("cache"), .spec(spec))
      }
      let before = api.access.truth.revision

      let dry = try await api.holdfast(prune + ["tier=gold", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("web3    leaves protection"), "\(dry)")
      #expect(!dry.output.contains("cache"), "\(dry)")
      let unasked = try await api.holdfast(prune + ["tier=gold"])
      #expect(unasked.status == 2 && unasked.errors.contains("--yes"), "\(unasked)")
      let other = try await api.holdfast(prune + ["tier=silver", "-y"])
      #expect(other.status == 1 && other.errors.contains("has not the label tier=silver"), "\(other)")
      for wrong in [["apply", "-f", files, "--prune"], ["apply", "-f", files, "--selector", "tier=gold"]] {
        #expect(try await api.holdfast(wrong).status == 2)
      }
      #expect(api.access.truth.revision == before)

      // It is cache by its UUID.
      let bad = files + "/bad.yaml", uuid = NameUUID.derived(cluster: "prod", workload: "cache")
      let text = """
        workloads:
          - {name: bad, uuid: \(uuid), labels: {tier: gold}, xml: "<domain type='lxc'><memory unit='MiB'>64</memory></domain>"}

        """
      try text.write(toFile: bad, atomically: false, encoding: .utf8)
      let half = try await api.holdfast(prune + ["tier=gold", "-y"])
      #expect(half.status == 1 && half.errors.contains("nothing was released"), "\(half)")
      #expect(api.access.truth.intents["web3"]?.value.desired == .running)

      try FileManager.default.removeItem(atPath: bad)
      let done = try await api.holdfast(prune + ["tier=gold", "-y"])
      #expect(done.status == 0, "\(done)")
      #expect(api.access.truth.intents["web3"]?.value.desired == .unprotected)
      #expect(api.access.truth.released["web3"] != nil && api.access.truth.intents["cache"]?.value.desired == .stopped)
    }
  }
}
