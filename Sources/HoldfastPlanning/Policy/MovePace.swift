/// The pace of what is moved by itself: rules that changed, a better node that is back. What is down, what is displaced, what an operator asked for
/// and maintenance are not held up by it.
public struct MovePace: Hashable, Sendable, Codable {
  /// The number that are on their way in the cluster at a time. nil: `defaultAtOnce`.
  public var atOnce: Int?
  /// The number that leave one node, or come to it, at a time. nil: `defaultPerNode`.
  public var perNode: Int?
  /// After so many moves in a row that did not start on their new node no more are begun until an operator says so. nil: `defaultHaltAfter`.
  public var haltAfter: Int?

  public static let defaultAtOnce = 4
  public static let defaultPerNode = 2
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
