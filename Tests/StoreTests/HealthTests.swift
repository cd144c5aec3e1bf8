import EtcdStore
import Foundation
import HoldfastModel
import HoldfastPorts
import Housekeeping
import MemoryStore
import Testing

extension StoreTests {
  /// The store tells how it is, and forgets what it is asked to.
  @Suite(.serialized, .timeLimit(.minutes(3))) struct Health {
    private static let limit = Duration.seconds(2)

    private func housekeeping(_ store: any LeaseStore) throws -> any StoreHousekeeping {
      try #require(store as? any StoreHousekeeping)
    }

    // MARK: conformance

    @Test(arguments: Adapter.allCases)
    func `every member answers, one leads, the revision is the newest`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let revision = try await store.commit(put(prefix + "k", "1"))
        let health = try await housekeeping(store).health(timeout: Self.limit)
        #expect(health.members.count == (adapter == .cluster ? 3 : 1))
        #expect(health.members.allSatisfy { $0.standing == .answers && !$0.isLearner }, "\(health.members)")
        #expect(health.members.count(where: \.isLeader) == 1)
        #expect(health.members.allSatisfy { $0.size.map { $0 > 0 } == true && $0.sizeInUse.map { $0 > 0 } == true })
        #expect(try #require(health.revision) >= revision)
        #expect(health.alarms.isEmpty && !health.isFull)
        #expect(health.quota == (adapter == .memory ? nil : EtcdConfiguration.defaultQuota))
        if adapter == .cluster { #expect(health.members.map(\.name) == ["m0", "m1", "m2"]) }
      }
    }

