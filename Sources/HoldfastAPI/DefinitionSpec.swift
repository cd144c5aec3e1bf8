import HoldfastModel
import HoldfastOperator

extension WorkloadDefinition {
  /// The spec that it stands for. A UUID that it does not give is the XML's own, the one that the workload has, or one derived from
  /// names; in this order.
  ///
  /// - Throws: the first thing in it that no workload can have.
  public func spec(cluster: String, present: SpecRecord?) throws(OperatorError) -> SpecRecord {
    let workload = WorkloadName(name)
    let own = uuid ?? (try? DomainOutline(xml))?.uuid
    let spec = SpecRecord(
      connection: connection,
      uuid: own.map { NameUUID.normalized($0) ?? $0 } ?? present?.uuid
        ?? NameUUID.derived(cluster: cluster, workload: workload),
      xml: xml, demand: demand, labels: labels, priority: priority, isolation: isolation, stopTimeout: stopTimeout)
    try spec.check(for: workload)
    return spec
  }
}
