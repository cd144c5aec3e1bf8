import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastOperator
import Testing

/// What two workloads would have at the same time, and what an adoption would lose.
@Suite(.serialized) struct `API: what workloads have to themselves` {
  private static func disk(_ path: String, _ more: String = "") -> String {
    "<domain type='lxc'><devices><disk><source file='\(path)'/>\(more)</disk></devices></domain>"
  }

  private static func definition(_ name: String, _ xml: String, priority: Int = 0, shared: [String] = []) -> WorkloadDefinition
  {
    WorkloadDefinition(
      name: name, connection: MadeUpCluster.lxc, xml: xml, demand: Resources(memory: 64, cpus: 1), priority: priority,
      shared: shared)
  }

  private func apply(
    _ api: APIHarness, _ definitions: [WorkloadDefinition], dry: Bool = false
  ) async throws -> CommandResults {
    try await api.post("/v1/workloads\(dry ? "?dryRun=true" : "")", ApplyRequest(workloads: definitions)).decoded()
  }

  @Test func `a disk that another workload writes is refused, within one file and later`() async throws {
    try await APIHarness.serving { api in
      let pair = [Self.definition("one", Self.disk("/srv/a.img")), Self.definition("two", Self.disk("/srv/a.img"))]
      let dry = try await apply(api, pair, dry: true)
      #expect(dry.results.map(\.effect) == [.created, .failed])
      let done = try await apply(api, pair)
      #expect(done.results.map(\.effect) == [.created, .failed])
      #expect(done.results[1].error?.reason == "it writes the disk /srv/a.img, and so does the workload one")
      #expect(api.access.truth.specs["two"] == nil)

      let later = try await apply(api, [Self.definition("three", Self.disk("/srv//a.img"))])
      #expect(later.results.map(\.effect) == [.failed])
      let read = try await apply(api, [Self.definition("three", Self.disk("/srv/a.img", "<readonly/>"))])
      #expect(read.results.map(\.effect) == [.created])
      // To write it now is a change of the kind that is looked at; of its priority it is not.
      let written = try await apply(api, [Self.definition("three", Self.disk("/srv/a.img"))])
      #expect(written.results.map(\.effect) == [.failed])
    }
  }

  @Test func `of two operators at once the second is refused what the first has, and goes on with what nobody has`()
    async throws
  {
    try await APIHarness.serving { api in
      /// Somebody else's command, as it is committed on another node a moment before this one.
      func rival(_ name: WorkloadName, _ path: String) -> ClusterTransaction {
        let spec = SpecRecord(
          connection: MadeUpCluster.lxc, uuid: NameUUID.derived(cluster: "prod", workload: name), xml: Self.disk(path),
          demand: Resources(memory: 64, cpus: 1), labels: [:], priority: 0, isolation: .freeze, stopTimeout: 30)
        return ClusterTransaction(
          if: [],
          write: [
            .put(.spec(name), .spec(spec)), .put(.intent(name), .intent(IntentRecord(desired: .running))),
            .put(.definitions, .definitions(DefinitionsRecord(last: name)))
          ])
      }
      api.access.change { $0.rival = rival("faster", "/srv/a.img") }
      let refused = try await apply(api, [Self.definition("one", Self.disk("/srv/a.img"))])
      #expect(refused.results.map(\.error?.reason) == ["it writes the disk /srv/a.img, and so does the workload faster"])
      #expect(api.access.truth.specs["one"] == nil && api.access.truth.definitions?.value.last == "faster")

      api.access.change { $0.rival = rival("other", "/srv/b.img") }
      let pair = [Self.definition("one", Self.disk("/srv/c.img")), Self.definition("two", Self.disk("/srv/b.img"))]
      let done = try await apply(api, pair)
      #expect(done.results.map(\.effect) == [.created, .failed])
      #expect(api.access.truth.definitions?.value.last == "one")

      api.access.change { state in
        state.descriptions = ["wiki": Self.disk("/srv/d.img")]
        state.rival = rival("third", "/srv/d.img")
      }
      let id = DomainID(connection: MadeUpCluster.lxc, name: "wiki")
      let adopted: CommandResults = try await api.post("/v1/adopt", AdoptRequest(domains: [id])).decoded()
      #expect(adopted.results.map(\.error?.reason) == ["it writes the disk /srv/d.img, and so does the workload third"])
    }
  }

