import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import Testing

/// Hands off: longer times, the same rules.
@Suite struct DisarmingTests {
  private func ttl(_ rig: Rig) -> Int64? {
    if case .session(let record)? = rig.store.entries[.session(rig.sessions().first ?? "none")]?.value {
      record.ttl
    } else {
      nil
    }
  }
  private func disarm(_ rig: inout Rig, until: Int64? = nil) {
    rig.send(.wallTime(WeekTime(minute: 0), 1_000_000))
    rig.write([.put(.disarm, .disarm(DisarmRecord(since: 1_000_000, until: until)))])
    rig.pass(.milliseconds(500))
  }

  @Test func `the session stands for longer, and the guard's deadline follows what was confirmed`() {
    var rig = Rig.guarded()
    let usual = ttl(rig)
    disarm(&rig)
    #expect(usual == 1000 && ttl(rig) == 600_000)
    guard case .armed(let deadline)? = rig.machine?.state.phase else { return #expect(Bool(false), "armed") }
    #expect(deadline > rig.now + .seconds(500) && deadline < rig.now + .seconds(600))
    rig.storeIsAway = true
    rig.pass(.seconds(60))
    #expect(rig.machine?.state.phase == .armed(deadline: deadline), "nothing is frozen")
  }

  @Test func `nobody is declared lost, and nothing is placed anew`() {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2")
    rig.apply("w1")
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2")
    disarm(&rig)
    rig.renewed = [:]
    rig.pass(.seconds(10))
    #expect(rig.sessions(of: "n2") == ["i2"] && rig.placement("w1")?.node == "n2")
    rig.write([.delete(.disarm)])
    rig.pass(.seconds(2))
    #expect(rig.sessions(of: "n2").isEmpty && rig.placement("w1")?.node == "n1")
  }

  @Test func `the guard confirms the shorter deadline before the shorter session is written`() {
    var rig = Rig.guarded()
    disarm(&rig)
    rig.mood = .holds
    rig.write([.delete(.disarm)])
    rig.deliver()
    rig.pass(.milliseconds(100))
    let order = rig.actions.compactMap { action -> String? in
      switch action {
      case .tellGuard(.shorten): "shorten"
      case .transact(_, let transaction, _):
        transaction.writes.contains { if case .put(_, .session(let record)) = $0 { record.ttl == 1000 } else { false } }
          ? "write" : nil
      default: nil
      }
    }
    #expect(Array(order.suffix(2)) == ["shorten", "write"], "\(order)")
    guard case .armed(let deadline)? = rig.machine?.state.phase else { return #expect(Bool(false), "armed") }
    #expect(deadline <= rig.now + .seconds(1))
  }

  @Test func `it ends by itself when its time is over, and no session says more than that`() {
    var rig = Rig.guarded()
    disarm(&rig, until: 1_020_000)
    #expect(ttl(rig).map { $0 > 18_000 && $0 <= 20_000 } == true)
    rig.pass(.seconds(21))
    #expect(rig.store.entries[.disarm] == nil && ttl(rig) == 1000)
  }

  @Test func `a wall clock that is wrong does not arm it: the span is counted from when the record came`() {
    var rig = Rig.guarded()
    disarm(&rig, until: 1_020_000)
    rig.send(.wallTime(WeekTime(minute: 60), 5_000_000))
    rig.pass(.seconds(18))
    #expect(rig.store.entries[.disarm] != nil)
    rig.pass(.seconds(3))
    #expect(rig.store.entries[.disarm] == nil)
  }

  @Test func `new settings keep the beginning`() {
    var rig = Rig.guarded()
    disarm(&rig, until: 1_020_000)
    rig.pass(.seconds(10))
    rig.write([.put(.disarm, .disarm(DisarmRecord(reason: "new switch", since: 1_000_000, until: 1_030_000)))])
    rig.pass(.seconds(18))
    #expect(rig.store.entries[.disarm] != nil)
    rig.pass(.seconds(3))
    #expect(rig.store.entries[.disarm] == nil)
  }

  /// A controller that starts later did not see the record come: it asks the clocks of the cluster, of which one may be wrong.
  @Test(arguments: [(1_010_000, 11), (9_000_000, 11), (1000, 11), (1_022_000, 11)] as [(Int64, Int)])
  func `a life that finds it counts from where most of the clocks are`(own: Int64, seconds: Int) {
    var rig = Rig()
    rig.write([.put(.disarm, .disarm(DisarmRecord(since: 1_000_000, until: 1_020_000)))])
    for (number, node) in ["n2", "n3"].enumerated() {
      var record = SessionRecord(node: NodeName(node), counter: 1, ttl: 60_000, phase: .active)
      record.clock = 1_010_000 - Int64(number)
      rig.write([.put(.session(Incarnation("i\(number)")), .session(record))])
    }
    rig.send(.wallTime(WeekTime(minute: 0), own))
    rig.begin()
    rig.pass(.seconds(8))
    #expect(rig.store.entries[.disarm] != nil)
    rig.pass(.seconds(seconds - 8 + 1))
    #expect(rig.store.entries[.disarm] == nil)
  }

  @Test(arguments: [(0, false), (-3_600_000, true), (3_600_000, true)] as [(Int64, Bool)])
  func `a clock that is off is told, once`(difference: Int64, isTold: Bool) {
    var rig = Rig.running()
    for second in 0..<100 as Range<Int64> {
      rig.send(.wallTime(WeekTime(minute: 0), 10_000_000 + second * 1000))
      for (node, incarnation) in [("n2", "i2"), ("n3", "i3")] as [(NodeName, Incarnation)] {
        let record = SessionRecord(
          node: node, counter: second + 1, ttl: 5000, phase: .active, clock: 10_000_000 + second * 1000 + difference)
        rig.write([.put(.session(incarnation), .session(record))])
      }
      rig.pass(.seconds(1), step: .milliseconds(200))
    }
    #expect(rig.notes().count { $0 == .clock } == (isTold ? 1 : 0))
    #expect((rig.report()?.flaws ?? []).map(\.code) == (isTold ? [NodeFlaw.clock] : []), "as long as it is so")
  }

  @Test func `a clock that was put right is no flaw any more`() {
    var rig = Rig.running()
    for second in 0..<200 as Range<Int64> {
      rig.send(.wallTime(WeekTime(minute: 0), 10_000_000 + second * 1000))
      let ahead: Int64 = second < 100 ? -60_000 : 0
      for (node, incarnation) in [("n2", "i2"), ("n3", "i3")] as [(NodeName, Incarnation)] {
        let record = SessionRecord(
          node: node, counter: second + 1, ttl: 5000, phase: .active, clock: 10_000_000 + second * 1000 + ahead)
        rig.write([.put(.session(incarnation), .session(record))])
      }
      rig.pass(.seconds(1), step: .milliseconds(200))
      if second == 99 { #expect(rig.report()?.flaws?.map(\.isMinor) == [true], "a warning, and no reason to worry") }
    }
    #expect(rig.report()?.flaws == nil)
  }

  /// How far the others' clocks are ahead of this node's, and what it says.
  static let clocks: [([Int64], String)] = [
    ([7_230_000], "the clocks of n1 and n2 differ by 120 min: one of them is wrong"),
    ([-7_230_000], "the clocks of n1 and n2 differ by 120 min: one of them is wrong"),
    ([7_230_000, 7_230_000], "the clock of n1 is 120 min behind the other nodes' clocks. Set it"),
    ([0, 7_230_000, 7_230_000], "the clock of n1 is 120 min behind those of n3 and n4, and there is no majority"),
    ([7_230_000, 14_400_000], "the clock of n1 is 120 min behind that of n2, and there is no majority")
  ]

  @Test(arguments: clocks)
  func `whose clock is wrong is said only where most clocks agree`(ahead: [Int64], words: String) {
    var rig = Rig.running()
    for second in 0..<100 as Range<Int64> {
      rig.send(.wallTime(WeekTime(minute: 0), 10_000_000 + second * 1000))
      for (index, ahead) in ahead.enumerated() {
        let record = SessionRecord(
          node: NodeName("n\(index + 2)"), counter: second + 1, ttl: 5000, phase: .active,
          clock: 10_000_000 + second * 1000 + ahead)
        rig.write([.put(.session(Incarnation("peer\(index)")), .session(record))])
      }
      rig.pass(.seconds(1), step: .milliseconds(200))
    }
    let told = rig.actions.compactMap { action in
      if case .note(let note) = action, note.kind == .clock { note.text } else { nil }
    }
    #expect(told.count == 1 && told[0].hasPrefix(words), "\(told)")
    let flaw = rig.report()?.flaws?.first?.text ?? ""
    #expect(flaw.hasPrefix("has a clock that is 120 min "), "\(flaw)")
    #expect(
      flaw.contains("no majority") == words.contains("no majority") && flaw.contains("nobody") == words.contains("differ"))
  }

  @Test func `a stop leaves everything as it is`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    disarm(&rig)
    rig.actions = []
    rig.send(.leave(fast: true))
    #expect(rig.actions.contains(.finished) && rig.stops().isEmpty && !rig.sessions().isEmpty)
    #expect(!rig.actions.contains(.save(nil)))
  }

  @Test func `a stop without the guard waits for it: somebody has to enforce the deadline`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    disarm(&rig)
    rig.send(.fromGuard(.lost(reason: "its process ended")))
    rig.actions = []
    rig.send(.leave(fast: true))
    rig.pass(.seconds(1))
    #expect(!rig.actions.contains(.finished))
    #expect(rig.notes().count { $0 == .leaving } == 1, "it says what it waits for, once")
    rig.send(.fromGuard(.connected(GuardState(phase: .armed(deadline: rig.now + .seconds(1)), workloads: ["w1"]))))
    #expect(rig.actions.contains(.finished) && rig.stops().isEmpty)
  }

