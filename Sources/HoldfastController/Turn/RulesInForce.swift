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

  /// A workload's settings by the rules.
  func settings(of workload: WorkloadName, _ spec: SpecRecord) -> WorkloadSettings {
    if planner.policies.workloads.isEmpty { return WorkloadSettings() }
    return settings[workload] ?? planner.policies.settings(of: workload, labels: spec.labels)
  }

  /// Settings by the rules are found once for each workload.
  mutating func remember(_ workload: WorkloadName, _ spec: SpecRecord) {
    if planner.policies.workloads.isEmpty || settings[workload] != nil { return }
    settings[workload] = planner.policies.settings(of: workload, labels: spec.labels)
  }

  /// Copies of it must not run at the same time.
  func isExclusive(_ workload: WorkloadName, _ spec: SpecRecord) -> Bool {
    planner.policies.workloads.isEmpty ? true : settings(of: workload, spec).exclusive
  }

  mutating func forgetSettings() { settings = [:] }

  /// The workload's labels may be others now.
  mutating func forget(_ workload: WorkloadName) { if !settings.isEmpty { settings[workload] = nil } }
}
