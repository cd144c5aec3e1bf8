import HoldfastModel
import HoldfastNode
import MemoryStore
import Testing

/// The order of the cluster's history is the store's: clocks differ.
@Suite struct `The history's order` {
  private static func entry(_ node: NodeName, _ serial: Int64, at time: Int64, revision: Int64) -> (RecordKey, Stored<Record>) {
    let line = HistoryRecord(time: time, node: node, serial: serial, note: Note(.started, "\(node) \(serial)"))
    let revision = Revision(revision)
    return (.history(node, slot: Int(serial)), Stored(value: .history(line), created: revision, modified: revision))
  }

  /// n3's clock was two hours ahead until its fourth line, and each node wrote some lines at once.
  static let entries = [
    entry("n3", 1, at: 7_200_001, revision: 5), entry("n3", 2, at: 7_200_000, revision: 5), entry("n1", 1, at: 2, revision: 7),
    entry("n3", 3, at: 7_200_003, revision: 9), entry("n1", 2, at: 4, revision: 12), entry("n3", 4, at: 5, revision: 13)
  ]
  static let order = ["n3 1", "n3 2", "n1 1", "n3 3", "n1 2", "n3 4"]

  @Test(arguments: [0, 3, 6]) func `is the order in which the store took the lines`(listed: Int) async {
    let book = HistoryBook(node: "n9", cluster: "lab", store: MemoryStore(), logger: RecordedLog().logger)
    await book.load(
      ClusterListing(revision: Revision(10), entries: Dictionary(uniqueKeysWithValues: Self.entries.prefix(listed))))
    await book.take(Self.entries.dropFirst(listed).map { ClusterChange(key: $0.0, entry: $0.1, revision: $0.1.modified) })
    #expect(await book.last(10, workload: nil).map(\.note.text) == Self.order)
    #expect(await book.last(2, workload: nil).map(\.note.text) == Self.order.suffix(2))
  }

  @Test func `what the store has not taken is told last by its own node, and once when it has`() async throws {
    let store = MemoryStore()
    let book = HistoryBook(node: "n9", cluster: "lab", store: store, logger: RecordedLog().logger)
    // The store was never read: nothing can be written.
    await book.record(Note(.isolated, "everything under protection on n9 is frozen", severity: .error))
    await book.record(Note(.vanished, "w1 ended on n9", severity: .warning, workload: "w1"))
    #expect(await book.last(10, workload: nil).map(\.note.kind) == [.isolated, .vanished])
    #expect(await book.last(10, workload: "w1").map(\.note.kind) == [.vanished])
    await book.load(ClusterListing(revision: Revision(13), entries: Dictionary(uniqueKeysWithValues: Self.entries)))
    await book.flush(within: .seconds(30))
    let all = await book.last(20, workload: nil)
    #expect(all.count { $0.node == "n9" } == 2 && all.count == Self.entries.count + 2)
    #expect(Set(all.filter { $0.node == "n9" }.map(\.serial)).count == 2)
  }
}
