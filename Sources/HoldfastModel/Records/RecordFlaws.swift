/// Values that no program of ours writes and that arithmetic would trip over. They come from outside: one of them must not stop every
/// controller of the cluster.
extension Record {
  /// The error in the record's values; nil when nothing is.
  var flaw: String? {
    switch self {
    case .session(let session):
      if !(1...86_400_000).contains(session.ttl) { return "the field 'ttl' is not between 1 ms and a day" }
      if !Self.isTime(session.clock ?? 0) { return "the field 'clock' is out of range" }
      return Self.isCount(session.counter) ? nil : "the field 'counter' is out of range"
    case .claim(let claim):
      if !Self.isCount(claim.epoch.value) { return "the field 'epoch' is out of range" }
      if !Self.isCount(claim.migration?.mark?.value ?? 0) { return "the migration's mark is out of range" }
      if !(0...1_000_000).contains(claim.ends ?? 0) { return "the field 'ends' is out of range" }
      return claim.failures.values.allSatisfy { (0...1_000_000).contains($0.count) } ? nil : "a failure's count is out of range"
    case .node(let node): return node.capacity.flaw.map { "the field 'capacity' \($0)" }
    case .report(let report): return report.unmanaged.flaw.map { "the field 'unmanaged' \($0)" }
    case .spec(let spec):
      if !SpecRecord.stopTimeouts.contains(spec.stopTimeout) { return "the field 'stopTimeout' is not between 0 and a day" }
      return spec.demand.flaw.map { "the field 'demand' \($0)" } ?? HealthCheck.flaw(of: spec.checks ?? [])
        ?? WorkloadAddress.flaw(of: spec.addresses ?? [])?.clause
    case .released(let released):
      return Self.isTime(released.time) ? Record.spec(released.spec).flaw : "the field 'time' is out of range"
    case .intent(let intent):
      return intent.move.map { Self.isCount(Int64($0.serial)) } ?? true ? nil : "the move's serial is out of range"
    case .placement(let placement):
      return Self.isCount(Int64(placement.servedMove)) ? nil : "the field 'servedMove' is out of range"
    case .maintenance(let maintenance):
      if let parallel = maintenance.parallel, !MaintenanceRecord.parallels.contains(parallel) {
        return
          "the field 'parallel' is not between \(MaintenanceRecord.parallels.lowerBound) and \(MaintenanceRecord.parallels.upperBound)"
      }
      let times = [maintenance.since, maintenance.until ?? 0, maintenance.deadline ?? 0]
      return times.allSatisfy(Self.isTime) ? nil : "a time is out of range"
    case .losses(let losses):
      if !Self.isTime(losses.ailment?.since ?? 0) { return "the ailment's time is out of range" }
      return (1...1000).contains(losses.count) && Self.isTime(losses.last) ? nil : "the field 'count' or 'last' is out of range"
    case .disarm(let disarm):
      return Self.isTime(disarm.since) && Self.isTime(disarm.until ?? 0) ? nil : "a time is out of range"
    case .movesOff(let off): return Self.isTime(off.since) ? nil : "the field 'since' is out of range"
    case .format, .planner, .policies, .definitions, .history, .unreadable: return nil
    }
  }

  /// Milliseconds since 1970, up to the year 10000.
  package static func isTime(_ value: Int64) -> Bool { (0...253_402_300_800_000).contains(value) }

  /// A number that only ever grows by one, with room for more.
  private static func isCount(_ value: Int64) -> Bool { (0...(.max >> 1)).contains(value) }
}

extension Resources {
  /// 1 EiB and a million processors are enough for anybody, and sums of them stay far from overflow.
  fileprivate var flaw: String? {
    if !(0...(1 << 40)).contains(memory) { return "has no possible memory" }
    return (0...1e6).contains(cpus) ? nil : "has no possible number of processors"
  }
}
