/// A rule for some nodes.
public struct NodePolicy: Hashable, Sendable, Codable {
  /// Explanations quote it.
  public var name: String
  public var selection: Selection
  /// Takes workloads only when no other node can.
  public var spare: Bool?
  /// Takes no other workloads than these.
  public var onlyFor: Selection?
  /// Resources by name, memory in MiB: replaces what the node says about itself, and adds countable ones.
  public var capacity: [String: Double]
  /// By resource: how many times its capacity may be given away.
  public var overcommit: [String: Double]
  /// By resource: what is kept free.
  public var reserve: [String: Amount]

  public init(
    name: String, selection: Selection, spare: Bool? = nil, onlyFor: Selection? = nil, capacity: [String: Double] = [:],
    overcommit: [String: Double] = [:], reserve: [String: Amount] = [:]
  ) {
    self.name = name
    self.selection = selection
    self.spare = spare
    self.onlyFor = onlyFor
    self.capacity = capacity
    self.overcommit = overcommit
    self.reserve = reserve
  }
}

/// Some of a resource.
public enum Amount: Hashable, Sendable, Codable {
  /// MiB of memory, processors, or pieces.
  case units(Double)
  /// Of the capacity, from 0 to 1.
  case share(Double)

  func of(_ capacity: Double) -> Double {
    switch self {
    case .units(let units): units
    case .share(let share): capacity * share
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let units = try? container.decode(Double.self) {
      self = .units(units)
      return
    }
    let text = try container.decode(String.self)
    guard text.hasSuffix("%"), let percent = Double(text.dropLast()) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a number or a percentage, found '\(text)'")
    }
    self = .share(percent / 100)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .units(let units): try container.encode(units)
    case .share(let share): try container.encode("\(share * 100)%")
    }
  }
}
