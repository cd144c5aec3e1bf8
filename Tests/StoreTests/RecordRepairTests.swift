import EtcdStore
import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPorts
import Testing

extension StoreTests {
  /// `holdfast store check` and `repair`, with the programs as they are, on a real store that was damaged.
  @Suite(.serialized, .timeLimit(.minutes(3))) struct RecordRepair {
    private static let codec = RecordCodec(cluster: "t")
    private static let garbage = [UInt8](#"{"garbage": "\u00e9"#.utf8) + [0xff, 0x00]

    private struct Run {
      var status: Int32
      var output: String
      var errors: String

      func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(output.utf8))
      }
    }

    /// Runs `holdfast store` with nobody at a terminal.
    private static func holdfast(_ arguments: [String], in directory: String) async throws -> Run {
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let process = Process(), output = Pipe(), errors = Pipe()
      process.executableURL = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "holdfast")
      process.arguments = ["store"] + arguments
      process.currentDirectoryURL = URL(fileURLWithPath: directory)
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = output
      process.standardError = errors
      let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
        process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
        do { try process.run() } catch { done.resume(throwing: error) }
      }
      func text(_ pipe: Pipe) -> String { String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
      return Run(status: status, output: text(output), errors: text(errors))
    }

    /// The configuration of a node whose store that cluster is.
    private static func configuration(for cluster: TestCluster) throws -> String {
      let path = "\(cluster.directory)/holdfastd.yaml", reach = cluster.configuration()
      let files = [("ca", reach.authorityFile), ("certificate", reach.certificateFile), ("key", reach.keyFile)]
        .compactMap { name, file in file.map { "    \(name): \($0)\n" } }.joined()
      let text = """
        cluster: t
        node: a
        store:
          etcd:
            endpoints: [\(reach.endpoints.map { "\"\($0)\"" }.joined(separator: ", "))]
        \(files)hypervisor: {connections: ["qemu:///system"]}

        """
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      return path
    }

    private static func records() throws -> [(RecordKey, [UInt8])] {
      func workload(_ name: WorkloadName, uuid: String) throws -> [(RecordKey, Record)] {
        let holder = ClaimRecord.Holder(node: "a", incarnation: "a-1")
        return [
          (
            .spec(name),
            .spec(
              SpecRecord(
                connection: "qemu:///system", uuid: uuid, xml: "<domain/>", demand: Resources(memory: 1, cpus: 1), labels: [:],
                priority: 0, isolation: .freeze, stopTimeout: 30))
          ), (.intent(name), .intent(IntentRecord(desired: .running))),
          (.placement(name), .placement(PlacementRecord(node: "a", reason: PlacementReason(.adopted)))),
          (.claim(name), .claim(ClaimRecord(epoch: Epoch(3), holder: holder, activity: .running)))
        ]
      }
      let node = NodeRecord(
        capacity: Resources(memory: 1024, cpus: 1), labels: [:], connections: ["qemu:///system"], version: "1")
      let session = SessionRecord(node: "a", counter: 1, ttl: 3000, phase: .active)
      let all: [(RecordKey, Record)] =
        try [(.format, .format(FormatRecord())), (.node("a"), .node(node)), (.session("a-1"), .session(session))]
        + workload("w1", uuid: "11111111-2222-4333-8444-555555555551")
        + workload("w2", uuid: "11111111-2222-4333-8444-555555555552")
      return try all.map { ($0.0, try codec.encode($0.1)) }
    }

    private static func write(_ records: [(RecordKey, [UInt8])], to store: any LeaseStore) async throws {
      for (key, bytes) in records { try await store.commit(.put(codec.key(key), bytes)) }
    }

    private static func check(_ store: any LeaseStore) async throws -> RecordCheck {
      RecordCheck(try await store.list(prefix: codec.prefix, timeout: ample), cluster: "t", at: 1_700_000_000_000)
    }

    @Test func `what is damaged is told, kept in a file and repaired, with a member lost; a claim is a person's`() async throws
    {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let store = try cluster.store()
        try await Self.write(try Self.records(), to: store)
        try await Self.write(
          [
            (.planner, Self.garbage), (.intent("w1"), Self.garbage), (.placement("w1"), Self.garbage),
            (.claim("w2"), Self.garbage)
          ],
          to: store)
        await cluster.kill(try await cluster.follower())
        let config = ["--config", try Self.configuration(for: cluster)], directory = cluster.directory
        let damaged = [RecordKey.claim("w2"), .intent("w1"), .placement("w1"), .planner].map(Self.codec.key)

        let told = try await Self.holdfast(["check", "-o", "json"] + config, in: directory)
        #expect(told.status == 4, "\(told)")
        let result: StoreCheckResult = try told.decoded()
        #expect(result.findings.map(\.key) == damaged && !result.isSound, "\(result)")
        #expect(result.findings.map { $0.repair == nil } == [true, false, false, false])
        let screen = try await Self.holdfast(["check"] + config, in: directory)
        #expect(screen.status == 4 && screen.output.hasPrefix("t  4 faults in 12 records"), "\(screen)")

        // Nobody is there to ask, and a dry run: nothing changes.
        let before = try await store.list(prefix: Self.codec.prefix, timeout: ample)
        #expect(try await Self.holdfast(["repair"] + config, in: directory).status == 2)
        let dry = try await Self.holdfast(["repair", "--dry-run"] + config, in: directory)
        #expect(dry.status == 0 && dry.output.contains("What would happen:"), "\(dry)")
        #expect(try await store.list(prefix: Self.codec.prefix, timeout: ample) == before)

        let done = try await Self.holdfast(["repair", "--yes", "-o", "json"] + config, in: directory)
        #expect(done.status == 0, "\(done)")
        let repaired: StoreRepairResult = try done.decoded()
        #expect(
          repaired.repairs.map(\.key) == Array(damaged.dropFirst()) && repaired.repairs.allSatisfy(\.isDone), "\(repaired)")
        #expect(repaired.left.map(\.key) == [damaged[0]])
        let file = "\(directory)/\(try #require(repaired.backup))"
        let kept = try JSONDecoder().decode(StoreRecords.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
        for key in damaged.dropFirst() { #expect(kept.listing.entries[key]?.value == Self.garbage, "\(key)") }
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let after = try await Self.check(store)
        #expect(after.findings.map(\.key) == [damaged[0]], "\(after.findings)")
        #expect(after.listing.entries[Self.codec.key(.planner)] == nil)
        #expect(after.listing.entries[damaged[0]] == before.entries[damaged[0]], "the claim is as it was")
        let nothing = try await Self.holdfast(["repair", "--yes"] + config, in: directory)
        #expect(nothing.status == 0 && nothing.output.contains("No program may repair"), "\(nothing)")

        // What the check says about the claim, typed.
        guard case .byHand(let steps)? = after.findings.first?.remedy,
          let step = steps.first(where: { $0.contains("etcdctl put") })
        else { throw Trouble("\(after.findings)") }
        let value = try #require(step.split(separator: "'").dropFirst().first)
        try await cluster.etcdctl("put", damaged[0], String(value))
        let sound = try await Self.holdfast(["check"] + config, in: directory)
        #expect(sound.status == 0 && sound.output.hasPrefix("t  OK"), "\(sound)")
        await store.close()
      }
    }

    @Test(arguments: Adapter.allCases)
    func `what has changed since it was read is not repaired`(adapter: Adapter) async throws {
      try await adapter.with { store, prefix in
        // A cluster of its own in a store that others use too.
        let cluster = "t\(prefix.split(separator: "/").last ?? "")", codec = RecordCodec(cluster: cluster)
        for (key, bytes) in try Self.records() { try await store.commit(.put(codec.key(key), bytes)) }
        try await store.commit(.put(codec.key(.planner), Self.garbage), .put(codec.key(.intent("w1")), Self.garbage))
        let check = RecordCheck(try await store.list(prefix: codec.prefix, timeout: ample), cluster: cluster, at: 0)
        let repairs = check.findings.compactMap(\.repair)
        #expect(repairs.count == 2)
        // Its claim goes to somebody else, and the planner's record is written anew.
        try await store.commit(
          .put(codec.key(.claim("w1")), try codec.encode(.claim(ClaimRecord(epoch: Epoch(4), holder: nil)))),
          .put(codec.key(.planner), Self.garbage))
        for repair in repairs {
          let edit = try #require(StoreEdit(try codec.encode(repair.transaction)))
          guard case .refused = try await store.transact(edit.transaction, timeout: ample) else { throw Trouble("\(repair)") }
        }
        let again = RecordCheck(try await store.list(prefix: codec.prefix, timeout: ample), cluster: cluster, at: 0)
        for repair in again.findings.compactMap(\.repair) {
          guard case .committed = try await store.transact(try codec.encode(repair.transaction), timeout: ample) else {
            throw Trouble("\(repair)")
          }
        }
        #expect(
          RecordCheck(try await store.list(prefix: codec.prefix, timeout: ample), cluster: cluster, at: 0).findings.isEmpty)
      }
    }

    @Test func `a store without a quorum is not waited for for ever, and what is wrong is said`() async throws {
      try await TestCluster.with(3, .mutualTLS) { cluster in
        let config = ["--config", try Self.configuration(for: cluster)]
        await cluster.kill(0)
        await cluster.kill(1)
        let began = ContinuousClock.now
        let run = try await Self.holdfast(["check"] + config, in: cluster.directory)
        #expect(run.status == 3 && run.errors.contains("the store's records"), "\(run)")
        #expect(ContinuousClock.now - began < .seconds(60))
      }
    }
  }
}
