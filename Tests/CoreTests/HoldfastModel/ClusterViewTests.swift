import GuardCore
import HoldfastModel
import Testing

/// The mirror may lag behind the store, never go back behind what it knew.
@Suite struct ClusterViewTests {
  private func claim(_ epoch: Int64, _ holder: String?) -> ClaimRecord {
    ClaimRecord(epoch: Epoch(epoch), holder: holder.map { .init(node: "n1", incarnation: .init($0)) })
  }
  private func put(_ epoch: Int64, _ holder: String?) -> Write<RecordKey, Record> {
    .put(.claim("w"), .claim(claim(epoch, holder)))
  }
  private func change(_ epoch: Int64, _ holder: String?, at revision: Int64) -> ClusterChange {
    ClusterChange(
      key: .claim("w"),
      entry: Stored(value: .claim(claim(epoch, holder)), created: Revision(2), modified: Revision(revision)),
      revision: Revision(revision))
  }
  private func loaded(at revision: Int64 = 10, _ entries: [RecordKey: Stored<Record>] = [:]) -> ClusterView {
    var view = ClusterView()
    view.load(ClusterListing(revision: Revision(revision), entries: entries))
    return view
  }
  private func listing(_ epoch: Int64, _ holder: String?, at revision: Int64) -> ClusterListing {
    ClusterListing(
      revision: Revision(revision),
      entries: [
        .claim("w"): Stored(value: .claim(claim(epoch, holder)), created: Revision(2), modified: Revision(revision))
      ])
  }

  @Test func `the slowest stop is that of what the node holds`() {
    func spec(_ seconds: Double) -> Record {
      .spec(
        SpecRecord(
          connection: "lxc:///system", uuid: "u", xml: "", demand: .none, labels: [:], priority: 0, isolation: .freeze,
          stopTimeout: seconds))
    }
    var entries: [RecordKey: Stored<Record>] = [:]
    func put(_ key: RecordKey, _ record: Record) {
      entries[key] = Stored(value: record, created: Revision(2), modified: Revision(2))
    }
    for (workload, seconds) in [("quick", 5.0), ("slow", 600), ("elsewhere", 900)] as [(WorkloadName, Double)] {
      put(.spec(workload), spec(seconds))
      let node: NodeName = workload == "elsewhere" ? "n2" : "n1"
      put(.claim(workload), .claim(ClaimRecord(epoch: Epoch(1), holder: .init(node: node, incarnation: "i"))))
    }
    let view = loaded(at: 10, entries)
    #expect(view.longestStop(on: "n1") == 600 && view.longestStop(on: "n2") == 900 && view.longestStop(on: "n3") == 0)
  }

  @Test func `the version grows with what can be concluded from, not with renewals and history`() {
    var view = loaded(), revision: Int64 = 10
    /// Whether the change made another version.
    func changes(_ key: RecordKey, _ record: Record?, created: Int64 = 2) -> Bool {
      let before = view.version
      revision += 1
      let entry = record.map { Stored(value: $0, created: Revision(created), modified: Revision(revision)) }
      view.apply(ClusterChange(key: key, entry: entry, revision: Revision(revision)))
      return view.version != before
    }
    func session(_ counter: Int64, ttl: Int64 = 3000, _ phase: SessionRecord.Phase = .active) -> Record {
      .session(SessionRecord(node: "n1", counter: counter, ttl: ttl, phase: phase, clock: 1000 * counter))
    }
    #expect(changes(.session("i1"), session(1)))
    #expect(!changes(.session("i1"), session(2)))
    #expect(changes(.session("i1"), session(3, ttl: 4000)))
    #expect(changes(.session("i1"), session(4, ttl: 4000, .leaving)))
    #expect(changes(.session("i1"), session(5, ttl: 4000, .leaving), created: 9), "another session under the same name")
    #expect(changes(.session("i1"), .unreadable(reason: "no JSON")))
    #expect(changes(.session("i1"), session(6)))
    #expect(changes(.session("i1"), nil))
    let line = HistoryRecord(time: 1, node: "n1", serial: 1, note: Note(.placed, "w goes to n1"))
    #expect(!changes(.history("n1", slot: 1), .history(line)))
    #expect(changes(.history("n1", slot: 1), .unreadable(reason: "no JSON")))
    #expect(changes(.history("n1", slot: 1), .history(line)))
    #expect(changes(.claim("w"), .claim(claim(1, "i1"))))
    let before = view.version
    view.apply([put(2, nil)], committed: Revision(revision + 2))
    #expect(view.version > before, "an own commit, ahead of the watch")
    let listed = view.version
    view.load(listing(2, nil, at: revision + 9))
    #expect(view.version > listed)
  }

  @Test func `an own commit is known before the watch tells it, and once`() {
    var view = loaded()
    view.apply([put(1, "i1")], committed: Revision(12))
    #expect(view.claims["w"]?.modified == Revision(12))
    #expect(view.revision == Revision(10), "what happened in between is not known")
    #expect(view.apply(change(1, "i1", at: 12)) == false)
    #expect(view.claims["w"]?.value.holder != nil)
  }

  @Test func `what the watch tells late does not undo an own commit`() {
    var view = loaded()
    view.apply([put(2, nil)], committed: Revision(14))
    #expect(view.apply(change(1, "i1", at: 12)) == false)
    #expect(view.claims["w"]?.value.holder == nil)
    #expect(view.apply(change(3, "i2", at: 15)) == true)
    #expect(view.claims["w"]?.value.epoch == Epoch(3))
  }

