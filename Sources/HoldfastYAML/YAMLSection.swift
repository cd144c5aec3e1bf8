import Yams

/// A mapping whose keys are known.
public struct YAMLSection {
  /// The mapping itself.
  public let whole: YAMLValue
  private let values: [String: YAMLValue]
  /// Known keys that a misspelled one was probably meant to be: reported once, not as missing too.
  private let meant: Set<String>

  /// nil when the value is no mapping. Unknown keys are reported here. A mapping that is empty because its lines are
  /// commented out is an empty mapping.
  init?(_ value: YAMLValue, table: KeyTable, home: String) {
    whole = value
    let known = table.children(of: home)
    if value.isNothing {
      (values, meant) = ([:], [])
      return
    }
    guard case .mapping(let mapping) = value.node else {
      value.wrong(
        expected: known.isEmpty ? "{}" : "a mapping with '\(known.prefix(3).joined(separator: "', '"))'",
        remedy: "Write 'key: value' lines, indented by two spaces more than the line above.")
      return nil
    }
    var values: [String: YAMLValue] = [:], meant: Set<String> = []
    for (key, node) in mapping where !value.log.isFull {
      let name = YAMLValue(key, path: value.path, log: value.log)
      if value.log.repeatedKeys.contains(name.position) { continue }
      guard case .scalar(let scalar) = key, known.contains(scalar.string) else {
        if let nearest = Self.unknown(name, known: known, table: table, home: home) { meant.insert(nearest) }
        continue
      }
      let path = value.path.isEmpty ? scalar.string : "\(value.path).\(scalar.string)"
      values[scalar.string] = YAMLValue(node, path: path, key: name.position, log: value.log)
    }
    self.values = values
    self.meant = meant
  }

  /// The value of a key, nil when the key is not there.
  public subscript(_ key: String) -> YAMLValue? { values[key] }

  /// The value of a key; a mistake when it is not there.
  public func required(_ key: String, expected: String, remedy: String) -> YAMLValue? {
    if let value = values[key] { return value }
    missing(key, expected: expected, remedy: remedy)
    return nil
  }

  /// Reports a key that is not there.
  public func missing(_ key: String, expected: String, remedy: String) {
    if meant.contains(key) { return }
    whole.log.add(
      at: whole.position, key: whole.path.isEmpty ? key : "\(whole.path).\(key)", expected: expected, found: "nothing",
      remedy: remedy)
  }

  /// The value of a key as `convert` reads it; the default when the key is not there, or is wrong and reported.
  public func read<T>(_ key: String, default fallback: T, _ convert: (YAMLValue) -> T?) -> T {
    values[key].flatMap(convert) ?? fallback
  }

  /// - Returns: the key that was probably meant.
  private static func unknown(_ name: YAMLValue, known: [String], table: KeyTable, home: String) -> String? {
    guard case .scalar(let scalar) = name.node else {
      name.wrong(expected: "a key", remedy: "Write keys as plain text.")
      return nil
    }
    let log = name.log
    let nearest = Spelling.nearest(to: scalar.string, among: known)
    let elsewhere = table.homes(of: scalar.string).first { $0 != home }
    let remedy =
      if let nearest { "Write '\(nearest)', or remove it." }
      // `[]` is the table's way of saying "every entry".
      else if let elsewhere { "Move it to '\(elsewhere.replacing("[]", with: ""))', which has such a key, or remove it." } else
      {
        "Remove it."
      }
    // Only the key: its value may be something that has no place in a log, such as a password.
    let column = name.position.column
    let shown = log.source.excerpt(of: name.position).map { line in
      String(line.unicodeScalars.prefix(column - 1 + scalar.string.unicodeScalars.count)) + ": …"
    }
    log.add(
      at: name.position, key: name.path.isEmpty ? scalar.string : "\(name.path).\(scalar.string)",
      expected: known.isEmpty ? "nothing here" : "one of \(known.joined(separator: ", "))",
      found: "the unknown key \(YAMLValue.quote(scalar.string))", nearest: nearest, remedy: remedy, showing: shown)
    return nearest
  }
}
