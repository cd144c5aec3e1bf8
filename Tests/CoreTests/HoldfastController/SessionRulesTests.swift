import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

private func ms(_ value: Int64) -> BootInstant { BootInstant(nanoseconds: value * 1_000_000) }
/// TTL 1 s, margin 100 ms, drift 1 %, stop budget 50 ms: renewals every 200 ms.
private let timing = Timing(ttl: .seconds(1))
private func entry(_ counter: Int64, modified: Int64, created: Int64 = 10) -> Stored<SessionRecord> {
  Stored(
    value: SessionRecord(node: "n1", counter: counter, ttl: 1000, phase: .active), created: Revision(created),
    modified: Revision(modified))
}

/// nil: there is no transaction.
private func conditions(_ transaction: consuming PermittedTransaction?) -> [Condition<RecordKey>]? {
  if let transaction { transaction.transaction.conditions } else { nil }
}

/// Rule 1 of Docs/safety.md.
@Suite struct SessionRuleTests {
  private func standing() -> OwnSession {
    var session = OwnSession(node: "n1", timing: timing)
    session.opens(as: "i1", now: ms(1000))
    session.opened(at: Revision(10))
    return session
  }

  @Test func `the deadline counts from before the request was sent, not from its reply`() {
    var session = standing()
    #expect(session.deadline == ms(1000 + 990 - 50))
    _ = session.renewal(now: ms(1200), leaving: false)
    // The reply comes 300 ms later: it does not matter when.
    #expect(session.renewalEnded(sent: ms(1200), committed: Revision(11)) == .renewed)
    #expect(session.deadline == ms(1200 + 990 - 50))
    #expect(session.isValid(at: ms(2139)))
    #expect(!session.isValid(at: ms(2140)))
  }

  @Test func `an attempt without an answer extends nothing, and is made again`() {
    var session = standing()
    #expect(conditions(session.renewal(now: ms(1200), leaving: false)) != nil)
    #expect(conditions(session.renewal(now: ms(1300), leaving: false)) == nil, "one at a time")
    session.renewalUnanswered(now: ms(1400))
    #expect(session.deadline == ms(1940))
    #expect(conditions(session.renewal(now: ms(1450), leaving: false)) != nil)
  }

  @Test func `refused but standing: an earlier attempt was applied after all; still nothing is extended`() {
    var session = standing()
    _ = session.renewal(now: ms(1200), leaving: false)
    #expect(session.renewalRefused(current: entry(2, modified: 12), now: ms(1300)) == .again)
    #expect(session.deadline == ms(1940))
    let next = conditions(session.renewal(now: ms(1300), leaving: false))
    #expect(next == [.unchanged(.session("i1"), modified: Revision(12))])
  }

  @Test(arguments: [nil, entry(2, modified: 30, created: 30)])
  func `refused and gone, or somebody else's: lost`(current: Stored<SessionRecord>?) {
    var session = standing()
    _ = session.renewal(now: ms(1200), leaving: false)
    #expect(session.renewalRefused(current: current, now: ms(1300)) == .lost)
  }

  @Test func `a session taken up has no deadline of its own before its first renewal`() {
    var session = OwnSession(node: "n1", timing: timing)
    session.takeUp("i1", entry(7, modified: 20), now: ms(5000))
    #expect(session.deadline == nil)
    #expect(!session.isValid(at: ms(5000)))
    let next = conditions(session.renewal(now: ms(5000), leaving: false))
    #expect(next == [.unchanged(.session("i1"), modified: Revision(20))])
  }
}

/// Rules 2 and 3 of Docs/safety.md.
@Suite struct ExpiryRuleTests {
  private func renewing(until end: Int64) -> ExpiryWatch {
    var watch = ExpiryWatch(timing: timing)
    for at in stride(from: Int64(0), through: end, by: 200) { watch.answered(sent: ms(at), now: ms(at)) }
    return watch
  }

