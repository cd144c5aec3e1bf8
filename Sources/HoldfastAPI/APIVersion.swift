/// The version of the HTTP API: the first part of every path.
///
/// Within a version fields are only ever added: a client ignores what it does not know. A field that is absent means that the
/// daemon does not know it. The daemon refuses what it does not know: a parameter or a field that is misspelt must not change what a command does.
public enum APIVersion {
  public static let current = "v1"
  /// Every version that this build serves.
  public static let served = ["v1"]
}

/// A value of the API, and beside its fields `apiVersion`: every JSON answer carries it. Only for values that are JSON objects.
public struct Versioned<Value: Encodable>: Encodable {
  private let value: Value

  public init(_ value: Value) { self.value = value }

  private enum CodingKeys: String, CodingKey { case apiVersion }

  public func encode(to encoder: any Encoder) throws {
    // The value's own fields go into the same object.
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(APIVersion.current, forKey: .apiVersion)
    try value.encode(to: encoder)
  }
}

/// Where the daemon listens unless told otherwise.
public let defaultSocketPath = "/run/holdfast/holdfastd.sock"

/// The version of this build, of all its programs.
public let buildVersion = "0.1.0"
