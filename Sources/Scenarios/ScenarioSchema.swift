import Foundation
import HoldfastYAML
import Simulator

/// The JSON Schema of scenario files, for editors. It knows every key and the shape of every sentence; which names are known, only
/// the reader tells.
public enum ScenarioSchema {
  /// The text of `Docs/scenario.schema.json`.
  public static var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = (try? encoder.encode(schema)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  private static var schema: JSONValue {
    var top = object(below: "")
    top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    top["title"] = "A Holdfast scenario"
    top["$defs"] = [
      "happenings": sentences(TimelinePhrases.sentences), "statements": sentences(StatementPhrases.sentences)
    ]
    return .object(top)
  }

  private static let pages = ["timeline": "happenings", "expect": "statements"]

  /// The mapping at a path of the table.
  private static func object(below path: String) -> [String: JSONValue] {
    let prefix = path.isEmpty ? "" : path + "."
    var properties: [String: JSONValue] = [:], required: [JSONValue] = []
    for row in ScenarioFile.keys.rows where row.path.hasPrefix(prefix) {
      let rest = row.path.dropFirst(prefix.count)
      let name = String(rest.prefix { $0 != "." && $0 != "[" })
      guard properties[name] == nil else { continue }
      properties[name] = property(prefix + name, row: row.path == prefix + name ? row : nil)
      if row.path == prefix + name, row.fallback == .required { required.append(.string(name)) }
      if name == "cluster" { required.append("cluster") }
    }
    var object: [String: JSONValue] = [
      "type": path.isEmpty ? "object" : ["object", "null"], "properties": .object(properties), "additionalProperties": false
    ]
    if !required.isEmpty { object["required"] = .array(required) }
    return object
  }

  private static func property(_ path: String, row: KeyTable.Row?) -> JSONValue {
    var property: [String: JSONValue] = [:]
    if let row { property["description"] = .string(row.meaning.replacingOccurrences(of: "`", with: "")) }
    if let page = pages[path] {
      property["type"] = "object"
      property["patternProperties"] = times(
        path == "timeline" ? TimePhrases.happening.phrases.map(\.pattern) : TimePhrases.expectation.phrases.map(\.pattern), page
      )
      property["additionalProperties"] = false
    } else if path == "cluster.policies" {
      property["type"] = ["array", "null"]
      property["items"] = ["$ref": "policy.schema.json"]
    } else if ["cluster.workloads[].addresses", "cluster.workloads[].parts"].contains(path) {
      property["type"] = ["array", "null"]
      property["items"] = ["type": "string"]
    } else if ScenarioFile.keys.rows.contains(where: { $0.path.hasPrefix(path + "[]") }) {
      property["type"] = ["object", "null"]
      property["additionalProperties"] = .object(object(below: path + "[]"))
    } else if ScenarioFile.keys.rows.contains(where: { $0.path.hasPrefix(path + ".") }) {
      property.merge(object(below: path)) { own, _ in own }
    } else if ["labels", "domains"].contains(path.split(separator: ".").last) {
      property["type"] = ["object", "null"]
      property["additionalProperties"] = ["type": ["string", "number"]]
    } else {
      property["type"] = ["string", "number", "boolean"]
    }
    return .object(property)
  }

  private static func times(_ patterns: [String], _ page: String) -> JSONValue {
    .object(Dictionary(uniqueKeysWithValues: patterns.map { ($0, ["$ref": .string("#/$defs/\(page)")]) }))
  }

  /// One sentence, or a list of them.
  private static func sentences<Meaning>(_ sentences: Sentences<Meaning>) -> JSONValue {
    let one: JSONValue = [
      "type": "string",
      "anyOf": .array(
        sentences.phrases.map { ["pattern": .string($0.pattern), "description": .string("\($0.template): \($0.explanation)")] })
    ]
    return ["oneOf": [one, ["type": "array", "items": one]]]
  }
}

/// JSON as a value.
private enum JSONValue: Encodable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByBooleanLiteral
{
  case string(String)
  case bool(Bool)
  case array([JSONValue])
  case object([String: JSONValue])

  init(stringLiteral value: String) { self = .string(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(Dictionary(uniqueKeysWithValues: elements)) }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .string(let text): try container.encode(text)
    case .bool(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    }
  }
}
