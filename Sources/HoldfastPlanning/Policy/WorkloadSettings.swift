import GuardCore
import HoldfastModel

/// The single values that the rules give a workload: of each the last one that says something, else the default.
public struct WorkloadSettings: Hashable, Sendable {
  /// nil: the spec's.
  public var priority: Int?
  public var displace = Displacement.nobody
  public var makeRoom = false
  /// nil: the cluster's.
  public var spread: Spread?
  public var failover = Failover()
  public var failback = Failback(.byHand)
  public var evacuation = Evacuation()
  public var stickiness = 0
  public var exclusive = true
  /// nil: the spec's.
  public var isolation: Isolation?
  public var whenItEnds = WhenItEnds.restart
  public var onIOError = OnIOError.leave
  /// The demand that replaces the spec's and adds to it; memory in MiB.
  public var demand: [String: Double] = [:]

  public init() {}

  /// Takes over what a later rule says.
  mutating func apply(_ rule: WorkloadPolicy) {
    if let value = rule.priority { priority = value }
    if let value = rule.displace { displace = value }
    if let value = rule.makeRoom { makeRoom = value }
    if let value = rule.spread { spread = value }
    if let value = rule.failover { failover = value.over(failover) }
    if let value = rule.failback { failback = value }
    if let value = rule.evacuation { evacuation = value.over(evacuation) }
    if let value = rule.stickiness { stickiness = value }
    if let value = rule.exclusive { exclusive = value }
    if let value = rule.isolation { isolation = value }
    if let value = rule.whenItEnds { whenItEnds = value }
    if let value = rule.onIOError { onIOError = value }
    demand.merge(rule.demand) { _, later in later }
  }
}

extension PolicySet {
  /// The settings of one workload, by all rules.
  public func settings(of workload: WorkloadName, labels: [String: String]) -> WorkloadSettings {
    var settings = WorkloadSettings()
    for rule in workloads where rule.selection.matches(name: workload.text, labels: labels) { settings.apply(rule) }
    return settings
  }
}
