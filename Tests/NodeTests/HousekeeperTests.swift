import HoldfastModel
import HoldfastNode
import HoldfastPorts
import HoldfastTime
import Housekeeping
import Logging
import MemoryStore
import Synchronization
import Testing

/// What a node does about its store, look by look.
@Suite struct `The housekeeper` {
  private static let quiet = Logger(label: "housekeeper") { _ in SwiftLogNoOpLogHandler() }
  private static let start = BootInstant(nanoseconds: 1_000_000_000_000)

  /// Lines of history that were written.
  private final class Lines: Sendable {
    private let notes = Mutex<[Note]>([])
    func write(_ note: Note) { notes.withLock { $0.append(note) } }
    func take() -> [Note] {
      notes.withLock { notes in
        defer { notes = [] }
        return notes
      }
    }
  }

  /// Says of its health what it is told to, as a real store cannot be made to.
  private final class ScriptedStore: StoreHousekeeping {
    struct State {
      var health: StoreHealth
      var refusal: StoreError?
      var asked: [Revision] = []
    }
    let state: Mutex<State>

    init(_ health: StoreHealth) { state = Mutex(State(health: health)) }

    func change(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func health(timeout: Duration) async -> StoreHealth { state.withLock { $0.health } }
    func compact(upTo revision: Revision, timeout: Duration) async throws(StoreError) {
      let refusal = state.withLock { state in
        state.asked.append(revision)
        return state.refusal
      }
      if let refusal { throw refusal }
    }
  }

  private static func members(_ standings: [StoreMember.Standing], size: Int64 = 10) -> [StoreMember] {
    standings.enumerated().map {
      StoreMember(name: "h\($0 + 1)", standing: $1, isLeader: $0 == 0, size: $1 == .answers ? size : nil)
    }
  }

  private static func put(_ store: MemoryStore, _ count: Int) async throws -> Revision {
    var last = Revision.zero
    for number in 0..<count {
      let verdict = try await store.transact(
        StoreTransaction(if: [], write: [.put("/k", [UInt8(number % 256)])]), timeout: .seconds(1))
      if case .committed(let revision) = verdict { last = revision }
    }
    return last
  }

  private static func isForgotten(_ store: MemoryStore, _ revision: Revision) async -> Bool {
    do {
      for try await _ in store.watch(prefix: "/k", after: revision) { return false }
      return false
    } catch { return true }
  }

  @Test(arguments: [true, false])
  func `the planner makes a real store forget what is an hour old, and nobody else does`(isPlanner: Bool) async throws {
    let store = MemoryStore()
    let first = try await Self.put(store, 100)
    let standing = Housekeeper.Standing(isPlanner: isPlanner, watched: Revision(1_000_000))
    let housekeeper = Housekeeper(store, standing: { standing }, tell: { _ in }, logger: Self.quiet)
    await housekeeper.look(at: Self.start)
    let second = try await Self.put(store, 100)
    await housekeeper.look(at: Self.start + .seconds(3599))
    #expect(await !Self.isForgotten(store, Revision(first.value - 50)), "not an hour old")
    await housekeeper.look(at: Self.start + .seconds(3601))
    #expect(await Self.isForgotten(store, Revision(first.value - 50)) == isPlanner)
    #expect(await !Self.isForgotten(store, Revision(second.value - 50)))
  }

  @Test func `what began and what is over is told once, by the planner`() async throws {
    let store = ScriptedStore(StoreHealth(members: Self.members([.answers, .answers, .answers]), quota: 100))
    let lines = Lines(), role = Mutex(true)
    let housekeeper = Housekeeper(
      store, standing: { .init(isPlanner: role.withLock { $0 }, watched: Revision(1)) }, tell: { lines.write($0) },
      logger: Self.quiet)
    func told(_ standings: [StoreMember.Standing] = [.answers, .answers, .answers], size: Int64 = 10, alarms: [StoreAlarm] = [])
      async -> [String]
    {
      store.change { $0.health = StoreHealth(members: Self.members(standings, size: size), quota: 100, alarms: alarms) }
      await housekeeper.look(at: Self.start)
      return lines.take().map { "\($0.severity) \($0.text)" }
    }
    let silent = StoreMember.Standing.silent(reason: "no answer in time")
    #expect(await told() == [])
    let lost = await told([.answers, .answers, silent])
    #expect(lost.count == 1 && lost[0].hasPrefix("warning The store's member h3 does not answer"), "\(lost)")
    #expect(await told([.answers, .answers, silent]) == [])
    let quorumLost = await told([.leaderless, silent, silent])
    #expect(quorumLost.count == 1 && quorumLost[0].hasPrefix("error The store has no leader: 1 of 3"), "\(quorumLost)")
    #expect(await told() == ["info The store has a leader again"])
    #expect(await told(size: 60).map { $0.prefix(36) } == ["warning The store takes 60 % of its "])
    #expect(await told(size: 61) == [], "other figures are no news")
    #expect(await told(size: 85).map { $0.prefix(31) } == ["warning The store takes 85 % of"])
    let full = await told(size: 101, alarms: [StoreAlarm(.noSpace, member: "h1")])
    #expect(full.count == 1 && full[0].hasPrefix("error The store is full (alarm NOSPACE on h1)"), "\(full)")
    #expect(await told(size: 5) == ["info The store has room again and takes writes"])
    role.withLock { $0 = false }
    #expect(await told([.answers, .answers, silent]) == [], "others only log it")
    role.withLock { $0 = true }
    #expect(await told([.answers, .answers, silent]) == [])
  }

