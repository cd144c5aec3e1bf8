import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastOperator
import Logging
import Testing

/// What `release` forgets can be brought back for a time.
@Suite struct `API: release and its undoing` {
  /// The nodes have let go: what `ClaimLine.forget` leaves.
  private static func forget(_ name: WorkloadName, wentOn node: NodeName?, _ api: APIHarness) {
    api.access.change { state in
      guard case .spec(let spec)? = state.cluster.store.entries[.spec(name)]?.value else { return }
      for key: RecordKey in [.spec(name), .intent(name), .placement(name)] { state.cluster.delete(key) }
      let left = ClaimRecord.ReleasedTo(node: node, connection: spec.connection, uuid: spec.uuid)
      state.cluster.put(.claim(name), .claim(ClaimRecord(epoch: Epoch(12), holder: nil, releasedTo: left)))
    }
  }

  private static func give(_ address: WorkloadAddress, to name: WorkloadName, _ api: APIHarness) {
    api.access.change { state in
      guard case .spec(var spec)? = state.cluster.store.entries[.spec(name)]?.value else { return }
      spec.addresses = [address]
      state.cluster.put(.spec(name), .spec(spec))
    }
  }

  private static func run(_ api: APIHarness, _ path: String) async throws -> CommandResult? {
    let answer = try await api.post("/v1/workloads/\(path)")
    if let error = answer.error { return CommandResult(path, failed: error) }
    return try answer.decoded(CommandResults.self).results.first
  }

  @Test func `what runs nowhere is defined as it was, running or stopped`() async throws {
    try await APIHarness.serving { api in
      for (name, desired) in [("cache", .stopped), ("db2", .running)] as [(WorkloadName, IntentRecord.Desired)] {
        let spec = try #require(api.access.truth.specs[name]?.value)
        let released = try await Self.run(api, "\(name)/release")
        #expect(released?.text.contains("`holdfast release --undo \(name)` brings it back for 7 days") == true)
        let early = try await Self.run(api, "\(name)/restore")
        #expect(early?.error?.kind == "conflict" && early?.error?.reason == "it is still leaving protection")
        Self.forget(name, wentOn: nil, api)
        let list: ReleasedList = try await api.get("/v1/released").decoded()
        #expect(list.released.map(\.name) == [name.text] && list.released.first?.node == nil)
        let dry = try await Self.run(api, "\(name)/restore?dryRun")
        #expect(dry?.effect == .created && api.access.truth.specs[name] == nil)
        let back = try await Self.run(api, "\(name)/restore")
        #expect(back?.effect == .created && back?.warnings == nil)
        let now = api.access.truth
        #expect(now.specs[name]?.value == spec && now.intents[name]?.value == IntentRecord(desired: desired))
        #expect(now.released.isEmpty)
        #expect(try await Self.run(api, "\(name)/restore")?.error?.reason == "it is under protection")
      }
    }
  }

  @Test func `what runs here is adopted where it runs, with what it had`() async throws {
    try await APIHarness.serving { api in
      let address = try WorkloadAddress("10.0.0.80/24", on: "br0")
      Self.give(address, to: "web1", api)
      _ = try await Self.run(api, "web1/release")
      Self.forget("web1", wentOn: "n1", api)
      api.access.change { state in
        for index in state.cluster.domains.indices where state.cluster.domains[index].id.name == "web1" {
          state.cluster.domains[index].mark = nil
        }
      }
      let back = try await Self.run(api, "web1/restore")
      #expect(back?.effect == .adopted, "\(String(describing: back))")
      #expect(api.access.truth.intents["web1"]?.value == IntentRecord(desired: .adopting, adopter: "n1"))
      #expect(api.access.truth.specs["web1"]?.value.demand == Resources(memory: 2048, cpus: 1))
      #expect(api.access.truth.specs["web1"]?.value.addresses == [address])
      #expect(api.access.truth.released.isEmpty)
    }
  }

  /// Another workload may have come to write what lies under its disks; and its definition is read anew from what runs.
  @Test(arguments: [true, false])
  func `what lies under the disks of what runs is known when it is brought back`(isWritten: Bool) async throws {
    try await APIHarness.serving { api in
      _ = try await Self.run(api, "web1/release")
      Self.forget("web1", wentOn: "n1", api)
      api.access.change { state in
        for index in state.cluster.domains.indices where state.cluster.domains[index].id.name == "web1" {
          state.cluster.domains[index].mark = nil
        }
        state.descriptions["web1"] =
          "<domain type='lxc'><devices><disk><source file='/vm/top'/><target dev='vda'/></disk></devices></domain>"
        state.underneath["web1"] = ["/vm/top": ["/vm/base"]]
        guard isWritten, case .spec(var spec)? = state.cluster.store.entries[.spec("web2")]?.value else { return }
        spec.xml = "<domain type='lxc'><devices><disk><source file='/vm/base'/></disk></devices></domain>"
        state.cluster.put(.spec("web2"), .spec(spec))
      }
      let back = try await Self.run(api, "web1/restore")
      let reason = "the image /vm/base lies under a disk of it and must not change, and it is written by the workload web2"
      #expect(back?.error?.reason == (isWritten ? reason : nil), "\(String(describing: back))")
      #expect(api.access.truth.specs["web1"]?.value.underneath == (isWritten ? nil : ["/vm/top": ["/vm/base"]]))
    }
  }

