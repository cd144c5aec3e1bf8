import HoldfastController
import HoldfastModel
import HoldfastPlanning

/// Moves that nobody asked for, as the policies say or home after a maintenance, and how far they are.
public struct MovesInfo: Hashable, Sendable, Codable {
  public struct Move: Hashable, Sendable, Codable {
    public var workload: String
    /// The node that has it: where it is being started after its move, the one that it goes to.
    public var from: String
    public var to: String
    /// A clause: what led to it, or why it waits.
    public var why: String
  }
  /// Moves are off: nothing more is begun.
  public struct Off: Hashable, Sendable, Codable {
    public var reason: String?
    public var since: WallInstant
  }
  /// The number that have arrived and were started there, of those that the policies in force or the end of a maintenance led to.
  public var done: Int
  public var underWay: [Move]
  /// In the order in which their turns come.
  public var waiting: [Move]
  /// Absent: moves are on.
  public var off: Off?

  /// No move at all.
  public static let none = MovesInfo(done: 0, underWay: [], waiting: [], off: nil)

  private init(done: Int, underWay: [Move], waiting: [Move], off: Off?) {
    (self.done, self.underWay, self.waiting, self.off) = (done, underWay, waiting, off)
  }

  /// nil: there is nothing to tell.
  ///
  /// - Parameter waiting: as planning says.
  init?(_ view: ClusterView, waiting: [WaitingMove]) {
    var done = 0, underWay: [Move] = []
    for (name, placement) in view.placements.sorted(by: { $0.key < $1.key }) {
      guard placement.value.isOwnMove, let node = placement.value.node, view.specs[name] != nil,
        view.intents[name]?.value.desired ?? .running == .running
      else { continue }
      // What nobody holds is down, for whatever reason, and has a line of its own.
      guard let holder = view.holder(of: name) else { continue }
      func move(_ why: String) -> Move { Move(workload: name.text, from: holder.text, to: node.text, why: why) }
      guard holder == node else {
        underWay.append(move(view.whyKept(name) ?? placement.value.reason.description))
        continue
      }
      let isHome = placement.value.reason.isFailbackAfterMaintenance
      let cause = isHome ? view.maintenance[node]?.modified : view.policies?.modified
      guard let cause, placement.modified > cause else { continue }
      switch view.claims[name]?.value.activity {
      case .starting, nil: underWay.append(move("\(node) is starting it"))
      case .running, .stopping, .unclear: done += 1
      }
    }
    let off = view.movesOff.map { Off(reason: $0.value.reason, since: WallInstant($0.value.since)) }
    if underWay.isEmpty, waiting.isEmpty, off == nil { return nil }
    self.done = done
    self.underWay = underWay
    self.waiting = waiting.map {
      Move(workload: $0.workload.text, from: $0.from.text, to: $0.to.text, why: $0.why.description)
    }
    self.off = off
  }
}