  @Test func `a planner that has just started tells what it found before it knew that it is the planner`() async {
    let store = ScriptedStore(
      StoreHealth(members: Self.members([.answers]), revision: Revision(900), quota: 100, alarms: [StoreAlarm(.noSpace)]))
    let lines = Lines(), standing = Mutex(Housekeeper.Standing(isPlanner: false, watched: nil))
    let housekeeper = Housekeeper(
      store, standing: { standing.withLock { $0 } }, tell: { lines.write($0) }, logger: Self.quiet)
    await housekeeper.look(at: Self.start)
    #expect(await housekeeper.picture?.concerns.map(\.topic) == [.full], "the status has it at once")
    #expect(lines.take().isEmpty)
    standing.withLock { $0 = .init(isPlanner: true, watched: Revision(900)) }
    await housekeeper.look(at: Self.start + .seconds(10))
    #expect(lines.take().map(\.severity) == [.error])
  }

  @Test func `a full store is asked to forget by every node, and again until it does`() async throws {
    let store = ScriptedStore(
      StoreHealth(members: Self.members([.answers]), revision: Revision(900), quota: 100, alarms: [StoreAlarm(.noSpace)]))
    store.change { $0.refusal = .unknownOutcome(reason: "no answer in time") }
    let housekeeper = Housekeeper(
      store, standing: { .init(isPlanner: false, watched: Revision(800)) }, tell: { _ in }, logger: Self.quiet)
    await housekeeper.look(at: Self.start)
    await housekeeper.look(at: Self.start + .seconds(10))
    #expect(await housekeeper.picture?.isCompacted == false)
    store.change { $0.refusal = nil }
    await housekeeper.look(at: Self.start + .seconds(20))
    await housekeeper.look(at: Self.start + .seconds(30))
    #expect(store.state.withLock { $0.asked } == [800, 800, 800].map { Revision($0) })
    #expect(await housekeeper.picture?.isCompacted == true)
    #expect(await housekeeper.picture?.compactionFlaw == nil)
  }

  @Test func `a store that does not let this node forget is told of until it does`() async throws {
    let store = ScriptedStore(StoreHealth(members: Self.members([.answers]), revision: Revision(900)))
    let lines = Lines()
    let housekeeper = Housekeeper(
      store, standing: { .init(isPlanner: true, watched: Revision(5000)) }, tell: { lines.write($0) }, logger: Self.quiet)
    store.change { $0.refusal = .rejected(reason: "etcd: permission denied", remedy: "Grant it.") }
    await housekeeper.look(at: Self.start)
    await housekeeper.look(at: Self.start + .seconds(3600))
    #expect(await housekeeper.picture?.concerns.map(\.topic) == [.notCompacted])
    #expect(lines.take().map(\.severity) == [.warning])
    store.change { $0.refusal = nil }
    await housekeeper.look(at: Self.start + .seconds(3900))
    #expect(await housekeeper.picture?.concerns.isEmpty == true)
    #expect(lines.take().map(\.text) == ["The store forgets its old history again"])
  }

  @Test func `what one look does not show is told from many: elections, slow writes, a long silence`() async {
    let store = ScriptedStore(StoreHealth(members: Self.members([.answers, .answers, .answers]), revision: Revision(900)))
    let lines = Lines()
    let housekeeper = Housekeeper(
      store, ttl: .seconds(2), standing: { .init(isPlanner: true, watched: Revision(900)) }, tell: { lines.write($0) },
      logger: Self.quiet)
    store.change {
      $0.health.term = 3
      $0.health.writes = WriteTimes(count: 200, median: .milliseconds(2))
    }
    await housekeeper.look(at: Self.start)
    #expect(lines.take().isEmpty)
    store.change {
      $0.health.term = 12
      $0.health.writes = WriteTimes(count: 200, median: .milliseconds(250))
    }
    await housekeeper.look(at: Self.start + .seconds(10))
    let told = lines.take().map(\.text)
    #expect(told.count == 2 && told[0].contains("9 elections") && told[1].contains("takes 250 ms"), "\(told)")
    store.change {
      $0.health.members = Self.members([.answers, .answers, .silent(reason: "no route to host")])
      $0.health.writes = WriteTimes(count: 200, median: .milliseconds(2))
    }
    await housekeeper.look(at: Self.start + .seconds(20))
    #expect(lines.take().count == 2)
    await housekeeper.look(at: Self.start + .seconds(20 + 7200))
    #expect(
      lines.take().map(\.text) == ["The store's members elect no new leader any more"], "a silence that goes on is no news")
    #expect(await housekeeper.picture?.concerns.first?.text.contains("has not answered for 2 h") == true)
  }
}