    @Test(arguments: Adapter.allCases)
    func `what is compacted is gone for watches, the entries stay, and twice is no error`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let first = try await store.commit(put(prefix + "k", "0"))
        var last = first
        for number in 1..<10 { last = try await store.commit(put(prefix + "k", "\(number)")) }
        let live = await Watched(store, prefix, after: last)
        let keeper = try housekeeping(store)
        try await keeper.compact(upTo: last, timeout: ample)
        try await keeper.compact(upTo: last, timeout: ample)
        try await keeper.compact(upTo: first, timeout: ample)
        let lost = await Watched(store, prefix, after: Revision(first.value - 1))
        let end = try await lost.expectEnd()
        #expect(throws: StoreError.compacted(upTo: last)) { try end.get() }
        #expect(try await store.list(prefix: prefix, timeout: ample).entries[prefix + "k"]?.text == "9")
        // A watch that has seen everything goes on.
        let next = try await store.commit(put(prefix + "k", "10"))
        try await live.expect("the next change") { $0.map(\.revision) == [next] }
      }
    }

    @Test(arguments: Adapter.allCases)
    func `what is still to come cannot be forgotten`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        let now = try await store.commit(put(prefix + "k", "0"))
        let error = await #expect(throws: StoreError.self) {
          try await self.housekeeping(store).compact(upTo: Revision(now.value + 1_000_000), timeout: ample)
        }
        guard case .notApplied? = error else { throw Trouble("\(String(describing: error))") }
        try await store.commit(put(prefix + "k", "1"))
      }
    }

    // MARK: trouble

    @Test func `a member that is killed is told by its name, and one that hangs; the others go on`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let store = try cluster.store()
        #expect(await store.health(timeout: Self.limit).members.allSatisfy { $0.standing == .answers })
        try await store.commit(put("/k", "1"))
        let victim = try await cluster.follower()
        try await cluster.stop(victim)
        let began = ContinuousClock.now
        let hanging = await store.health(timeout: Self.limit)
        #expect(ContinuousClock.now - began < Self.limit + .seconds(1.5))
        #expect(hanging.members.filter { $0.standing != .answers }.map(\.name) == ["m\(victim)"], "\(hanging.members)")
        #expect(hanging.hasLeader && hanging.leader != nil)
        await cluster.kill(victim)
        let killed = await store.health(timeout: Self.limit)
        let missing = try #require(killed.members.first { $0.name == "m\(victim)" })
        guard case .silent = missing.standing else { throw Trouble("\(missing)") }
        #expect(missing.size == nil && !missing.isLeader && missing.endpoint == cluster.url(victim))
        try await store.commit(put("/k", "2"))
        try await cluster.start(victim)
        try await eventually("the member is back") {
          await store.health(timeout: Self.limit).members.allSatisfy { $0.standing == .answers }
        }
        await store.close()
      }
    }

    /// What the status tells to type when a member is lost for good, typed.
    @Test
    func `a member that is lost is removed by its number, its successor is a learner first; elections and writes are counted`()
      async throws
    {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let store = try cluster.store()
        for number in 0..<30 { try await store.commit(put("/k", "\(number)")) }
        let whole = await store.health(timeout: Self.limit), term = try #require(whole.term)
        let writes = try #require(whole.writes)
        #expect(writes.count >= 30 && writes.median > .zero && writes.median < .seconds(1), "\(writes)")
        let victim = try await cluster.leader()
        let id = try #require(whole.members.first { $0.name == "m\(victim)" }?.id)
        await cluster.kill(victim)
        try await eventually("the others elect a leader") { (await store.health(timeout: Self.limit).term ?? 0) > term }
        try await eventually("and serve") { (try? await store.transact(write: put("/k", "new"))) != nil }
        // etcd refuses both until it has seen for some seconds who is there.
        try await eventually("it is removed") { (try? await cluster.etcdctl("member", "remove", id)) != nil }
        try await eventually("two members are left") {
          let health = await store.health(timeout: Self.limit)
          return health.members.count == 2 && StorePicture(health, at: 0).concerns.map(\.topic).contains(.twoVoters)
        }
        let port = try Ports.take(1)
        let peer = "--peer-urls=https://127.0.0.1:\(port)"
        try await eventually("its successor is added", within: .seconds(30)) {
          (try? await cluster.etcdctl("member", "add", "m9", "--learner", peer)) != nil
        }
        try await eventually("its successor is a learner") {
          let health = await store.health(timeout: Self.limit)
          return health.members.count(where: \.isLearner) == 1 && health.members.count == 3
        }
        await store.close()
      }
    }

    /// Also those that a node would not connect to any more.
    @Test func `the certificates that members show are told with their ends`() async throws {
      let cluster = try await SharedClusters.shared.three()
      let store = try EtcdStore(cluster.configuration(), logger: TestCluster.quiet)
      let health = await store.health(timeout: Self.limit)
      let shown = health.certificates.filter { $0.kind == .member }
      #expect(shown.map(\.path).sorted() == health.members.compactMap(\.endpoint).sorted() && shown.count == 3)
      let path = try #require(cluster.certificates).certificate("server")
      #expect(shown.allSatisfy { $0.ends == CertificateFiles.end(of: path, .client) })
      // What they show to each other is asked for when they have been listed.
      let next = await store.health(timeout: Self.limit).certificates
      #expect(next.filter { $0.kind != .peer } == health.certificates)
      let amongMembers = next.filter { $0.kind == .peer }
      #expect(amongMembers.count == 3 && Set(amongMembers.map(\.path)).isDisjoint(with: shown.map(\.path)))
      #expect(amongMembers.allSatisfy { $0.ends == CertificateFiles.end(of: path, .client) })
      await store.close()
    }

    @Test func `without a quorum there is no leader, and a look still ends`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let store = try cluster.store()
        _ = await store.health(timeout: Self.limit)
        await cluster.kill(1)
        await cluster.kill(2)
        try await eventually("the leader is gone") { !(await store.health(timeout: Self.limit).hasLeader) }
        let health = await store.health(timeout: Self.limit)
        #expect(health.members.map(\.name) == ["m0", "m1", "m2"] && health.leader == nil)
        #expect(health.members[0].standing == .leaderless)
        await store.close()
      }
    }

    @Test func `a store that was never there has its endpoints for members`() async throws {
      let store = try EtcdStore(
        EtcdConfiguration(endpoints: ["http://127.0.0.1:9", "http://127.0.0.1:19"]), logger: TestCluster.quiet)
      let health = await store.health(timeout: .milliseconds(500))
      #expect(health.members.map(\.name) == ["http://127.0.0.1:19", "http://127.0.0.1:9"])
      #expect(health.members.allSatisfy { if case .silent = $0.standing { true } else { false } })
      #expect(!health.hasLeader && health.revision == nil && health.size == nil)
      await store.close()
    }

    /// The whole way: the quota is reached, puts are refused, what only deletes is not; and back, in the order that `status` tells.
    @Test func `full: the alarm is told, deletions pass, and after compaction, defragmentation and disarming it writes again`()
      async throws
    {
      try await TestCluster.with(3, .mutualTLS, quota: 4 << 20) { cluster in
        var configuration = cluster.configuration()
        configuration.quota = 4 << 20
        let store = try EtcdStore(configuration, logger: TestCluster.quiet)
        try await store.commit(put("/doomed", "1"), put("/doomed-too", "1"))
        let junk = [UInt8](repeating: 7, count: 100_000)
        var written = 0
        while written < 200, (try? await store.transact(write: .put("/junk", junk))) != nil { written += 1 }
        #expect((20..<200).contains(written), "\(written)")

        try await eventually("the alarm is raised") { await store.health(timeout: Self.limit).isFull }
        let full = await store.health(timeout: Self.limit)
        #expect(full.alarms.allSatisfy { $0.member?.hasPrefix("m") == true }, "\(full.alarms)")
        #expect(full.quota == 4 << 20 && (full.share ?? 0) > 0.9)
        let error = await #expect(throws: StoreError.self) { try await store.transact(write: put("/k", "1")) }
        guard case .unknownOutcome(let reason)? = error else { throw Trouble("\(String(describing: error))") }
        #expect(reason.contains("database space exceeded"))
        try await store.commit(.delete("/doomed"))
        // Half of it is enough to refuse all of it.
        await #expect(throws: StoreError.self) { try await store.transact(write: .delete("/doomed-too"), put("/k", "1")) }
        #expect(try await store.list(prefix: "/doomed", timeout: ample).entries.keys.sorted() == ["/doomed-too"])

        try await store.compact(upTo: try #require(full.revision), timeout: ample)
        try await cluster.etcdctl("--command-timeout=1m", "defrag")
        try await cluster.etcdctl("alarm", "disarm")
        try await eventually("the alarm is gone") { !(await store.health(timeout: Self.limit).isFull) }
        try await store.commit(put("/k", "1"))
        #expect((await store.health(timeout: Self.limit).share ?? 1) < 0.5)
        await store.close()
      }
    }

    @Test func `compaction keeps a store small that would fill without it`() async throws {
      try await TestCluster.with(1, .plaintext, quota: 16 << 20) { cluster in
        let store = try cluster.store()
        let junk = [UInt8](repeating: 7, count: 100_000)
        // Four times the quota.
        for number in 1...640 {
          let revision = try await store.commit(.put("/junk", junk))
          if number % 20 == 0 { try await store.compact(upTo: Revision(revision.value - 5), timeout: ample) }
        }
        let health = await store.health(timeout: Self.limit)
        #expect(!health.isFull && health.size.map { $0 < 16 << 20 } == true, "\(health)")
        await store.close()
      }
    }

    // MARK: who may

    @Test func `where etcd has users, a look needs no right, and what may not compact says so`() async throws {
      try await TestCluster.with(1, .plaintext) { cluster in
        try await cluster.enableUsers()
        var configuration = cluster.configuration()
        configuration.credentials = EtcdCredentials(user: "hf", password: "secret")
        let store = try EtcdStore(configuration, logger: TestCluster.quiet)
        let now = try await store.commit(put("/hf/a", "1"))
        let health = await store.health(timeout: Self.limit)
        #expect(health.members.map(\.name) == ["m0"] && health.hasLeader && health.size != nil, "\(health)")
        do throws(StoreError) { try await store.compact(upTo: now, timeout: ample) } catch {
          // Releases that ask for a right to it.
          guard case .rejected = error else { throw error }
        }
        await store.close()
        let stranger = try cluster.store()
        #expect(await stranger.health(timeout: Self.limit).hasLeader)
        await stranger.close()
      }
    }

    @Test func `a look and a compaction that hang hold nothing up`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let store = try cluster.store()
        let now = try await store.commit(put("/k", "0"))
        _ = await store.health(timeout: Self.limit)
        let victim = try await cluster.follower()
        try await cluster.stop(victim)
        async let look = store.health(timeout: Self.limit)
        async let compaction: Void = store.compact(upTo: now, timeout: .seconds(1))
        var slowest = Duration.zero
        for number in 1...20 {
          let began = ContinuousClock.now
          // As a renewal does it: what is lost is asked again.
          while (try? await store.transact(write: put("/k", "\(number)"), timeout: .milliseconds(600))) == nil {}
          slowest = max(slowest, ContinuousClock.now - began)
        }
        _ = await look
        _ = try? await compaction
        #expect(slowest < .seconds(2), "\(slowest)")
        await cluster.resume(victim)
        await store.close()
      }
    }
  }
}
