import HoldfastModel

/// Notes for people when the health of a workload changes: each failure, each check that cannot be made, and that all is well again.
enum HealthNotes {
  /// - Parameter before: of the same run; nil: nothing was known of it.
  static func tell(
    _ health: WorkloadHealth, before: WorkloadHealth?, of workload: WorkloadName, on me: NodeName, _ effects: inout Effects
  ) {
    let known = Set((before?.findings ?? []).map(Key.init))
    for finding in health.findings where !known.contains(Key(finding)) {
      let text =
        finding.isUnknown
        ? "the check '\(finding.check)' of \(workload) cannot be made on \(me), so nobody knows: \(finding.reason)"
        : "\(workload) fails its check '\(finding.check)' on \(me): \(finding.reason)"
      effects.noteOnce(.health, text, severity: .warning, workload: workload)
    }
    if health.state == .healthy, effects.unsay(.health, workload: workload) {
      effects.note(.health, "\(workload) is healthy again on \(me)", workload: workload)
    }
  }

  /// The parts of a finding that make two the same for people.
  private struct Key: Hashable {
    var check: CheckName
    var isUnknown: Bool

    init(_ finding: WorkloadHealth.Finding) { (check, isUnknown) = (finding.check, finding.isUnknown) }
  }
}
