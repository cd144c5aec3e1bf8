/// A set that is written down in the order of its elements, so that equal ones are equal texts.
@propertyWrapper public struct WrittenInOrder<Element: Hashable & Comparable & Codable & Sendable>: Hashable, Sendable {
  public var wrappedValue: Set<Element>

  public init(wrappedValue: Set<Element>) { self.wrappedValue = wrappedValue }
}

extension WrittenInOrder: Codable {
  public init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Set<Element>.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue.sorted())
  }
}