  @Test func `what both say that they share is theirs, and what stands is left alone`() async throws {
    try await APIHarness.serving { api in
      let shared = ["one", "two"].map { Self.definition($0, Self.disk("/srv/a.img"), shared: ["/srv/a.img"]) }
      #expect(try await apply(api, shared).results.map(\.effect) == [.created, .created])
      let detail: WorkloadDetail = try await api.get("/v1/workloads/one").decoded()
      #expect(detail.workload.shared == ["/srv/a.img"])
      let taken = try await apply(api, [Self.definition("one", Self.disk("/srv/a.img"))])
      #expect(taken.results.map(\.effect) == [.failed])

      // As builds before this one let it come into the store.
      api.access.change { state in
        for name: WorkloadName in ["one", "two"] {
          guard case .spec(var spec)? = state.cluster.store.list(where: { $0 == .spec(name) }).entries[.spec(name)]?.value
          else {
            continue
          }
          spec.shared = nil
          state.cluster.put(.spec(name), .spec(spec))
        }
      }
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      let clash = "one and two write the disk /srv/a.img without sharing it: it is damaged when they run at once"
      #expect(status.clashes == [clash] && status.reasons.contains(clash), "\(status.reasons)")
      let changed = try await apply(api, [Self.definition("two", Self.disk("/srv/a.img"), priority: 7)])
      #expect(changed.results.map(\.fields) == [["priority"]])
      let healed = try await apply(api, [Self.definition("two", Self.disk("/srv/b.img"), priority: 7)])
      #expect(healed.results.map(\.effect) == [.changed])
      let after: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(after.clashes == nil)
    }
  }

  @Test func `an address of another workload is refused on whatever network, and is shared with nobody`() async throws {
    try await APIHarness.serving { api in
      func definition(_ name: String, _ addresses: [WorkloadAddress], shared: [String] = []) -> WorkloadDefinition {
        var definition = Self.definition(name, "<domain type='lxc'/>", shared: shared)
        definition.addresses = addresses.isEmpty ? nil : addresses
        return definition
      }
      let mine = [try WorkloadAddress("10.0.0.80/24", on: "br0")], same = [try WorkloadAddress("10.0.0.80/16", on: "br1")]
      let free = [try WorkloadAddress("10.0.0.81/24", on: "br0")]
      #expect(try await apply(api, [definition("one", mine)]).results.map(\.effect) == [.created])
      for two in [definition("two", same), definition("two", same, shared: ["10.0.0.80"])] {
        for isDry in [true, false] {
          let error = try await apply(api, [two], dry: isDry).results.first?.error
          #expect(error?.reason == "it has the address 10.0.0.80, and so has the workload one", "\(String(describing: error))")
          #expect(error?.remedy.contains("cannot be shared") == true)
        }
      }
      #expect(try await apply(api, [definition("two", free)]).results.map(\.effect) == [.created])
      // To have it from now on is a change of the kind that is looked at.
      #expect(try await apply(api, [definition("two", same)]).results.map(\.effect) == [.failed])
      let exchanged = try await apply(api, [definition("one", []), definition("two", same)])
      #expect(exchanged.results.map(\.fields) == [["addresses"], ["addresses"]])
      #expect(api.access.truth.specs["one"]?.value.addresses == nil && api.access.truth.specs["two"]?.value.addresses == same)
    }
  }

