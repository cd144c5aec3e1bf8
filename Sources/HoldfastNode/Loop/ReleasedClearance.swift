import HoldfastModel
import HoldfastPorts
import Logging

/// Drops what was kept of released workloads when its time is over. The planner's node does it; that needs no right, only somebody who does.
package struct ReleasedClearance: Sendable {
  /// Days count: seldom is enough.
  private static let interval: Duration = .seconds(600)

  private let access: any ClusterAccess
  private let logger: Logger

  package init(access: any ClusterAccess, logger: Logger) {
    self.access = access
    self.logger = logger
  }

  /// Looks until its task is cancelled.
  package func run() async { await inRounds(every: Self.interval) { await look() } }

  /// A bounded number is dropped at a look.
  package func look() async {
    let picture = await access.picture()
    guard picture.view.planner?.value.node == access.node,
      let clearance = ReleasedRecord.clearance(in: picture.view, now: picture.time)
    else { return }
    let count = "\(clearance.writes.count)"
    do throws(StoreError) {
      guard case .committed = try await access.commit(clearance) else { return }
      logger.info("dropped what was kept of released workloads", metadata: ["count": "\(count)"])
    } catch {
      logger.warning(
        "what was kept of released workloads is not dropped yet", metadata: ["count": "\(count)", "reason": "\(error)"])
    }
  }
}
