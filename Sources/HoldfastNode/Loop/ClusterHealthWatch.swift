import HoldfastModel
import HoldfastOperator
import HoldfastTime
import Housekeeping
import LinuxBasics
import Logging

/// Tells the history of the cluster's health, as `holdfast status` has it on the planner's node. Decides nothing.
package struct ClusterHealthWatch: Sendable {
  private static let interval: Duration = .seconds(5)
  /// At the start libvirt has not told yet what runs.
  private static let firstLook: Duration = .seconds(15)
  private static let depth = 2000

  private let access: any ClusterAccess
  private let readings: Readings
  private let logger: Logger

  package init(_ access: any ClusterAccess, readings: Readings, logger: Logger) {
    self.access = access
    self.readings = readings
    self.logger = logger
  }

  /// Looks until its task is cancelled.
  package func run() async {
    var course: HealthCourse?
    await inRounds(every: Self.interval, after: Self.firstLook) { await look(&course, at: BootClock.now) }
  }

  /// - Parameter course: nil: another node is the planner, as far as this one knows.
  package func look(_ course: inout HealthCourse?, at now: BootInstant) async {
    let picture = await access.picture()
    // Who has no session may be the planner no more, and sees the others as they were.
    guard picture.session != nil, picture.view.planner?.value.node == access.node else {
      course = nil
      return
    }
    var current: HealthCourse
    if let course { current = course } else { current = HealthCourse(await access.history(limit: Self.depth, workload: nil)) }
    if let note = current.saw(await sight(picture, current.sight, at: now), at: now) {
      logger.log(level: note.severity == .error ? .error : note.severity == .warning ? .warning : .notice, "\(note.text)")
      await access.tell(note)
    }
    course = current
  }

  /// Made anew where something has changed: on a cluster at rest that is seldom.
  private func sight(_ picture: ClusterPicture, _ last: HealthCourse.Sight?, at now: BootInstant) async -> HealthCourse.Sight {
    let topics = await access.storePicture()?.concerns.map(\.topic) ?? []
    if let last, last.holds(for: picture.version, topics, at: now) { return last }
    let status = await access.status(picture, await access.history(limit: Self.depth, workload: nil), readings)
    return HealthCourse.Sight(
      version: picture.version, topics: topics, at: now, health: status.health, reasons: status.reasons)
  }
}

extension ClusterAccess {
  /// The cluster on one screen, as this node sees it.
  func status(_ picture: ClusterPicture, _ history: [HistoryRecord], _ readings: Readings) async -> ClusterStatus {
    ClusterStatus(
      picture.view, cluster: cluster, node: node, storeSilence: picture.storeSilence, store: await storePicture(),
      history: history, outlook: await readings.outlook(of: picture), clashes: await readings.clashes(of: picture),
      moves: await readings.moves(of: picture), quarantines: picture.quarantines, own: picture.own(), planner: picture.planner,
      policyFlaw: picture.policyFlaw, fault: picture.fault, now: picture.time)
  }
}
