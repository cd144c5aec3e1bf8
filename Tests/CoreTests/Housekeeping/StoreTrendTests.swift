import HoldfastModel
import HoldfastTime
import Housekeeping
import Testing

/// What is concluded from one look at the store after the other.
@Suite struct StoreTrendTests {
  private static let start = BootInstant(nanoseconds: 1_000_000_000_000)

  private static func health(
    term: UInt64? = nil, median: Duration? = nil, count: Int = 100, silent: [String] = []
  ) -> StoreHealth {
    var health = StoreHealth(
      members: ["h1", "h2", "h3"].map {
        StoreMember(name: $0, standing: silent.contains($0) ? .silent(reason: "no answer in time") : .answers)
      })
    health.term = term
    health.writes = median.map { WriteTimes(count: count, median: $0) }
    return health
  }

  @Test func `elections are counted for an hour`() {
    var course = StoreCourse(ttl: .seconds(3))
    func elections(_ term: UInt64?, after seconds: Int) -> Int {
      course.saw(Self.health(term: term), at: Self.start + .seconds(seconds)).elections
    }
    #expect(elections(nil, after: 0) == 0)
    #expect(elections(7, after: 10) == 0, "what was before the first look is not known")
    #expect(elections(8, after: 20) == 1)
    #expect(elections(8, after: 30) == 1)
    #expect(elections(nil, after: 40) == 1, "nobody told")
    #expect(elections(12, after: 1000) == 5, "also those that nobody won")
    #expect(elections(12, after: 3619) == 5)
    #expect(elections(12, after: 3620) == 4)
    #expect(elections(12, after: 4600) == 0)
    #expect(elections(2, after: 4610) == 0, "the store was made anew")
    #expect(elections(3, after: 4620) == 1)
  }

  @Test func `thousands of elections cost no memory, and are all counted`() {
    var course = StoreCourse(ttl: .seconds(3))
    var last = 0
    for look in 0..<2000 {
      last = course.saw(Self.health(term: UInt64(look * 5)), at: Self.start + .seconds(look * 10)).elections
    }
    #expect(last == 360 * 5)
    #expect(course.saw(Self.health(term: .max), at: Self.start + .seconds(20_000)).elections > 0)
  }

  @Test func `silence is counted from the look that first met it, and anew after an answer`() {
    var course = StoreCourse(ttl: .seconds(3))
    func silences(_ silent: [String], after seconds: Int) -> [String: Duration] {
      course.saw(Self.health(silent: silent), at: Self.start + .seconds(seconds)).silences
    }
    #expect(silences([], after: 0).isEmpty)
    #expect(silences(["h3"], after: 10) == ["h3": .zero])
    #expect(silences(["h2", "h3"], after: 4000) == ["h2": .zero, "h3": .seconds(3990)])
    #expect(silences(["h2"], after: 4010) == ["h2": .seconds(10)])
    #expect(silences(["h3"], after: 4020) == ["h3": .zero])
  }

  /// TTL in seconds, median in milliseconds, how many writes, whether it was slow before, whether it is.
  @Test(
    arguments: [
      (3, 299, 100, false, false), (3, 301, 100, false, true), (3, 301, 19, false, false), (3, 260, 100, true, true),
      (3, 220, 100, true, false), (1, 99, 100, false, false), (1, 101, 100, false, true), (30, 2999, 100, false, false),
      (30, 3001, 100, false, true)
    ]) func `how slow is too slow follows from the TTL`(ttl: Int, median: Int, count: Int, before: Bool, after: Bool)
  {
    var course = StoreCourse(ttl: .seconds(ttl))
    if before { _ = course.saw(Self.health(median: .seconds(ttl)), at: Self.start) }
    let trend = course.saw(Self.health(median: .milliseconds(median), count: count), at: Self.start + .seconds(10))
    #expect(trend.slowWrite == (after ? .milliseconds(median) : nil))
  }
}