  @Test func `a domain with a disk of another workload is not adopted, and shares it when both say so`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.descriptions = ["wiki": Self.disk("/srv/a.img"), "wiki-test": Self.disk("/srv/a.img")] }
      let ids = ["wiki", "wiki-test"].map { DomainID(connection: MadeUpCluster.lxc, name: $0) }
      let dry: CommandResults = try await api.post("/v1/adopt?dryRun=true", AdoptRequest(domains: ids)).decoded()
      #expect(dry.results.map(\.effect) == [.adopted, .failed])
      #expect(dry.results[1].error?.reason == "it writes the disk /srv/a.img, and so does the workload wiki")
      let done = try await api.holdfast(["adopt", "wiki", "wiki-test", "--shared", "/srv/a.img"])
      #expect(done.status == 0, "\(done)")
      #expect(api.access.truth.specs["wiki-test"]?.value.shared == ["/srv/a.img"])
    }
  }

  @Test func `a newer disk on which another workload runs is refused, whatever its definition names`() async throws {
    try await APIHarness.serving { api in
      api.access.change { state in
        guard case .claim(var claim)? = state.cluster.store.entries[.claim("web2")]?.value else { return }
        claim.newerDisks = ["vda": OtherDisk(stored: "/srv/a.img", running: "/srv/a.snap")]
        state.cluster.put(.claim("web2"), .claim(claim))
        state.descriptions = ["wiki": Self.disk("/srv/x/../a.snap")]
      }
      let reason =
        "it writes the disk /srv/a.snap, and so does the workload web2, which runs on it or last did: its definition does not name it"
      for isDry in [true, false] {
        let applied = try await apply(api, [Self.definition("one", Self.disk("/srv/a.snap"))], dry: isDry)
        #expect(applied.results.map(\.error?.reason) == [reason])
        let request = AdoptRequest(domains: [DomainID(connection: MadeUpCluster.lxc, name: "wiki")])
        let adopted: CommandResults = try await api.post("/v1/adopt\(isDry ? "?dryRun=true" : "")", request).decoded()
        #expect(adopted.results.map(\.error?.reason) == [reason])
      }
      #expect(api.access.truth.specs["one"] == nil && api.access.truth.specs["wiki"] == nil)
    }
  }

  // MARK: what lies under disks

  private static func overlay(_ path: String) -> String { disk(path, "<target dev='vda'/>") }

  @Test func `a domain over an image that a workload writes is not adopted, though its XML does not name that`() async throws {
    try await APIHarness.serving { api in
      api.access.change { state in
        state.descriptions = ["wiki": Self.overlay("/srv/top.img")]
        state.underneath = ["wiki": ["/srv/top.img": ["/srv/layer.img", "/srv/base.img"]]]
      }
      let adopt = AdoptRequest(domains: [DomainID(connection: MadeUpCluster.lxc, name: "wiki")])
      #expect(try await apply(api, [Self.definition("base", Self.disk("/srv/base.img"))]).results.map(\.effect) == [.created])
      let refused: CommandResults = try await api.post("/v1/adopt", adopt).decoded()
      #expect(
        refused.results.map(\.error?.reason) == [
          "the image /srv/base.img lies under a disk of it and must not change, and it is written by the workload base"
        ])
      #expect(try await apply(api, [Self.definition("base", Self.disk("/srv/other.img"))]).results.map(\.effect) == [.changed])
      let adopted: CommandResults = try await api.post("/v1/adopt", adopt).decoded()
      #expect(adopted.results.map(\.effect) == [.adopted])
      let later = try await apply(api, [Self.definition("base", Self.disk("/srv/base.img"))])
      #expect(
        later.results.map(\.error?.reason) == ["it writes the disk /srv/base.img, which lies under a disk of the workload wiki"]
      )
    }
  }

  @Test func `what lies under a disk stays known when the definition is changed, as long as it names that disk`() async throws {
    try await APIHarness.serving { api in
      api.access.change { state in
        guard case .spec(var spec)? = state.cluster.store.entries[.spec("cache")]?.value else { return }
        spec.xml = Self.overlay("/srv/top.img")
        spec.underneath = ["/srv/top.img": ["/srv/base.img"]]
        state.cluster.put(.spec("cache"), .spec(spec))
      }
      let base = Self.definition("base", Self.disk("/srv/base.img"))
      let steps: [(xml: String, priority: Int, isKnown: Bool)] = [
        (Self.overlay("/srv/top.img"), 3, true),
        (Self.overlay("/srv/top.img").replacing("<devices>", with: "<memory>65536</memory><devices>"), 3, true),
        // It says itself that nothing lies there.
        (Self.disk("/srv/top.img", "<backingStore/><target dev='vda'/>"), 3, false)
      ]
      for (xml, priority, isKnown) in steps {
        let changed = try await apply(api, [Self.definition("cache", xml, priority: priority)])
        #expect(changed.results.map(\.effect) == [.changed], "\(changed)")
        #expect(api.access.truth.specs["cache"]?.value.underneath == (isKnown ? ["/srv/top.img": ["/srv/base.img"]] : nil))
        let dry = try await apply(api, [base], dry: true)
        #expect(dry.results.map(\.effect) == [isKnown ? .failed : .created], "\(xml)")
      }
    }
  }

  @Test func `what an adoption would lose is told, and lost only when it is given up`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.kept = ["wiki": KeptState(snapshots: ["before-upgrade"])] }
      let refused = try await api.holdfast(["adopt", "wiki"])
      #expect(refused.status == 1 && refused.output.contains("forgets its snapshot before-upgrade"), "\(refused)")
      #expect(api.access.truth.specs["wiki"] == nil)
      let given = try await api.holdfast(["adopt", "wiki", "--accept-loss"])
      #expect(given.status == 0 && given.output.contains("warning: libvirt forgets its snapshot before-upgrade"), "\(given)")
      #expect(api.access.truth.specs["wiki"] != nil)
    }
  }

  @Test func `files of the node alone are told when they come into a definition`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.ownFiles = ["/srv/a.img"] }
      let warning = "it starts only where it finds /srv/a.img, which is on a file system of n1's own"
      let definition = Self.definition("one", Self.disk("/srv/a.img"))
      #expect(try await apply(api, [definition]).results.map(\.warnings) == [[warning]])
      #expect(try await apply(api, [definition]).results.map(\.warnings) == [nil])
      api.access.change { $0.descriptions = ["wiki": Self.disk("/srv/b.img")] }
      let id = DomainID(connection: MadeUpCluster.lxc, name: "wiki")
      let adopted: CommandResults = try await api.post("/v1/adopt", AdoptRequest(domains: [id])).decoded()
      #expect(adopted.results.map(\.warnings) == [nil])
    }
  }

  // MARK: which files are the node's own

  private static let mounts = """
    22 1 8:1 / / rw - ext4 /dev/sda1 rw
    23 22 0:40 / /srv/nfs rw - nfs4 server:/x rw
    24 23 8:2 / /srv/nfs/local rw - xfs /dev/sdb1 rw
    25 22 0:41 / /mnt/ceph\\040fs rw - fuse.ceph-fuse ceph rw
    26 22 8:3 / /over rw - ext4 /dev/sdc1 rw
    27 26 0:42 / /over rw - ceph mon:/ rw
    """

  @Test(arguments: [
    ("/var/lib/x.img", true), ("/srv/nfs", false), ("/srv/nfs/a/b.img", false), ("/srv/nfsx/a", true),
    ("/srv/nfs/local/a", true), ("/mnt/ceph fs/a", false), ("/over/a", false), ("/", true), ("/srv/", true)
  ]) func `is read from the kernel's table of mounts`(path: String, isOwn: Bool) {
    #expect(OwnFiles(mountinfo: Self.mounts).among([path]) == (isOwn ? [path] : []))
  }

  @Test func `of no table is nothing said`() {
    #expect(OwnFiles(mountinfo: "").among(["/a", "relative", ""]).isEmpty)
    #expect(OwnFiles().among(["/proc/self/status"]).isEmpty)
  }
}
