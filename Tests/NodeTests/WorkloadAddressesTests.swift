import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastYAML
import Testing

/// What files, diffs, the daemon's door and screens make of a workload's addresses.
@Suite struct `Addresses of a workload` {
  private static let xml = "<domain type='lxc'><memory>1</memory></domain>"

  private static func every() throws -> [WorkloadAddress] {
    [
      try WorkloadAddress("10.0.0.80/24", on: "br0"), try WorkloadAddress("fd00:77::80/64", on: "br0"),
      try WorkloadAddress("192.0.2.7/32", on: "123")
    ]
  }

  private static func definition(_ addresses: [WorkloadAddress]) -> WorkloadDefinition {
    WorkloadDefinition(
      name: "web1", connection: "lxc:///system", xml: xml, demand: Resources(memory: 1, cpus: 1), addresses: addresses)
  }

  private func read(_ addresses: String) throws -> [WorkloadAddress] {
    let text = "workloads:\n  - name: web1\n    xml: \"\(Self.xml)\"\n    addresses:\n\(addresses)"
    return try #require(try WorkloadFile.parse(text: text, file: "w.yaml").first).addresses ?? []
  }

  @Test func `are written to files as they are read from them`() throws {
    let definitions = [Self.definition(try Self.every())]
    let text = try WorkloadFile.text(of: definitions, file: "x.yaml")
    #expect(try WorkloadFile.parse(text: text, file: "x.yaml") == definitions, "\(text)")
    #expect(try !WorkloadFile.text(of: [Self.definition([])], file: "x.yaml").contains("addresses"))
  }

  @Test func `are read in every form, and kept in one`() throws {
    #expect(
      try read(
        "      - {address: 10.0.0.80/24, interface: br0}\n      - address: FD00:0077:0::0080/64\n        interface: br0\n")
        == Array(Self.every().prefix(2)))
    #expect(try read("      []\n").isEmpty)
  }

  @Test func `go to the daemon and come back`() throws {
    let definition = Self.definition(try Self.every())
    let bytes = try JSONEncoder().encode(definition)
    #expect(try JSONDecoder().decode(WorkloadDefinition.self, from: bytes) == definition)
    let spec = try definition.spec(cluster: "t", present: nil)
    #expect(spec.addresses == definition.addresses)
    #expect(WorkloadDefinition("web1", spec).addresses == definition.addresses)
    // One that says nothing of them has the form that it always had.
    #expect(!String(decoding: try JSONEncoder().encode(Self.definition([])), as: UTF8.self).contains("addresses"))
  }

  /// A definition need not come from a file.
  @Test(arguments: [
    ("127.0.0.1/8", "br0", "the address 127.0.0.1/8 on br0 is a loopback address"),
    ("10.0.0.0/24", "br0", "is its network's own"),
    ("10.0.0.80/33", "br0", "has no prefix length from 1 to 32"), ("10.0.0.81/24", "br/0", "names no possible interface"),
    ("10.0.0.80/16", "br1", "the address 10.0.0.80 is there twice")
  ])
  func `that no workload can have are refused`(text: String, interface: String, words: String) throws {
    let addresses = [try WorkloadAddress("10.0.0.80/24", on: "br0"), try WorkloadAddress(text, on: interface)]
    let error = try #require(throws: OperatorError.self) {
      try Self.definition(addresses).spec(cluster: "t", present: nil)
    }
    #expect(error.kind == .invalid && error.reason.contains(words) && !error.remedy.isEmpty, "\(error)")
  }

  @Test func `are compared one by one`() throws {
    var changed = try Self.every()
    changed[1].prefixLength = 48
    changed.removeLast()
    let old = try Self.definition(Self.every()).spec(cluster: "t", present: nil)
    let new = try Self.definition(changed).spec(cluster: "t", present: nil)
    let lines = DefinitionDiff(from: old, to: new).lines.filter { $0.hasPrefix("+") || $0.hasPrefix("-") }
    #expect(
      lines.sorted() == [
        "+address: fd00:77::80/48 on br0", "-address: 192.0.2.7/32 on 123", "-address: fd00:77::80/64 on br0"
      ], "\(lines)")
  }

  /// Every example of the document, as the addresses of one workload.
  @Test func `of the document can be used`() throws {
    let page = try repositoryFile("Docs/workloads.md")
    let part = try #require(page.components(separatedBy: "\n## Addresses\n").dropFirst().first)
    let example = try #require(part.components(separatedBy: "```yaml\n").dropFirst().first).components(separatedBy: "\n```")[0]
    let list = try #require(example.range(of: "addresses:\n")).upperBound
    #expect(try read(String(example[list...]) + "\n").map(\.interface) == ["br0", "br0"], "\(example)")
  }

  @Test func `are told by the screen and the API`() async throws {
    try await APIHarness.serving { api in
      let run = try await api.holdfast(["workload", "web2"])
      let text = run.output.replacing(#/\s+/#, with: " ")
      #expect(
        run.status == 0 && text.contains("addresses 10.77.0.80/24 on br0: up on n2 fd00:77::80/64 on br0: up on n2 "), "\(run)")
      let detail: WorkloadDetail = try await api.get("/v1/workloads/web2").decoded()
      #expect(detail.workload.addresses == MadeUpCluster.addresses)
      let other: WorkloadDetail = try await api.get("/v1/workloads/web1").decoded()
      #expect(other.workload.addresses == nil)
      #expect(try await !api.holdfast(["workload", "web1"]).output.contains("addresses"))
    }
  }

  @Test func `that are not up are told with the reason, and degrade the cluster`() async throws {
    try await APIHarness.serving { api in
      let (first, second) = (MadeUpCluster.addresses[0].address, MadeUpCluster.addresses[1].address)
      api.access.change { state in
        var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
        report.addresses = [
          "web2": [
            AddressTrouble(first, takenBy: "52:54:00:00:00:01", reason: "52:54:00:00:00:01 answers for it on br0"),
            AddressTrouble(second, reason: "the guard has not raised it on br0")
          ]
        ]
        state.cluster.put(.report("n2"), .report(report))
      }
      let text = try await api.holdfast(["workload", "web2"]).output.replacing(#/\s+/#, with: " ")
      #expect(text.contains("10.77.0.80/24 on br0: waiting, taken by 52:54:00:00:00:01 "), "\(text)")
      #expect(text.contains("fd00:77::80/64 on br0: not up, the guard has not raised it on br0 "), "\(text)")
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.withoutAddress == ["web2"] && status.counts.withoutAddress == 1 && status.health != .ok)
      #expect(status.reasons.contains { $0.hasPrefix("web2 runs without an address (web2: 10.77.0.80, ") }, "\(status.reasons)")
      #expect(status.next.contains { $0.command == "holdfast workload web2" })
    }
  }

  @Test func `that are none are refused by their place`() async throws {
    try await APIHarness.serving { api in
      func refusal(_ address: String) async throws -> String? {
        let body =
          #"{"workloads":[{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1},"#
          + #""addresses":[\#(address)]}]}"#
        return try await api.post("/v1/workloads", raw: Data(body.utf8)).error?.reason
      }
      let misspelled = try await refusal(#"{"address":"10.0.0.080","prefixLength":24,"interface":"br0"}"#)
      #expect(
        misspelled
          == "the field 'workloads[0].addresses[0].address' has a value that cannot be: a number in it begins with 0")
      let bare = try await refusal(#"{"address":"10.0.0.80","interface":"br0"}"#)
      #expect(bare == "the field 'workloads[0].addresses[0].prefixLength' is missing")
    }
  }
}
