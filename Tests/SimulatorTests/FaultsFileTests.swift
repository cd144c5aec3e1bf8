import Foundation
import HoldfastYAML
import Scenarios
import Simulator
import Testing

@Suite struct `Faults files` {
  @Test func `change what they name and keep the rest`() throws {
    let rates = try FaultsFile.parse(
      text: """
        start-from: sparse
        host-crash: 90s
        order: never
        lost-messages: 1.5%
        """, file: "f.yaml")
    #expect(rates.intervals[.hostCrash] == .seconds(90))
    #expect(rates.intervals[.order] == nil)
    #expect(rates.lostMessages == 0.015)
    #expect(rates.intervals[.guardCrash] == FaultRates.sparse.intervals[.guardCrash])
    #expect(rates.aftershock == FaultRates.sparse.aftershock)
  }

  @Test func `begin with nothing`() throws {
    let rates = try FaultsFile.parse(text: "host-crash: 5m", file: "f.yaml")
    #expect(rates.intervals == [.hostCrash: .seconds(300)])
  }

  @Test func `tell what is wrong`() {
    #expect {
      try FaultsFile.parse(text: "host-crahs: 5m\nguard-crash: often", file: "f.yaml")
    } throws: { error in
      let said = (error as? FileErrors)?.mistakes.map(\.headline) ?? []
      return said.count == 2 && said[0].hasSuffix("found the unknown key 'host-crahs' (did you mean 'host-crash'?)")
        && said[1].hasPrefix("f.yaml:2:14: error: guard-crash: expected a duration from 100ms to 24h")
    }
  }

  @Test func `have a table in the documentation`() throws {
    #expect(
      try Repository.text("Docs/simulator.md").contains("\n\(FaultsFile.keys.markdown)\n"),
      "the table must be:\n\(FaultsFile.keys.markdown)\n")
  }
}
