import Yams

extension YAMLValue {
  /// The entries of a mapping whose keys the file chooses, in its order; their paths end in their keys. Keys are texts.
  public func entries(expected: String, remedy: String) -> [(key: YAMLValue, name: String, value: YAMLValue)]? {
    guard case .mapping(let mapping) = node else {
      wrong(expected: expected, remedy: remedy)
      return nil
    }
    var entries: [(YAMLValue, String, YAMLValue)] = []
    for (key, value) in mapping where !log.isFull {
      let name = YAMLValue(key, path: path, log: log)
      if log.repeatedKeys.contains(name.position) { continue }
      guard case .scalar(let scalar) = key else {
        name.wrong(expected: "a key", remedy: "Write keys as plain text.")
        continue
      }
      let own = path.isEmpty ? scalar.string : "\(path).\(scalar.string)"
      entries.append((name.renamed(own), scalar.string, YAMLValue(value, path: own, key: name.position, log: log)))
    }
    return entries
  }

  /// The value of a key of this mapping; nil when there is none. Reports nothing.
  public func value(at key: String) -> YAMLValue? {
    guard case .mapping(let mapping) = node else { return nil }
    for (name, value) in mapping {
      guard case .scalar(let scalar) = name, scalar.string == key else { continue }
      let own = path.isEmpty ? key : "\(path).\(key)"
      return YAMLValue(value, path: own, key: YAMLValue(name, path: path, log: log).position, log: log)
    }
    return nil
  }

  /// The entries of a list, or the value itself where it is none: for what is mostly one.
  public var oneOrMore: [YAMLValue] {
    guard case .sequence(let sequence) = node else { return [self] }
    return sequence.map { YAMLValue($0, path: path, log: log) }
  }
}
