/// The pace of what is moved by itself: rules that changed, a better node that is back. What is down, what is displaced, what an operator asked for
/// and maintenance are not held up by it.
public struct MovePace: Hashable, Sendable, Codable {
  /// The number that are on their way in the cluster at a time. nil: `defaultAtOnce`.
  public var atOnce: Int?
  /// The number that leave one node, or come to it, at a time. nil: `defaultPerNode`.
  public var perNode: Int?
  /// After so many moves in a row that did not start on their new node no more are begun until an operator says so. nil: `defaultHaltAfter`.
  public var haltAfter: Int?

  /// Moves at a time in the whole cluster, when nobody said: few enough for one network between the nodes.
  public static let defaultAtOnce = 4
  /// Moves at a time that leave one node, or come to it, when nobody said.
  public static let defaultPerNode = 2
  /// Moves in a row that may fail on their new nodes, when nobody said: one may be the workload's fault, three are not by chance.
  public static let defaultHaltAfter = 3

  public init(atOnce: Int? = nil, perNode: Int? = nil, haltAfter: Int? = nil) {
    self.atOnce = atOnce
    self.perNode = perNode
    self.haltAfter = haltAfter
  }
}

extension ClusterPolicy {
  package var movesAtOnce: Int { moves?.atOnce ?? MovePace.defaultAtOnce }
  package var movesPerNode: Int { moves?.perNode ?? MovePace.defaultPerNode }
  package var movesHaltAfter: Int { moves?.haltAfter ?? MovePace.defaultHaltAfter }
}
