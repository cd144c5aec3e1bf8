import FoundationEssentials

/// A key that stands twice in one object of a JSON text. A decoder takes one of the two, and nobody can say which was meant.
struct RepeatedKey: Equatable {
  /// Where it is, such as `workloads[0].name`.
  let path: String

  private enum Level {
    /// With the keys so far, and the last of them.
    case object(Set<String>, last: String)
    /// With the number of elements before this one.
    case array(Int)
  }

  /// The first one; nil: each stands once.
  ///
  /// - Parameter text: JSON.
  init?(in text: Data) {
    let bytes = [UInt8](text)
    var levels: [Level] = [], index = 0, awaitsKey = false
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "{"):
        levels.append(.object([], last: ""))
        awaitsKey = true
      case UInt8(ascii: "["):
        levels.append(.array(0))
        awaitsKey = false
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = levels.popLast()
        awaitsKey = false
      case UInt8(ascii: ","): awaitsKey = Self.next(&levels)
      case UInt8(ascii: "\""):
        let end = Self.end(ofStringAt: index, in: bytes)
        if awaitsKey, !Self.take(Self.string(bytes[(index + 1)..<end]), &levels) {
          path = Self.path(levels)
          return
        }
        (index, awaitsKey) = (end, false)
      default: break
      }
      index += 1
    }
    return nil
  }

  /// Behind a comma.
  ///
  /// - Returns: whether a key stands there.
  private static func next(_ levels: inout [Level]) -> Bool {
    switch levels.popLast() {
    case .array(let count)?:
      levels.append(.array(count + 1))
      return false
    case .object(let keys, let last)?:
      levels.append(.object(keys, last: last))
      return true
    case nil: return false
    }
  }

  /// - Returns: whether the key is a new one.
  private static func take(_ key: String, _ levels: inout [Level]) -> Bool {
    guard case .object(var keys, _)? = levels.popLast() else { return true }
    let isNew = keys.insert(key).inserted
    levels.append(.object(keys, last: key))
    return isNew
  }

  /// Where its closing quotation mark is, or the text ends.
  private static func end(ofStringAt start: Int, in bytes: [UInt8]) -> Int {
    var index = start + 1
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") { index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1 }
    return min(index, bytes.count)
  }

  /// As a decoder reads it: `t\u006f` is `to`.
  private static func string(_ bytes: ArraySlice<UInt8>) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    guard bytes.contains(UInt8(ascii: "\\")) else { return text }
    return (try? JSONDecoder().decode(String.self, from: Data("\"\(text)\"".utf8))) ?? text
  }

  private static func path(_ levels: [Level]) -> String {
    levels.reduce(into: "") { path, level in
      switch level {
      case .object(_, let last): path += path.isEmpty ? last : ".\(last)"
      case .array(let count): path += "[\(count)]"
      }
    }
  }
}
