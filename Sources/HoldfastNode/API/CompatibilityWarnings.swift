import DomainXML
import HoldfastModel

/// Sentences for whoever defines a workload: which nodes cannot run it. This node was asked now. Of the others their reports tell what of the same kind
/// they cannot run; what nobody has yet they look at within seconds, and the status tells.
struct CompatibilityWarnings {
  private let view: ClusterView
  private let node: NodeName
  /// What this node cannot run of what is being defined; nil: it was not asked.
  private let now: [WorkloadName: Incompatibility]?
  private var requirements: [WorkloadName: DomainRequirement?] = [:]

  /// So many of the workloads that a node cannot run for one reason are read, to see whether another one asks for the same.
  private static let mostRead = 8

  /// - Parameters:
  ///   - view: before the definitions change.
  ///   - node: the one that is asked.
  init(_ view: ClusterView, on node: NodeName, now: [WorkloadName: Incompatibility]?) {
    self.view = view
    self.node = node
    self.now = now
  }

  mutating func warnings(of name: WorkloadName, _ spec: SpecRecord) -> [String] {
    let requirement = DomainRequirement(of: spec.xml)
    var reasons: [(node: NodeName, why: Incompatibility)] = []
    if let why = now?[name] { reasons.append((node, why)) }
    for (other, report) in view.reports where (now == nil || other != node) && view.session(of: other) != nil {
      for group in report.value.incompatible ?? [] where isAmong(group.workloads, name, spec, requirement) {
        reasons.append((other, group.reason))
        break
      }
    }
    return reasons.sorted { $0.node < $1.node }.map { "\($0.node) cannot run it: \($0.why.clause). Next: \($0.why.remedy)" }
  }

  /// It is one of them, as it is defined, or asks for the same as one.
  private mutating func isAmong(
    _ workloads: [WorkloadName], _ name: WorkloadName, _ spec: SpecRecord, _ requirement: DomainRequirement?
  ) -> Bool {
    if view.specs[name]?.value.xml == spec.xml { return workloads.contains(name) }
    guard let requirement else { return false }
    for other in workloads.prefix(Self.mostRead) where view.specs[other]?.value.connection == spec.connection {
      if requirements[other] == nil {
        requirements[other] = .some(view.specs[other].flatMap { DomainRequirement(of: $0.value.xml) })
      }
      if requirements[other] == .some(.some(requirement)) { return true }
    }
    return false
  }
}
