/// A field that came to a record later than others: absent in what earlier builds wrote, and written only where it says something. Where it is
/// absent it adds nothing to the record's hash either: so the simulator's fingerprints of two builds can be compared where nobody uses it.
@propertyWrapper
public struct LaterField<Value: Hashable & Sendable & Codable>: Hashable, Sendable {
  public var wrappedValue: Value?

  public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  public func hash(into hasher: inout Hasher) { if let wrappedValue { hasher.combine(wrappedValue) } }
}

extension LaterField: Codable {
  public init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Value?.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

/// What the compiler writes for a record calls these for such a field.
extension KeyedDecodingContainer {
  public func decode<Value>(_ type: LaterField<Value>.Type, forKey key: Key) throws -> LaterField<Value> {
    LaterField(wrappedValue: try decodeIfPresent(Value.self, forKey: key))
  }
}

extension KeyedEncodingContainer {
  public mutating func encode<Value>(_ field: LaterField<Value>, forKey key: Key) throws {
    try encodeIfPresent(field.wrappedValue, forKey: key)
  }
}