  @Test func `what has an address that another workload has got since is not brought back`() async throws {
    try await APIHarness.serving { api in
      Self.give(try WorkloadAddress("10.0.0.80/24", on: "br0"), to: "cache", api)
      _ = try await Self.run(api, "cache/release")
      Self.forget("cache", wentOn: nil, api)
      Self.give(try WorkloadAddress("10.0.0.80/16", on: "br1"), to: "db2", api)
      let back = try await Self.run(api, "cache/restore")
      #expect(back?.error?.reason == "it has the address 10.0.0.80, and so has the workload db2", "\(String(describing: back))")
      #expect(api.access.truth.specs["cache"] == nil && api.access.truth.released["cache"] != nil)
    }
  }

  @Test func `what runs on another node, or may, is not started beside itself`() async throws {
    try await APIHarness.serving { api in
      let uuid = try #require(api.access.truth.specs["mail"]?.value.uuid)
      _ = try await Self.run(api, "mail/release")
      Self.forget("mail", wentOn: "n2", api)
      api.access.change { state in
        guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
        report.unmanagedUUIDs = [uuid]
        state.cluster.put(.report("n2"), .report(report))
      }
      let there = try await Self.run(api, "mail/restore")
      #expect(there?.error?.remedy.hasPrefix("Run `holdfast release --undo mail` on n2") == true)
      api.access.change { state in
        guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
        report.unmanagedUUIDs = []
        state.cluster.put(.report("n2"), .report(report))
      }
      func reach(_ unreachable: [String: String]) {
        api.access.change { state in
          guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
          report.unreachable = unreachable
          state.cluster.put(.report("n2"), .report(report))
        }
      }
      reach(["lxc:///system": "it does not answer"])
      let deaf = try await Self.run(api, "mail/restore")
      #expect(deaf?.error?.kind == "conflict" && api.access.truth.specs["mail"] == nil)
      #expect(deaf?.error?.reason.contains("does not reach lxc:///system (it does not answer)") == true)
      reach([:])
      let off = try await Self.run(api, "mail/restore?dryRun")
      #expect(off?.effect == .created && off?.warnings?.first?.contains("virsh -c lxc:///system undefine mail") == true)
      api.access.change { $0.cluster.delete(.session("n2-7")) }
      let down = try await Self.run(api, "mail/restore")
      #expect(down?.error?.reason.contains("n2, which is down and may still run it") == true)
    }
  }

  @Test func `what last ran on a newer disk is brought back with that, and its definition on this node is kept`() async throws {
    try await APIHarness.serving { api in
      let newer = ["vda": OtherDisk(stored: "/vm/a", running: "/vm/a.snap")]
      api.access.change { state in
        guard case .claim(var claim)? = state.cluster.store.entries[.claim("web1")]?.value,
          case .spec(var spec)? = state.cluster.store.entries[.spec("web1")]?.value
        else { return }
        claim.newerDisks = newer
        spec.xml = "<domain type='lxc'><devices><disk><source file='/vm/a'/><target dev='vda'/></disk></devices></domain>"
        state.cluster.put(.claim("web1"), .claim(claim))
        state.cluster.put(.spec("web1"), .spec(spec))
      }
      _ = try await Self.run(api, "web1/release")
      Self.forget("web1", wentOn: "n1", api)
      api.access.change { state in
        state.cluster.domains.removeAll { $0.id.name == "web1" }
        state.leftovers = [LeftoverDefinition(of: "web1", disks: ["vda": "/vm/a.snap"])]
      }
      let back = try await Self.run(api, "web1/restore")
      let text = try #require(back?.text)
      #expect(back?.effect == .created && text.contains("that is refused as long as"), "\(text)")
      #expect(back?.warnings?.first?.contains("disk vda is /vm/a.snap there, and /vm/a in the workload's definition") == true)
      #expect(api.access.truth.claims["web1"]?.value.newerDisks == newer)
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.lagging == ["web1"])
    }
  }

  @Test func `on the command line`() async throws {
    try await APIHarness.serving { api in
      #expect(try await api.holdfast(["release", "--list"]).output.contains("No workload was released in the last 7 days."))
      #expect(try await api.holdfast(["release", "cache", "-y"]).status == 0)
      Self.forget("cache", wentOn: nil, api)
      let list = try await api.holdfast(["release", "--list"])
      #expect(list.status == 0 && list.output.contains("cache") && list.output.contains("nowhere"), "\(list)")
      let wrong = try await api.holdfast(["release", "--undo", "cahce", "-y"])
      #expect(wrong.status == 1 && wrong.errors.contains("Did you mean cache?") || wrong.output.contains("Did you mean cache?"))
      let back = try await api.holdfast(["release", "--undo", "c*", "-y"])
      #expect(back.status == 0 && back.output.contains("stays stopped until"), "\(back)")
      for arguments in [["release"], ["release", "--list", "cache"]] {
        #expect(try await api.holdfast(arguments).status == 2)
      }
    }
  }

  @Test func `the planner's node drops what is older than it is kept`() async throws {
    try await APIHarness.serving { api in
      let spec = try #require(api.access.truth.specs["web1"]?.value), now = APIHarness.now()
      func give(_ name: WorkloadName, days: Int64) {
        let record = ReleasedRecord(spec: spec, desired: .running, time: now - days * 86_400_000)
        api.access.change { $0.cluster.put(.released(name), .released(record)) }
      }
      for number in 0..<40 { give(WorkloadName("old\(number)"), days: 8) }
      give("young", days: 6)
      let clearance = ReleasedClearance(access: api.access, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      api.access.change { $0.cluster.put(.planner, .planner(PlannerRecord(node: "n2", incarnation: "n2-7"))) }
      await clearance.look()
      #expect(api.access.truth.released.count == 41, "another node does it")
      api.access.change { $0.cluster.put(.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-7"))) }
      await clearance.look()
      #expect(api.access.truth.released.count == 9, "a bounded number at a time")
      await clearance.look()
      #expect(api.access.truth.released.keys.map(\.text) == ["young"])
    }
  }
}
