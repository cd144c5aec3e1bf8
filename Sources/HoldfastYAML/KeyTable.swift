/// The keys that a kind of file can have: what the reader accepts, and what the documentation shows.
public struct KeyTable: Sendable {
  /// What holds when a key is left out.
  public enum Fallback: Hashable, Sendable {
    case required
    /// A value, as it would be written in the file.
    case value(String)
    /// A rule, in words.
    case rule(String)
  }
  public struct Row: Hashable, Sendable {
    /// The key's path from the top of the file; `[]` stands for every entry of a list.
    public var path: String
    /// What it can be, with its unit.
    public var value: String
    public var fallback: Fallback
    public var meaning: String

    public init(_ path: String, _ value: String, _ fallback: Fallback, _ meaning: String) {
      self.path = path
      self.value = value
      self.fallback = fallback
      self.meaning = meaning
    }
  }
  public let rows: [Row]

  public init(_ rows: [Row]) { self.rows = rows }

  /// The keys directly below `path`, in the table's order.
  func children(of path: String) -> [String] {
    let prefix = path.isEmpty ? "" : path + "."
    var names: [String] = []
    for row in rows where row.path.hasPrefix(prefix) {
      let name = String(row.path.dropFirst(prefix.count).prefix { $0 != "." && $0 != "[" })
      if !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// The paths of the mappings that have a key of this name.
  func homes(of name: String) -> [String] {
    rows.compactMap { row in
      guard row.path.hasSuffix("." + name) else { return nil }
      return String(row.path.dropLast(name.count + 1))
    }
  }

  /// The table for the documentation.
  public var markdown: String {
    let lines = rows.map { row in
      let fallback =
        switch row.fallback {
        case .required: "**required**"
        case .value(let text): "`\(text)`"
        case .rule(let text): text
        }
      return "| `\(row.path)` | \(row.value) | \(fallback) | \(row.meaning) |"
    }
    return (["| key | value | default | meaning |", "| --- | --- | --- | --- |"] + lines).joined(separator: "\n")
  }
}