  @Test func `expiry counts from when the last change was received`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(1000))
    for at in stride(from: Int64(1200), through: 2200, by: 200) { watch.answered(sent: ms(at), now: ms(at)) }
    #expect(watch.due("i2") == ms(1000 + 1000 + 10 + 100))
    #expect(watch.expired(now: ms(2109)).isEmpty)
    #expect(watch.expired(now: ms(2110)) == ["i2"])
  }

  @Test func `old news does not put it off, new news does`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(1000))
    watch.observe("i2", entry(3, modified: 30), now: ms(1500))
    #expect(watch.due("i2") == ms(2110))
    watch.observe("i2", entry(4, modified: 31), now: ms(1600))
    #expect(watch.due("i2") == ms(2710))
  }

  /// The store was made anew from what a member had: the owner has renewed since what this node saw before.
  @Test func `a record from before what was seen is heard of anew`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(1000))
    watch.observe("i2", entry(4, modified: 31), now: ms(1200))
    watch.reload(["i2": entry(2, modified: 20)], now: ms(1800))
    #expect(watch.due("i2") == ms(1800 + 1110) && watch.changes(of: "i2") == 0 && watch.breach == nil)
    watch.observe("i2", entry(3, modified: 21), now: ms(2000))
    #expect(watch.due("i2") == ms(2000 + 1110) && watch.changes(of: "i2") == 1 && watch.breach == nil)
  }

  @Test func `a store that does not answer us proves nothing about others`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(1000))
    #expect(watch.expired(now: ms(9000)).isEmpty)
  }

  @Test func `after a silence everybody gets two renewal intervals`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(1000))
    watch.answered(sent: ms(9000), now: ms(9000))
    #expect(watch.expired(now: ms(9399)).isEmpty)
    watch.answered(sent: ms(9200), now: ms(9200))
    watch.answered(sent: ms(9400), now: ms(9400))
    #expect(watch.expired(now: ms(9400)) == ["i2"])
  }

  /// The controller was stopped; the store answered before it fell silent.
  @Test func `an answer that lay unread is not the store's return`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(1000))
    watch.answered(sent: ms(1200), now: ms(9000))
    #expect(watch.expired(now: ms(9000)).isEmpty)
    #expect(watch.expired(now: ms(9400)).isEmpty)
    watch.answered(sent: ms(9200), now: ms(9300))
    #expect(watch.expired(now: ms(9699)).isEmpty)
    watch.answered(sent: ms(9600), now: ms(9650))
    #expect(watch.expired(now: ms(9700)) == ["i2"])
  }

  @Test func `a session that ended is not expired`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(0))
    watch.observe("i2", nil, now: ms(500))
    #expect(watch.expired(now: ms(1300)).isEmpty)
  }

  private static let old = PeerStanding.Seen(modified: Revision(30), due: ms(2000), changes: 1)
  private static let new = PeerStanding.Seen(modified: Revision(31), due: ms(2200), changes: 2)

  @Test(arguments: [
    (PeerStanding.watched(old), PeerStanding.watched(new), true), (.watched(new), .watched(old), false),
    (.watched(old), .watched(old), false), (.watched(old), .declaring(old), true), (.watched(old), .declaring(new), false),
    (.declaring(old), .declaring(new), true), (.declaring(old), .declaring(old), false),
    (.declaring(old), .watched(old), true), (.declaring(old), .watched(new), false)
  ])
  func `a session is declared as it was seen, once at a time`(from: PeerStanding, to: PeerStanding, isLegal: Bool) {
    #expect(from.mayBecome(to) == isLegal)
  }

  @Test func `a declaring that failed leaves the session watched, as it was seen meanwhile`() {
    var watch = renewing(until: 1000)
    watch.observe("i2", entry(3, modified: 30), now: ms(0))
    watch.declares("i2")
    #expect(watch.isDeclaring("i2"))
    watch.observe("i2", entry(4, modified: 31), now: ms(1200))
    #expect(watch.isDeclaring("i2"), "the transaction is still on its way")
    watch.declaringFailed("i2")
    #expect(!watch.isDeclaring("i2") && watch.due("i2") == ms(1200 + 1000 + 10 + 100) && watch.breach == nil)
    watch.declares("i2")
    watch.observe("i2", nil, now: ms(1300))
    watch.declaringFailed("i2")
    #expect(watch.due("i2") == nil && watch.breach == nil)
  }

  @Test(arguments: [
    (Attempt.Step.idle, Attempt.Step.underWay, true), (.underWay, .waiting(until: ms(1)), true), (.underWay, .idle, true),
    (.waiting(until: ms(1)), .underWay, true), (.waiting(until: ms(1)), .idle, true), (.underWay, .underWay, false),
    (.idle, .waiting(until: ms(1)), false), (.idle, .idle, false), (.waiting(until: ms(1)), .waiting(until: ms(2)), false)
  ])
  func `one attempt at a time`(from: Attempt.Step, to: Attempt.Step, isLegal: Bool) { #expect(from.mayBecome(to) == isLegal) }

  @Test func `the record's TTL counts, not ours`() {
    var watch = renewing(until: 1000)
    var slow = entry(3, modified: 30)
    slow.value.ttl = 5000
    watch.observe("i2", slow, now: ms(1000))
    #expect(watch.due("i2") == ms(1000 + 5000 + 50 + 100))
  }
}

@Suite struct TimingRuleTests {
  /// What an order takes to reach the guard is no share of the TTL; only where it would eat up most of the deadline is it less.
  @Test(arguments: [
    (Duration.milliseconds(500), Duration.milliseconds(150)), (.seconds(1), .milliseconds(300)),
    (.seconds(3), .milliseconds(300)), (.seconds(600), .milliseconds(300))
  ])
  func `a guard has time to answer, and less than a third of the TTL`(ttl: Duration, isLate: Duration) {
    #expect(Timing(ttl: ttl).guardIsLate == isLate)
  }

  @Test(arguments: [
    (Timing(ttl: .seconds(1)), true), (Timing(ttl: .seconds(3)), true), (Timing(ttl: .milliseconds(400)), false),
    (Timing(ttl: .seconds(1), drift: 200_000), false), (Timing(ttl: .seconds(1), margin: .milliseconds(-1)), false),
    (Timing(ttl: .seconds(1), stopBudget: .milliseconds(500)), false),
    (Timing(ttl: .seconds(1), startBudget: .milliseconds(900)), false)
  ])
  func `times that cannot work together are named`(timing: Timing, works: Bool) {
    #expect((timing.contradiction == nil) == works)
  }

  /// The heart of the argument: whatever the two clocks' rates within the drift, the owner has stopped before anyone may start.
  @Test(arguments: [Duration.milliseconds(500), .seconds(1), .seconds(3), .seconds(30)], [Int64(0), 1000, 10_000, 50_000])
  func `the owner's deadline comes before the observer's expiry at any rates within the drift`(ttl: Duration, drift: Int64) {
    let timing = Timing(ttl: ttl, drift: drift)
    let slowest = 1 - Double(drift) / 1e6, fastest = 1 + Double(drift) / 1e6
    let ownerTrue = (timing.deadline(sent: ms(0)) - ms(0) + timing.stopBudget).inSeconds / slowest
    let observerTrue = (timing.expiry(received: ms(0), ttl: ttl) - ms(0)).inSeconds / fastest
    #expect(ownerTrue < observerTrue)
  }
}
