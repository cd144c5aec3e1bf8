import Foundation

/// A value as JSON has it.
enum JSONValue: Hashable, Sendable, Codable {
  case null
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let list = try? value.decode([JSONValue].self) {
      self = .list(list)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .flag(let flag): try value.encode(flag)
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    case .list(let list): try value.encode(list)
    case .object(let fields): try value.encode(fields)
    }
  }

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var list: [JSONValue] { if case .list(let list) = self { list } else { [] } }
  var fields: [String: JSONValue] { if case .object(let fields) = self { fields } else { [:] } }
  subscript(field: String) -> JSONValue? { fields[field] }
}

/// `Docs/api.schema.json`, or another like it, and as much of JSON Schema as they are written in.
struct APISchema {
  let definitions: [String: JSONValue]

  init(_ path: String = "Docs/api.schema.json") throws {
    let top = try JSONDecoder().decode(JSONValue.self, from: Data(repositoryFile(path).utf8))
    definitions = top["$defs"]?.fields ?? [:]
  }

  func fieldNames(of definition: String) -> Set<String> {
    Set((whole(definitions[definition])["properties"]?.fields ?? [:]).keys)
  }

  // MARK: judging

  /// What is wrong with an answer, each with its place. A field that is not named is wrong here: a reader ignores it, but somebody forgot to name it.
  func flaws(_ value: JSONValue, as definition: String) -> [String] {
    guard let schema = definitions[definition] else { return ["there is no definition of \(definition)"] }
    return flaws(value, schema, "$")
  }

  private func flaws(_ value: JSONValue, _ schema: JSONValue, _ place: String) -> [String] {
    let schema = whole(schema)
    if let choices = schema["anyOf"]?.list {
      let found = choices.map { flaws(value, $0, place) }
      return found.min { $0.count < $1.count } ?? []
    }
    if let words = schema["enum"]?.list ?? schema["const"].map({ [$0] }) {
      return words.contains(value) ? [] : ["\(place) is \(value), and not one of \(words)"]
    }
    switch (schema["type"]?.text, value) {
    case ("object", .object(let fields)): return flaws(fields, schema, place)
    case ("array", .list(let list)):
      let items = schema["items"] ?? .object([:])
      return list.enumerated().flatMap { flaws($1, items, "\(place)[\($0)]") }
    case ("string", .text), ("boolean", .flag), ("number", .number), (nil, _): return []
    case ("integer", .number(let number)) where number == number.rounded(): return []
    case (let type?, _): return ["\(place) is \(value), and no \(type)"]
    }
  }

  private func flaws(_ fields: [String: JSONValue], _ schema: JSONValue, _ place: String) -> [String] {
    let named = schema["properties"]?.fields
    let missing = (schema["required"]?.list ?? []).compactMap(\.text).filter { fields[$0] == nil }
    let found = fields.sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
      let here = "\(place).\(name)"
      if let property = named?[name] ?? schema["additionalProperties"] { return flaws(value, property, here) }
      return named == nil ? [] : ["\(here) is not named"]
    }
    return missing.map { "\(place).\($0) is missing" } + found
  }

  /// A schema with what it refers to.
  private func whole(_ schema: JSONValue?) -> JSONValue {
    var fields = schema?.fields ?? [:]
    var parts = fields.removeValue(forKey: "allOf")?.list ?? []
    if let reference = fields.removeValue(forKey: "$ref")?.text {
      parts.append(definitions[String(reference.dropFirst("#/$defs/".count))] ?? .object([:]))
    }
    for part in parts.map({ whole($0) }) {
      for (keyword, value) in part.fields {
        switch (fields[keyword], value) {
        case (.object(let ours)?, .object(let theirs)): fields[keyword] = .object(ours.merging(theirs) { $1 })
        case (.list(let ours)?, .list(let theirs)): fields[keyword] = .list(ours + theirs)
        default: fields[keyword] = value
        }
      }
    }
    return .object(fields)
  }

  // MARK: examples

  /// A value as a definition has it.
  ///
  /// - Parameters:
  ///   - turn: of several words this one, counted round.
  ///   - isLeast: without the fields that may be absent.
  func example(of definition: String, turn: Int, isLeast: Bool) -> JSONValue {
    example(definitions[definition] ?? .object([:]), turn, isLeast)
  }

  private func example(_ schema: JSONValue, _ turn: Int, _ isLeast: Bool) -> JSONValue {
    let schema = whole(schema)
    if let given = schema["examples"]?.list.first { return given }
    if let words = schema["enum"]?.list { return words[turn % words.count] }
    switch schema["type"]?.text {
    case "object":
      if let each = schema["additionalProperties"] { return .object(["n1": example(each, turn, isLeast)]) }
      let required = Set((schema["required"]?.list ?? []).compactMap(\.text))
      let chosen = (schema["properties"]?.fields ?? [:]).filter { !isLeast || required.contains($0.key) }
      return .object(chosen.mapValues { example($0, turn, isLeast) })
    case "array": return .list([example(schema["items"] ?? .object([:]), turn, isLeast)])
    case "boolean": return .flag(true)
    case "integer", "number": return .number(1)
    default: return .text("x")
    }
  }
}
