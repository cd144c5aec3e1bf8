import HoldfastModel

/// A check of a node that fails, or of which nothing is known.
public struct NodeCheckInfo: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable {
    case failing, unknown
  }
  public var name: String
  public var state: State
  /// A clause, such as `/srv is read-only`.
  public var reason: String
  /// Absent: not known, as its node was not told the time then, or it has not answered yet.
  public var since: WallInstant?

  public init(_ finding: NodeFinding) {
    name = finding.check.text
    state = finding.isUnknown ? .unknown : .failing
    reason = InWords.oneLine(finding.reason)
    since = finding.since.map { WallInstant($0) }
  }
}

/// What runs on a node leaves it, as a check of the node fails.
public struct AilmentInfo: Hashable, Sendable, Codable {
  public var check: String
  /// A clause, as it was when that was decided.
  public var reason: String
  /// When it was decided.
  public var since: WallInstant

  public init(_ ailment: NodeAilment) {
    check = ailment.check.text
    reason = InWords.oneLine(ailment.reason)
    since = WallInstant(ailment.since)
  }
}
