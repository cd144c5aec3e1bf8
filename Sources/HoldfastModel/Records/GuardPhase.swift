/// A guard's phase as its node's report tells it. In records and JSON it is a word or two, and decisions are by case.
public enum GuardPhase: Hashable, Sendable, Codable {
  case armed
  case disarmed
  /// The guard freezes everything; not all of it was seen frozen.
  case isolating
  /// Everything was seen frozen.
  case isolated
  /// The guard's door is closed.
  case absent
  /// The controller has only just begun, and its guard has not spoken yet.
  case awaited
  /// The word of another build, which this one does not know.
  case other(String)

  private static let known: [GuardPhase] = [.armed, .disarmed, .isolating, .isolated, .absent, .awaited]

  /// - Parameter text: as a record has it. Every text is one.
  public init(_ text: String) { self = Self.known.first { $0.text == text } ?? .other(text) }

  /// As it stands in records and JSON, and for people.
  public var text: String {
    switch self {
    case .armed: "armed"
    case .disarmed: "disarmed"
    case .isolating: "isolating"
    case .isolated: "isolated"
    case .absent: "not there"
    case .awaited: "not asked yet"
    case .other(let text): text
    }
  }

  /// The guard works as it should.
  public var isSound: Bool {
    switch self {
    case .armed, .disarmed: true
    case .isolating, .isolated, .absent, .awaited, .other: false
    }
  }

  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(String.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// By the text, so that fingerprints of builds that kept the text are the same.
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension GuardPhase: CustomStringConvertible {
  public var description: String { text }
}
