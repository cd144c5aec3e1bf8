import HoldfastModel

/// Notices that people were given and that still hold: each is said once, until it changes.
struct Notices: Sendable {
  private var said: [String: String] = [:]

  /// - Parameter subject: a workload or a connection; empty: this node.
  func isNew(_ kind: Note.Kind, _ text: String, about subject: String) -> Bool {
    said["\(kind.rawValue)/\(subject)"] != text
  }

  mutating func say(_ kind: Note.Kind, _ text: String, about subject: String) {
    said["\(kind.rawValue)/\(subject)"] = text
  }

  /// - Returns: true when something was said.
  mutating func forget(_ kind: Note.Kind, about subject: String) -> Bool {
    said.removeValue(forKey: "\(kind.rawValue)/\(subject)") != nil
  }
}
