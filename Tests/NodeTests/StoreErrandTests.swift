import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastPorts
import MemoryStore
import Testing

/// What `holdfast store` has holdfastd do, and what it shows of the records.
@Suite struct StoreErrandTests {
  private static let codec = RecordCodec(cluster: "t")

  private static func store(_ records: [(RecordKey, String)]) async throws -> MemoryStore {
    let store = MemoryStore()
    let writes: [Write<String, [UInt8]>] = records.map { .put(codec.key($0.0), [UInt8]($0.1.utf8)) }
    _ = try await store.transact(StoreTransaction(if: [], write: writes), timeout: .seconds(1))
    return store
  }

  private static func value(_ key: RecordKey, in store: MemoryStore) async throws -> String? {
    let listing = try await store.list(prefix: codec.prefix, timeout: .seconds(1))
    return listing.entries[codec.key(key)].map { String(decoding: $0.value, as: UTF8.self) }
  }

  @Test func `records are read byte by byte, of one cluster`() async throws {
    let store = try await Self.store([(.planner, "{garbage"), (.format, #"{"version":1}"#)])
    _ = try await store.transact(StoreTransaction(if: [], write: [.put("/holdfast/other/planner", [1])]), timeout: .seconds(1))
    let records = try await StoreErrand(store, cluster: "t").records()
    #expect(records.cluster == "t" && records.records.map(\.key) == ["/holdfast/t/format", "/holdfast/t/planner"])
    let copy = try JSONDecoder().decode(StoreRecords.self, from: JSONEncoder().encode(records))
    let listing = try await store.list(prefix: Self.codec.prefix, timeout: .seconds(1))
    #expect(copy == records && copy.listing == listing)
    #expect(records.only(["/holdfast/t/planner"]).records.map { String(decoding: $0.value, as: UTF8.self) } == ["{garbage"])
  }

  @Test func `a change is made as a whole while nothing has changed, each for itself`() async throws {
    let store = try await Self.store([(.planner, "1"), (.disarm, "2")])
    let errand = StoreErrand(store, cluster: "t")
    let read = try await errand.records().listing
    func edit(_ key: RecordKey, _ value: String?, modified: Int64?) -> StoreEdit {
      let text = Self.codec.key(key)
      return StoreEdit(
        conditions: [.init(key: text, modified: modified)], writes: [.init(key: text, value: value.map { Data($0.utf8) })])
    }
    let seen = try #require(read.entries[Self.codec.key(.planner)]?.modified.value)
    let outcomes = await errand.carryOut([
      edit(.planner, nil, modified: seen + 1), edit(.planner, nil, modified: seen), edit(.format, "3", modified: nil),
      edit(.disarm, "4", modified: nil)
    ])
    #expect(outcomes.map(\.state) == [.changed, .done, .done, .changed], "\(outcomes)")
    #expect(try await Self.value(.planner, in: store) == nil)
    #expect(try await Self.value(.format, in: store) == "3")
    #expect(try await Self.value(.disarm, in: store) == "2")
  }

  static let flawed: [(StoreEdit, String)] = [
    (
      StoreEdit(
        conditions: [.init(key: "/holdfast/other/planner", modified: 1)],
        writes: [.init(key: "/holdfast/other/planner", value: nil)]),
      "no record of the cluster t"
    ),
    (StoreEdit(conditions: [], writes: [.init(key: "/holdfast/t/planner", value: nil)]), "whatever it is now"),
    (
      StoreEdit(
        conditions: [.init(key: "/holdfast/t/planner", modified: nil)],
        writes: [.init(key: "/holdfast/t/planner", value: nil), .init(key: "/holdfast/t/planner", value: Data())]), "twice"
    )
  ]

  @Test(arguments: flawed.indices) func `what is no guarded change of this cluster is not made`(_ index: Int) async throws {
    let (edit, words) = Self.flawed[index], store = try await Self.store([(.planner, "1")])
    let outcomes = await StoreErrand(store, cluster: "t").carryOut([edit])
    #expect(outcomes.map(\.state) == [.notDone] && outcomes[0].reason?.contains(words) == true, "\(outcomes)")
    #expect(try await Self.value(.planner, in: store) == "1")
  }

  @Test func `a store in the daemon's memory cannot be read from outside`() async throws {
    let configuration = try NodeConfiguration.parse(
      "cluster: t\nstore: {memory: {}}\nhypervisor: {connections: [\"qemu:///system\"]}\n", file: "c.yaml", host: testHost)
    do {
      _ = try await StoreErrand.printRecords(of: configuration)
      Issue.record("it was read")
    } catch {
      #expect("\(error)".contains("it is in the memory of holdfastd"), "\(error)")
    }
  }

  // MARK: the command

  @Test func `a file of records is checked without a store, and the screen fits`() async throws {
    let store = try await Self.store([
      (.planner, "{garbage"), (.policies, "[]"), (.claim("w1"), "x"), (.format, #"{"version":1}"#)
    ])
    let file = "/tmp/hf-records-\(UInt32.random(in: 0 ... .max)).json"
    try JSONEncoder().encode(try await StoreErrand(store, cluster: "t").records()).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let program = "\(APIHarness.programs)/holdfast"
    let run = try await APIHarness.run([program, "store", "check", "--records", file])
    #expect(run.status == 4, "\(run)")
    #expect(run.output.hasPrefix("t  3 faults in 4 records, read at revision 2"), "\(run.output)")
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(run.output)")
    for words in [
      "FAULT  /holdfast/t/planner", "No node takes the planner's role", "repair", "by hand", "holdfast policy apply",
      "etcdctl put",
      "holdfast store repair"
    ] {
      #expect(run.output.contains(words), "\(words) is missing in\n\(run.output)")
    }
    let result: StoreCheckResult = try await APIHarness.run([program, "store", "check", "--records", file, "-o", "json"])
      .decoded()
    #expect(result.findings.map(\.kind) == ["unreadable", "unreadable", "unreadable"] && !result.isSound)
    #expect(result.findings.map { $0.repair != nil } == [false, true, false], "only the planner's record")

    let none = try await APIHarness.run([program, "store", "check", "--records", "/nonexistent"])
    #expect(none.status == 1 && none.errors.contains("`holdfastd --records > FILE` writes one"), "\(none)")
    let away = try await APIHarness.run([program, "store", "check", "--config", "/nonexistent.yaml"])
    #expect(away.status == 3 && away.errors.contains("the store's records"), "\(away)")
  }
}
