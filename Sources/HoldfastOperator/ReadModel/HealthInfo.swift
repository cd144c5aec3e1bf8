import HoldfastModel

/// How a workload is that is not well where it runs, or of which that is not known.
public struct HealthInfo: Hashable, Sendable, Codable {
  /// A check fails; else none is known to fail, and one cannot be made.
  public var isFailing: Bool
  /// The first of these checks.
  public var check: CheckName
  /// A clause.
  public var reason: String
  /// The instant from which on it has been so, on the clock of the node that runs it; absent: that node had not been told the time.
  public var since: WallInstant?
  /// Other checks of the workload that fail or cannot be made; absent: none.
  public var others: [CheckName]?
  /// Why nothing is done about it, as a clause; absent: something is, or there is nothing to be done.
  public var held: String?

  public init(_ report: HealthReport) {
    isFailing = report.isFailing
    check = report.check
    reason = report.reason
    since = report.since.map { WallInstant($0) }
    others = report.others
    held = report.held
  }
}
