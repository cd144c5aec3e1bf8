import Foundation
import HoldfastTime
import Simulator
import Testing

@Suite struct `A storm` {
  /// `SEEDS=5000` runs more of them, `SEED=17` one.
  private static func seeds(_ usual: UInt64) -> ClosedRange<UInt64> {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["SEED"].flatMap(UInt64.init) { return seed...seed }
    return 1...max(1, environment["SEEDS"].flatMap(UInt64.init) ?? usual)
  }

  private func search(
    _ kind: String, _ seeds: ClosedRange<UInt64>, _ settings: @escaping @Sendable (UInt64) -> Settings
  ) async {
    let jobs = ProcessInfo.processInfo.activeProcessorCount
    let report = await Campaign(seeds: seeds, jobs: jobs, settings: settings).run()
    for violation in report.violations { Issue.record("\(kind): \(violation)") }
    let hours = Int(report.virtual.inSeconds / 3600)
    print(
      "\(kind): \(report.seeds) seeds, \(hours) virtual hours, \(report.violations.count) violations,",
      "\(Int(report.speed)) virtual seconds for each second that a processor was at work")
    // Tame runs prove nothing.
    for kind in settings(1).faults.intervals.keys {
      #expect(seeds.count < 20 || report.tally.faults[kind] ?? 0 > 0, "\(kind)")
    }
  }

  @Test func `of minutes breaks no rule, however dense it is`() async {
    await search("short", Self.seeds(800)) { .dense(seed: $0) }
  }

  @Test func `of hours breaks no rule`() async {
    await search("long", Self.seeds(80)) { .long(seed: $0) }
  }

  /// Every storm is looked at for that; these are more closely.
  @Test func `overlooks nothing`() async {
    await search("overlooked", Self.seeds(200)) {
      var settings = Settings.dense(seed: $0)
      settings.turnsBetweenLooks = 31
      return settings
    }
  }

  @Test func `with a store that fills up as well breaks no rule`() async {
    await search("full store", Self.seeds(120)) {
      var settings = Settings.dense(seed: $0)
      settings.faults.intervals[.storeFull] = .seconds(15)
      return settings
    }
  }

  @Test func `in which services fail breaks no rule`() async {
    await search("checks", Self.seeds(200)) { .dense(seed: $0, checks: true) }
  }

  @Test func `of hours in which services fail breaks no rule`() async {
    let rates = FaultRates.sparse.withServices(thinning: FaultRates.sparseThinning)
    await search("long, checks", Self.seeds(20)) { .long(seed: $0, faults: rates) }
  }

  @Test func `in which addresses fail breaks no rule`() async {
    await search("addresses", Self.seeds(200)) { .dense(seed: $0, addresses: true) }
  }

  @Test func `in which addresses fail overlooks nothing`() async {
    await search("overlooked, addresses", 1...60) {
      var settings = Settings.dense(seed: $0, addresses: true)
      settings.turnsBetweenLooks = 211
      return settings
    }
  }

  @Test func `in which services fail overlooks nothing`() async {
    await search("overlooked, checks", 1...60) {
      var settings = Settings.dense(seed: $0, checks: true)
      settings.turnsBetweenLooks = 211
      return settings
    }
  }

  @Test func `in which nodes fail their own checks breaks no rule`() async {
    await search("node checks", Self.seeds(200)) { .dense(seed: $0, nodeChecks: true) }
  }

  @Test func `in which nodes fail their own checks overlooks nothing`() async {
    await search("overlooked, node checks", 1...60) {
      var settings = Settings.dense(seed: $0, checks: true, nodeChecks: true)
      settings.turnsBetweenLooks = 211
      return settings
    }
  }

  @Test func `in which parts of workloads fail breaks no rule`() async {
    await search("parts", Self.seeds(200)) { .dense(seed: $0, parts: true) }
  }

  @Test func `in which parts and addresses of workloads fail breaks no rule`() async {
    await search("parts, addresses", Self.seeds(60)) { .dense(seed: $0, addresses: true, parts: true) }
  }

  @Test func `in which parts of workloads fail overlooks nothing`() async {
    await search("overlooked, parts", 1...60) {
      var settings = Settings.dense(seed: $0, parts: true)
      settings.turnsBetweenLooks = 211
      return settings
    }
  }

  @Test func `writes only what its codec reads again`() async {
    await search("codec", 1...30) {
      var settings = Settings.dense(seed: $0)
      settings.checksCodec = true
      return settings
    }
    await search("codec, node checks", 1...15) {
      var settings = Settings.dense(seed: $0, nodeChecks: true)
      settings.checksCodec = true
      return settings
    }
    await search("codec, parts", 1...15) {
      var settings = Settings.dense(seed: $0, parts: true)
      settings.checksCodec = true
      return settings
    }
    await search("codec, checks", 1...15) {
      var settings = Settings.dense(seed: $0, checks: true)
      settings.checksCodec = true
      return settings
    }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `is the same in every detail when it comes from the same seed`(seed: UInt64) {
    var settings = Settings.dense(seed: seed)
    settings.keepsStory = true
    let one = Simulation.run(seed: seed, settings), other = Simulation.run(seed: seed, settings)
    #expect(one.hash == other.hash)
    #expect(one.story == other.story)
    #expect(one.story.count > 500)
  }

  @Test func `is another one when it comes from another seed`() {
    let hashes = (UInt64(1)...20).map { Simulation.run(seed: $0, .dense(seed: 1)).hash }
    #expect(Set(hashes).count == 20)
  }

  @Test(arguments: [UInt64(4), 5])
  func `is the same when its faults come from a list`(seed: UInt64) {
    var settings = Settings.dense(seed: seed)
    let one = Simulation.run(seed: seed, settings)
    settings.schedule = one.happenings
    settings.keepsStory = true
    let replayed = Simulation.run(seed: seed, settings)
    #expect(replayed.happenings == one.happenings)
    #expect(replayed.violation == one.violation)
  }
}
