import DomainXML
import HoldfastModel
import HoldfastOperator
import HostParts

extension WorkloadDefinition {
  /// The spec that it stands for. A UUID that it does not give is the XML's own, the one that the workload has, or one derived from
  /// names; in this order. What is known to lie under disks that it still names stays known.
  ///
  /// - Throws: the first thing in it that no workload can have.
  public func spec(cluster: String, present: SpecRecord?) throws(OperatorError) -> SpecRecord {
    let workload = WorkloadName(name)
    // Longer than the store can hold is not read.
    let isRead = xml.utf8.count <= SpecRecord.greatestXML && !SpecRecord.isOfHost(connection)
    let (outline, flaw) = isRead ? DomainOutline.read(xml) : (nil, nil)
    let own = uuid ?? outline?.uuid
    var spec = SpecRecord(
      connection: connection,
      uuid: own.map { NameUUID.normalized($0) ?? $0 } ?? present?.uuid
        ?? NameUUID.derived(cluster: cluster, workload: workload),
      xml: xml, demand: demand, labels: labels, priority: priority, isolation: isolation, stopTimeout: stopTimeout,
      shared: shared ?? [], checks: checks ?? [], addresses: addresses ?? [])
    try spec.check(for: workload)
    if let flaw {
      throw OperatorError(
        .invalid, thing: "workload \(name)", reason: "its XML is broken in \(flaw)", remedy: flaw.remedy)
    }
    if let said = outline?.uuid.map({ NameUUID.normalized($0) ?? $0 }), said != spec.uuid {
      throw OperatorError(
        .invalid, thing: "workload \(name)", reason: "its UUID is \(spec.uuid), but its XML says \(said)",
        remedy: "Make them agree, or remove <uuid> from the XML.")
    }
    spec.setUnderneath(present?.underneath ?? [:])
    return spec
  }
}
