/// An instant on a wall clock: for people and scripts, never for decisions.
public struct WallInstant: Hashable, Sendable, Codable {
  /// UTC, such as `2026-03-01T02:14:07.250Z`.
  public var time: String
  /// The same in milliseconds since 1970.
  public var milliseconds: Int64

  public init(_ milliseconds: Int64) {
    time = timestamp(milliseconds: milliseconds)
    self.milliseconds = milliseconds
  }
}