  @Test func `own commits whose answers come in the wrong order leave the later one`() {
    var view = loaded()
    view.apply([put(2, nil)], committed: Revision(14))
    view.apply([put(1, "i1")], committed: Revision(12))
    #expect(view.claims["w"]?.value.holder == nil)
    #expect(view.claims["w"]?.modified == Revision(14))
  }

  @Test func `an answer that comes after the watch changes nothing`() {
    var view = loaded()
    view.apply(change(3, "i2", at: 15))
    view.apply([put(1, "i1")], committed: Revision(12))
    #expect(view.claims["w"]?.value.epoch == Epoch(3))
  }

  /// A released claim that came back by a listing would be started under: another node may hold it already.
  @Test func `a listing from before an own commit does not undo it`() {
    var view = loaded()
    view.load(listing(1, "i1", at: 11))
    view.apply([put(1, nil)], committed: Revision(13))
    view.load(listing(1, "i1", at: 12))
    #expect(view.claims["w"]?.value.holder == nil)
    #expect(view.apply(change(1, nil, at: 13)) == false)
    view.load(listing(2, "i2", at: 20))
    #expect(view.claims["w"]?.value.epoch == Epoch(2))
  }

  @Test func `an own deletion stands against a listing from before it`() {
    var view = loaded()
    view.load(listing(1, "i1", at: 11))
    view.apply([.delete(.claim("w"))], committed: Revision(13))
    view.load(listing(1, "i1", at: 12))
    #expect(view.claims["w"] == nil)
  }

  @Test func `older news than a listing is no news`() {
    var view = loaded()
    view.load(listing(2, "i2", at: 20))
    #expect(view.apply(change(1, "i1", at: 15)) == false)
    #expect(view.claims["w"]?.value.epoch == Epoch(2))
  }

  @Test func `a refusal tells the present, and the past that the watch still has to tell is dropped`() {
    var view = loaded()
    let current: [RecordKey: Stored<Record>] = [
      .claim("w"): Stored(value: .claim(claim(5, "i5")), created: Revision(2), modified: Revision(17))
    ]
    view.apply(current: current, asked: [.claim("w"), .session("i1")], at: Revision(20))
    #expect(view.claims["w"]?.modified == Revision(17))
    #expect(view.apply(change(4, "i4", at: 16)) == false)
    #expect(view.apply(change(5, "i5", at: 17)) == false)
    #expect(view.apply(change(6, nil, at: 21)) == true)
    #expect(view.claims["w"]?.value.epoch == Epoch(6))
  }

  @Test func `a refusal from before what is known is dropped`() {
    var view = loaded()
    view.apply([put(6, "i6")], committed: Revision(30))
    view.apply(current: [:], asked: [.claim("w")], at: Revision(20))
    #expect(view.claims["w"]?.value.epoch == Epoch(6))
  }

  @Test func `a key keeps its creation over own puts, and gets a new one after a deletion`() {
    var view = loaded()
    view.apply([put(1, nil)], committed: Revision(12))
    view.apply([put(2, nil)], committed: Revision(13))
    #expect(view.claims["w"]?.created == Revision(12))
    view.apply([.delete(.claim("w"))], committed: Revision(14))
    view.apply([put(3, nil)], committed: Revision(15))
    #expect(view.claims["w"]?.created == Revision(15))
  }

  @Test func `a claim is held while its session stands or cannot be read`() {
    let session = Stored(
      value: Record.session(SessionRecord(node: "n1", counter: 1, ttl: 1000, phase: .active)), created: Revision(3),
      modified: Revision(3))
    var view = loaded(at: 10, [.session("i1"): session])
    #expect(view.isHeld(claim(1, "i1")))
    #expect(!view.isHeld(claim(1, "i2")))
    #expect(!view.isHeld(claim(1, nil)))
    view.apply(
      ClusterChange(
        key: .session("i1"),
        entry: Stored(value: .unreadable(reason: "?"), created: Revision(3), modified: Revision(12)), revision: Revision(12)))
    #expect(view.isHeld(claim(1, "i1")))
    view.apply(ClusterChange(key: .session("i1"), entry: nil, revision: Revision(13)))
    #expect(!view.isHeld(claim(1, "i1")))
    #expect(view.unreadable.isEmpty)
  }

  @Test func `an unreadable record replaces the readable one and makes its workload untouchable`() {
    var view = loaded()
    view.apply(change(1, "i1", at: 11))
    #expect(!view.isUnreadable("w"))
    view.apply(
      ClusterChange(
        key: .claim("w"), entry: Stored(value: .unreadable(reason: "?"), created: Revision(2), modified: Revision(12)),
        revision: Revision(12)))
    #expect(view.claims["w"] == nil)
    #expect(view.isUnreadable("w"))
    #expect(!view.isUnreadable("other"))
  }

  /// A node may have two for a moment: one that it opened, and an attempt of its own that arrived late.
  @Test func `of two sessions of one node the newer counts`() {
    func session(_ phase: SessionRecord.Phase, at revision: Int64) -> Stored<Record> {
      Stored(
        value: .session(SessionRecord(node: "n1", counter: 1, ttl: 1000, phase: phase)), created: Revision(revision),
        modified: Revision(revision + 20))
    }
    for swapped in [false, true] {
      let view = loaded(
        at: 50,
        [
          .session(swapped ? "b" : "a"): session(.active, at: 3), .session(swapped ? "a" : "b"): session(.leaving, at: 7)
        ])
      #expect(view.session(of: "n1")?.record.value.phase == .leaving)
    }
  }
}
