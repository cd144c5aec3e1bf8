/// The cluster's policies, as people wrote them. The text is kept, not what was read from it: a build that does not know a rule must
/// say so, never leave it out in silence.
public struct PoliciesRecord: Hashable, Sendable, Codable {
  /// In the order in which they are read.
  public var files: [PolicyText]

  public init(files: [PolicyText] = []) { self.files = files }
}

/// One policy file.
public struct PolicyText: Hashable, Sendable, Codable {
  /// The file's name without directories, for messages.
  public var file: String
  /// YAML.
  public var text: String

  public init(file: String, text: String) {
    self.file = file
    self.text = text
  }
}
