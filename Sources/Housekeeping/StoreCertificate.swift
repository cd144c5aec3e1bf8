/// A certificate by which this node and the store know each other.
public struct StoreCertificate: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    /// This node's own.
    case client
    /// Who has signed the members' certificates.
    case authority
    /// What a member shows to its clients.
    case member
    /// What a member shows to the other members.
    case peer
  }
  public var kind: Kind
  /// The file; of a member, its endpoint, or its URL for the other members.
  public var path: String
  /// Until when it serves, in milliseconds since 1970.
  public var ends: Int64

  public init(_ kind: Kind, path: String, ends: Int64) {
    self.kind = kind
    self.path = path
    self.ends = ends
  }

  /// So long before its end a person is told, in days.
  public static let notice = 21
  private static let day: Int64 = 86_400_000

  /// A clause after its name, such as `ends in 6 days`; nil: its end is far away.
  ///
  /// - Parameter now: milliseconds since 1970.
  public func warning(at now: Int64) -> String? {
    let left = ends - now
    guard left >= 0 else {
      let days = -left / Self.day
      return days == 0 ? "has ended today" : "ended \(Self.count(days)) ago"
    }
    let days = left / Self.day
    guard days < Self.notice else { return nil }
    return days == 0 ? "ends today" : "ends in \(Self.count(days))"
  }

  /// - Parameter now: milliseconds since 1970.
  public func hasEnded(at now: Int64) -> Bool { ends < now }

  private static func count(_ days: Int64) -> String { days == 1 ? "1 day" : "\(days) days" }
}
