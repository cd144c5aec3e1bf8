import HoldfastModel
import HoldfastPlanning

/// The policies by which a controller plans and acts.
struct RulesInForce: Sendable {
  private(set) var planner = PolicyPlanner()
  /// The record's revision that was read last; zero: there was none.
  private var read = Revision.zero
  /// Why what is in the store cannot be used. The last policies that could be read hold on.
  private(set) var flaw: String?
  /// False when there are policies and this build never could read any: planning without them could break every one of them.
  private(set) var mayPlan = true
  private var settings: [WorkloadName: WorkloadSettings] = [:]

  /// Takes what is in the store.
  ///
  /// - Parameters:
  ///   - record: nil: no policies.
  ///   - unreadable: why the record itself could not be read.
  /// - Returns: false when it is what was read before.
  mutating func take(_ record: Stored<PoliciesRecord>?, unreadable: String?, with reader: any PolicyReader) -> Bool {
    if let unreadable {
      defer { refuse(unreadable) }
      return flaw != unreadable
    }
    let revision = record?.modified ?? .zero
    guard revision != read || flaw != nil else { return false }
    do throws(UnreadablePolicies) {
      planner = PolicyPlanner(
        try record.map { record throws(UnreadablePolicies) in try reader.read(record.value.files) } ?? .none)
      (read, flaw, mayPlan, settings) = (revision, nil, true, [:])
      return true
    } catch {
      defer { refuse(error.reason) }
      return flaw != error.reason
    }
  }

  private mutating func refuse(_ reason: String) {
    flaw = reason
    if read == .zero { mayPlan = false }
  }

  /// What the rules say about a workload.
  mutating func settings(of workload: WorkloadName, _ spec: SpecRecord) -> WorkloadSettings {
    if planner.policies.workloads.isEmpty { return WorkloadSettings() }
    if let known = settings[workload] { return known }
    let found = planner.policies.settings(of: workload, labels: spec.labels)
    settings[workload] = found
    return found
  }

  /// Copies of it must not run at the same time.
  func isExclusive(_ workload: WorkloadName, _ spec: SpecRecord) -> Bool {
    if planner.policies.workloads.isEmpty { return true }
    return (settings[workload] ?? planner.policies.settings(of: workload, labels: spec.labels)).exclusive
  }

  /// The workload's labels may be others now.
  mutating func forget(_ workload: WorkloadName) { if !settings.isEmpty { settings[workload] = nil } }
}

extension Controller {
  /// The planner by the policies that are in force.
  public var planner: PolicyPlanner { rules.planner }
  /// Why the policies in the store cannot be used; nil when they can.
  public var policyFlaw: String? { rules.flaw }

  /// Reads the policies again when they changed.
  mutating func readPolicies() {
    guard rules.take(view.policies, unreadable: view.unreadable[.policies], with: configuration.policyReader) else { return }
    role.planIsDue = true
    makeEveryWorkloadDirty()
    if let flaw = rules.flaw {
      let consequence =
        rules.mayPlan ? "the ones before hold on" : "\(me) does not plan until it can. Is its build older than the others'?"
      note(.policies, "\(me) cannot read the policies: \(flaw); \(consequence)", severity: .error, subject: me)
    } else if isPlanner {
      let count = rules.planner.policies.nodes.count + rules.planner.policies.workloads.count
      note(.policies, "policies with \(count) \(count == 1 ? "rule" : "rules") are in force")
    }
  }
}
