/// Why a run of a workload is ended, or was: a check of it fails.
public struct Unwell: Hashable, Sendable, Codable {
  public var check: CheckName
  /// A clause, such as `10.0.0.4:80 refuses the connection`.
  public var reason: String

  public init(check: CheckName, reason: String) {
    self.check = check
    self.reason = reason
  }

  /// A clause whose subject is the workload.
  public var words: String { "fails its check '\(check)': \(reason)" }
}
