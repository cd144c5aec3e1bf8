/// The version of the HTTP API: the first part of every path.
///
/// Within a version fields are only ever added: a client ignores what it does not know. A field that is absent means that the
/// daemon does not know it.
public enum APIVersion {
  public static let current = "v1"
  /// Every version that this build serves.
  public static let served = ["v1"]
}

/// Where the daemon listens unless told otherwise.
public let defaultSocketPath = "/run/holdfast/holdfastd.sock"

/// The version of this build, of all its programs.
public let buildVersion = "0.1.0"
