import HoldfastModel

/// Reasons in tests are written as the text that people read.
extension PlacementReason: ExpressibleByStringLiteral {
  public init(stringLiteral text: String) { self.init(text: text) }
}

extension Exclusion: ExpressibleByStringLiteral {
  public init(stringLiteral text: String) { self.init(text: text) }
}
