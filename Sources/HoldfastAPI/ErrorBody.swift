import HoldfastOperator

/// What the daemon answers when it does not do what was asked: the body of every status of 400 and above.
public struct ErrorBody: Error, Hashable, Sendable, Codable, CustomStringConvertible {
  /// `invalid`, `forbidden`, `unknown`, `conflict` or `unavailable`.
  public var kind: String
  /// What it is about, such as `workload web1`.
  public var thing: String
  /// A clause without a full stop.
  public var reason: String
  /// A sentence: what to do or to type.
  public var remedy: String

  public init(kind: String, thing: String, reason: String, remedy: String) {
    self.kind = kind
    self.thing = thing
    self.reason = reason
    self.remedy = remedy
  }

  public init(_ error: OperatorError) {
    self.init(kind: error.kind.rawValue, thing: error.thing, reason: error.reason, remedy: error.remedy)
  }
  public var description: String { "\(thing): \(reason). \(remedy)" }
}
