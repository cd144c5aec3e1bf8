import HoldfastModel

/// Reads policies from the text of their files. Pure: the same text gives the same policies.
public protocol PolicyReader: Sendable {
  /// - Throws: why they cannot be used.
  func read(_ files: [PolicyText]) throws(UnreadablePolicies) -> PolicySet
}

public struct UnreadablePolicies: Error, Hashable, Sendable {
  /// On one line.
  public var reason: String

  public init(reason: String) { self.reason = reason }
}