  @Test func `a stop that waits for the guard becomes a departure when the cluster is armed`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    disarm(&rig)
    rig.send(.fromGuard(.lost(reason: "its process ended")))
    rig.send(.leave(fast: false))
    #expect(!rig.controller.isFinished)
    rig.write([.delete(.disarm)])
    rig.pass(.milliseconds(100))
    rig.send(.fromGuard(.connected(GuardState(phase: .armed(deadline: rig.now + .seconds(1)), workloads: ["w1"]))))
    rig.pass(.seconds(2))
    #expect(rig.controller.isFinished && rig.sessions().isEmpty)
  }

  @Test func `a guard that is isolated confirms the shorter deadline, too: what is stop holds its disks until then`() {
    var rig = Rig.guarded()
    disarm(&rig)
    rig.tellMachine(.command(.isolate))
    rig.pass(.milliseconds(40))
    rig.tellMachine(.command(.isolate))
    rig.mood = .holds
    rig.write([.delete(.disarm)])
    rig.deliver()
    rig.pass(.milliseconds(100))
    let told = rig.actions.lastIndex { if case .tellGuard(.shorten) = $0 { true } else { false } }
    let written = rig.actions.lastIndex { action in
      guard case .transact(_, let transaction, _) = action else { return false }
      return transaction.writes.contains { if case .put(_, .session(let record)) = $0 { record.ttl == 1000 } else { false } }
    }
    #expect(told != nil && written != nil && told ?? 0 < written ?? 0)
  }
}
