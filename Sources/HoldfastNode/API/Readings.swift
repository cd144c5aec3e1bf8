import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastTime
import HostParts

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
  private var clashes: Kept<[BelongingsIndex.Clash]>?
  /// What each workload's XML names, with the revision in which it was written.
  private var belongings: [WorkloadName: (modified: Revision, value: DomainBelongings)] = [:]

  package init() {}

  /// Who has which disks, directories and addresses. An XML is read once for each of its versions.
  package func belongings(in view: ClusterView) -> BelongingsIndex {
    var index = BelongingsIndex(), read: [WorkloadName: (modified: Revision, value: DomainBelongings)] = [:]
    for (name, spec) in view.specs.sorted(by: { $0.key < $1.key }) {
      let known = belongings[name].flatMap { $0.modified == spec.modified ? $0.value : nil }
      let value = known ?? DomainBelongings(of: spec.value)
      read[name] = (spec.modified, value)
      index.put(name, spec.value, value.with(view.disksInUse(by: name)))
    }
    belongings = read
    return index
  }

  /// What workloads have at the same time without sharing it.
  package func clashes(of picture: ClusterPicture) -> [BelongingsIndex.Clash] {
    if let clashes, clashes.holds(for: picture) { return clashes.value }
    let value = belongings(in: picture.view).clashes
    keep(value, of: picture, for: nil, in: &clashes)
    return value
  }

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
    let value = EvacuationMove.all(
      in: picture.view, planning: { picture.planning() }, waitingMoves: { outlook(of: picture).waiting },
      policies: picture.planner.policies)
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
