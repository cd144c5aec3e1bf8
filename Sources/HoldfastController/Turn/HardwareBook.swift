import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Differences between what runs here and what the store says of it: compared when either of the two changes, and remembered.
struct HardwareBook: Sendable {
  struct Page: Sendable {
    /// Of the run that was compared: its UUID and epoch.
    fileprivate var uuid: String
    fileprivate var epoch: Epoch?
    /// As this life of the controller saw the run first.
    fileprivate var first: DomainHardware
    fileprivate var running: DomainHardware
    /// `SpecRecord.definition` of what it was compared with, and of what it was started from.
    fileprivate var definition: String
    fileprivate var started: String?
    /// The disks first.
    fileprivate(set) var differences: [HardwareDifference] = []
    fileprivate var others: [String: OtherDisk] = [:]
    /// Differences that the definition certainly lags behind: it is what the domain was started from, or the domain was seen to change its disk.
    fileprivate var newer: Set<String> = []

    /// Disks that the definition lags behind. Where it was changed since the start, another disk in it may be what its operator wants: what the claim
    /// told before counts then.
    func newerDisks(_ claim: ClaimRecord?) -> [String: OtherDisk] {
      others.filter { newer.contains($0.key) || claim?.newerDisks?[$0.key] != nil }
    }
  }

  private var pages: [WorkloadName: Page] = [:]

  /// nil: nothing of it runs here, or nothing is known of its hardware.
  subscript(workload: WorkloadName) -> Page? { pages[workload] }

  /// - Parameter domain: of the workload, as it is seen here now.
  mutating func compare(
    _ workload: WorkloadName, _ domain: DomainObservation?, with spec: SpecRecord?, _ reader: any HardwareReader
  ) {
    guard let domain, let spec, let running = domain.hardware else {
      pages[workload] = nil
      return
    }
    let before = pages[workload], definition = spec.definition, started = domain.mark?.definition
    let isSameRun = before?.uuid == domain.uuid && before?.epoch == domain.mark?.epoch
    if let before, isSameRun, before.running == running, before.definition == definition, before.started == started { return }
    guard let stored = reader.read(spec.xml) else {
      pages[workload] = nil
      return
    }
    let first = isSameRun ? before?.first ?? running : running
    var page = Page(
      uuid: domain.uuid, epoch: domain.mark?.epoch, first: first, running: running, definition: definition, started: started)
    page.differences = DomainHardware.differences(stored: stored, running: running)
    page.others = DomainHardware.otherDisks(stored: stored, running: running)
    let changed = DomainHardware.otherDisks(stored: first, running: running)
    page.newer = Set(page.others.keys.filter { spec.isWhatRuns(startedFrom: started) || changed[$0] != nil })
    pages[workload] = page
  }
}

extension SpecRecord {
  /// The definition is the one that a domain was started from, or was taken from it while it ran.
  func isWhatRuns(startedFrom started: String?) -> Bool { started.map { $0 == definition || $0 == takenFrom } ?? true }
}
