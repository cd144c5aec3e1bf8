import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastTime

/// What operators read and is costly to work out: the plan as it would be now, what would find no room after a loss, who leaves a node in
/// maintenance. Each is worked out once for a version of the picture, however many ask, and on this actor instead of the controller's: those who ask
/// at the same time wait for the first.
package actor Readings {
  private struct Kept<Value: Sendable>: Sendable {
    var version: UInt64
    var until: BootInstant
    var value: Value

    func holds(for picture: ClusterPicture) -> Bool { version == picture.version && picture.instant < until }
  }

  /// Some of it changes with the time alone: for how long a node has been up or down, a quarantine, a failed start that is forgiven, a window of the
  /// week. So it is worked out anew after that time, or sooner where the plan says that it will be another one then.
  private static let mostAge: Duration = .seconds(5)

  /// How often the cluster was planned since the daemon started.
  package private(set) var plans = 0
  private var outlook: Kept<ClusterOutlook>?
  private var moves: Kept<[NodeName: [EvacuationMove]]>?

  package init() {}

  package func outlook(of picture: ClusterPicture) -> ClusterOutlook {
    if let outlook, outlook.holds(for: picture) { return outlook.value }
    plans += 1
    let value = ClusterOutlook(picture.view, planner: picture.planner, planning: picture.planning())
    keep(value, of: picture, for: value.lookAgainAfter.map { .seconds(min($0, 60)) }, in: &outlook)
    return value
  }

  /// By node in maintenance: what that concerns.
  package func moves(of picture: ClusterPicture) -> [NodeName: [EvacuationMove]] {
    if let moves, moves.holds(for: picture) { return moves.value }
    let value = EvacuationMove.all(in: picture.view, planning: { picture.planning() }, policies: picture.planner.policies)
    keep(value, of: picture, for: nil, in: &moves)
    return value
  }

  private func keep<Value>(_ value: Value, of picture: ClusterPicture, for time: Duration?, in kept: inout Kept<Value>?) {
    // Who asked with an older picture may come later.
    if let kept, kept.version > picture.version { return }
    let until = picture.instant + min(Self.mostAge, time ?? Self.mostAge)
    kept = Kept(version: picture.version, until: until, value: value)
  }
}
