import HoldfastModel
import Testing

@Suite struct `The record of a node's losses` {
  @Test func `counts an ailment once, and begins the quarantine when it is over`() {
    let ailment = NodeAilment("srv", "/srv is read-only", since: 1_000_000)
    let ailing = LossesRecord(count: 1, last: 900_000).ailing(ailment)
    #expect(ailing.count == 2 && ailing.last == 1_000_000 && ailing.ailment == ailment && ailing.wasAiling == true)
    let well = ailing.recovered(at: 2_000_000)
    #expect(well.count == 2 && well.last == 2_000_000 && well.ailment == nil && well.wasAiling == true)
    #expect(well.remaining(at: 2_000_000) == 300)
    let lost = ailing.again(at: 3_000_000)
    #expect(lost.ailment == nil && lost.wasAiling == nil, "a node that is lost is left already")
  }

  @Test(
    arguments: [
      (.share(50_000), 50, 1000, true), (.share(50_000), 49, 1000, false), (.mebibytes(2), 2 << 20, 1 << 30, true),
      (.mebibytes(2), (2 << 20) - 1, 1 << 30, false)
    ] as [(LeastFree, UInt64, UInt64, Bool)])
  func `and what is free enough`(least: LeastFree, free: UInt64, total: UInt64, isEnough: Bool) {
    #expect(least.isMet(free: free, of: total) == isEnough)
  }
}
