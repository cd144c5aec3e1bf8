import HoldfastModel
import HoldfastTime
import Housekeeping
import Testing

/// Which part of the store's history may go, and when.
@Suite struct HistoryRetentionTests {
  private static let start = BootInstant(nanoseconds: 1_000_000_000_000)
  private static func minute(_ minute: Int64) -> BootInstant { start + .seconds(minute * 60) }

  /// A node that has looked once a minute; a hundred revisions came between two looks.
  private static func watching(for minutes: Int64, keeping kept: Duration = HistoryRetention.usual) -> HistoryRetention {
    var retention = HistoryRetention(keeping: kept)
    for minute in 0...minutes { retention.saw(revision(at: minute), at: Self.minute(minute)) }
    return retention
  }
  private static func revision(at minute: Int64) -> Revision { Revision(1000 + 100 * minute) }

  private static let everything = Revision(1_000_000)

  /// What is due to the planner, whose watch is not behind: minutes of looking, and the minute of the revision.
  @Test(arguments: [(0, nil), (59, nil), (60, 0), (64, 0), (65, 5), (125, 65), (600, 540)] as [(Int64, Int64?)])
  func `what is an hour old may go, in steps of a twelfth`(minutes: Int64, expected: Int64?) {
    let due = Self.watching(for: minutes).due(
      at: Self.minute(minutes), watched: Self.everything, isPlanner: true, isFull: false)
    #expect(due == expected.map(Self.revision))
  }

  @Test func `nothing goes that the own watch has still to see`() {
    let retention = Self.watching(for: 120), now = Self.minute(120)
    func due(_ watched: Revision?) -> Revision? {
      retention.due(at: now, watched: watched, isPlanner: true, isFull: false)
    }
    #expect(due(Revision(1003)) == Revision(1003))
    #expect(due(nil) == nil, "it has not begun")
    #expect(due(.zero) == nil)
  }

  @Test func `only the planner forgets, unless the store is full`() {
    let retention = Self.watching(for: 120), now = Self.minute(120)
    #expect(retention.due(at: now, watched: Self.everything, isPlanner: false, isFull: false) == nil)
    #expect(retention.due(at: now, watched: Self.everything, isPlanner: true, isFull: false) == Self.revision(at: 60))
    #expect(retention.due(at: now, watched: Revision(9999), isPlanner: false, isFull: true) == Revision(9999))
    #expect(retention.due(at: now, watched: nil, isPlanner: true, isFull: true) == nil)
  }

  @Test func `a full store is asked at once, also by a node that has looked only once`() {
    var retention = HistoryRetention()
    #expect(retention.due(at: Self.start, watched: Self.everything, isPlanner: true, isFull: true) == nil, "it has not looked")
    retention.saw(Revision(500), at: Self.start)
    #expect(retention.due(at: Self.start, watched: Revision(499), isPlanner: true, isFull: true) == Revision(499))
    retention.asks(at: Self.start)
    #expect(retention.due(at: Self.start, watched: Revision(499), isPlanner: true, isFull: true) == Revision(499))
    retention.forgot(upTo: Revision(499))
    #expect(retention.due(at: Self.start, watched: Revision(499), isPlanner: true, isFull: true) == nil)
  }

  @Test func `not again before the next mark, and not what is forgotten already`() {
    var retention = Self.watching(for: 120)
    func due(_ minute: Int64) -> Revision? {
      retention.due(at: Self.minute(minute), watched: Self.everything, isPlanner: true, isFull: false)
    }
    retention.asks(at: Self.minute(120))
    retention.forgot(upTo: Self.revision(at: 60))
    #expect(due(121) == nil)
    for minute: Int64 in 121...125 { retention.saw(Self.revision(at: minute), at: Self.minute(minute)) }
    #expect(due(125) == Self.revision(at: 65))
    // An attempt of which nobody knows what became of it: the same again, after a while.
    retention.asks(at: Self.minute(125))
    #expect(due(129) == nil)
    #expect(due(130) == Self.revision(at: 70))
  }

  @Test func `in the long run it keeps an hour and a twelfth, whoever is the planner when`() {
    var planner = HistoryRetention(), other = HistoryRetention()
    var forgotten = Revision.zero
    for minute: Int64 in 0...1000 {
      let now = Self.minute(minute), isPlanner = minute < 500
      for index in 0...1 {
        var retention = index == 0 ? planner : other
        retention.saw(Self.revision(at: minute), at: now)
        if let due = retention.due(at: now, watched: Self.everything, isPlanner: isPlanner == (index == 0), isFull: false) {
          retention.asks(at: now)
          retention.forgot(upTo: due)
          #expect(due <= Self.revision(at: minute - 60), "younger than an hour")
          forgotten = max(forgotten, due)
        }
        if index == 0 { planner = retention } else { other = retention }
      }
      if minute > 60 { #expect(forgotten >= Self.revision(at: minute - 66), "minute \(minute)") }
    }
  }

  @Test func `a store that was restored, or a member that is behind, is no reason to forget what it does not have`() {
    var retention = Self.watching(for: 120)
    retention.forgot(upTo: Self.revision(at: 60))
    // A member that is a little behind: only the last mark is taken back.
    retention.saw(Revision(Self.revision(at: 120).value - 1), at: Self.minute(121))
    #expect(
      retention.due(at: Self.minute(125), watched: Self.everything, isPlanner: true, isFull: false) == Self.revision(at: 65))
    // Another store: everything begins anew.
    retention.saw(Revision(7), at: Self.minute(126))
    #expect(retention.forgotten == .zero)
    #expect(retention.due(at: Self.minute(180), watched: Self.everything, isPlanner: true, isFull: false) == nil)
    #expect(retention.due(at: Self.minute(186), watched: Self.everything, isPlanner: true, isFull: false) == Revision(7))
  }

  @Test func `a trial keeps seconds`() {
    var retention = HistoryRetention(keeping: .seconds(12))
    #expect(retention.spacing == .seconds(1))
    for second: Int64 in 0...20 { retention.saw(Revision(second), at: Self.start + .seconds(second)) }
    #expect(
      retention.due(at: Self.start + .seconds(20), watched: Self.everything, isPlanner: true, isFull: false) == Revision(8))
  }
}
