/// A finding in a set of policies: it cannot hold, or has no effect.
public struct PolicyFinding: Hashable, Sendable {
  public enum Severity: String, Sendable {
    /// The rule cannot be done.
    case error
    /// The rule can be used, and somebody should look.
    case warning
  }
  /// The subject: a rule by its number.
  public enum Subject: Hashable, Sendable {
    case cluster
    case node(Int)
    case workload(Int)
    case nodeCheck(Int)
  }
  public var severity: Severity
  public var subject: Subject
  /// The key in the language of the files; empty: the rule as a whole.
  public var key: String
  /// As the ends of "expected …" and "found …".
  public var expected: String
  public var found: String
  public var nearest: String?
  public var remedy: String

  public init(
    _ severity: Severity, _ subject: Subject, key: String = "", expected: String, found: String, nearest: String? = nil,
    remedy: String
  ) {
    self.severity = severity
    self.subject = subject
    self.key = key
    self.expected = expected
    self.found = found
    self.nearest = nearest
    self.remedy = remedy
  }
}
