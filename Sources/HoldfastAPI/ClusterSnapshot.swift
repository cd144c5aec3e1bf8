import HoldfastModel
import HoldfastPlanning

/// A cluster as its planner sees it at one moment, with its policies: enough to plan again, elsewhere and later. The answer of
/// `GET /v1/snapshot`, and what `holdfast snapshot` writes.
public struct ClusterSnapshot: Hashable, Sendable, Codable {
  /// Raised when an older build would misread it.
  public static let currentFormat = 1

  public var format: Int
  public var cluster: String
  /// Milliseconds since 1970 on the clock of the node that was asked.
  public var time: Int64
  public var planning: PlanningSnapshot
  /// In the order in which they are read.
  public var policies: [PolicyText]
  /// True: nothing moves by itself, as an operator said, or as moves failed. nil: they are on, or an older build wrote this.
  public var areMovesOff: Bool?

  public init(
    cluster: String, time: Int64, planning: PlanningSnapshot, policies: [PolicyText], areMovesOff: Bool? = nil
  ) {
    format = Self.currentFormat
    self.cluster = cluster
    self.time = time
    self.planning = planning
    self.policies = policies
    self.areMovesOff = areMovesOff
  }
}

/// The answer of `GET /v1/policies`.
public struct PoliciesInForce: Hashable, Sendable, Codable {
  /// In the order in which they are read.
  public var files: [PolicyText]
  /// The store's revision of their last change; 0: there never were any.
  public var revision: Int64
  /// Why the planner cannot use them, when it cannot: the last ones that it could read hold.
  public var unreadable: String?

  public init(files: [PolicyText], revision: Int64, unreadable: String? = nil) {
    self.files = files
    self.revision = revision
    self.unreadable = unreadable
  }
}

/// The body of `POST /v1/policies`: all of them, in place of those in force.
public struct PoliciesRequest: Hashable, Sendable, Codable {
  /// In the order in which they are read.
  public var files: [PolicyText]
  /// The revision that was looked at: when another one is in force by now, the request is refused.
  public var revision: Int64

  public init(files: [PolicyText], revision: Int64) {
    self.files = files
    self.revision = revision
  }
}

extension PoliciesInForce {
  /// - Parameter unreadable: why the planner cannot use them.
  public init(_ view: ClusterView, unreadable: String?) {
    self.init(
      files: view.policies?.value.files ?? [], revision: view.policies?.modified.value ?? 0, unreadable: unreadable)
  }
}
