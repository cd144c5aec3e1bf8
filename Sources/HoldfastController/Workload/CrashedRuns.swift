import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What a node does about what crashed there and is kept by libvirt (`on_crash preserve`): its policy starts it anew, or keeps it for its dump.
enum CrashedRuns {
  /// Ends what crashed. Left is what did not.
  static func attend(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    guard domain.state == .crashed else { return .left }
    if facts.rules.settings(of: parts.name, spec).whenItEnds.staysDown(after: .crashed) {
      parts.run.keepsCrashed(own, facts.me, &effects)
      parts.line.tell(.unclear, own, &effects)
      return .taken
    }
    guard own.claim?.value.newerDisks == nil else {
      effects.noteOnce(
        .stopping,
        "\(parts.name) crashed on \(facts.me) and is not started anew: its definition names older disks than it ran on",
        severity: .error, workload: parts.name)
      parts.line.tell(.unclear, own, &effects)
      return .taken
    }
    guard turn.mayAct else {
      effects.waitForTime(parts.name)
      return .taken
    }
    parts.startAnew(domain, after: "crashed", turn, facts, own, &effects)
    return .taken
  }
}
