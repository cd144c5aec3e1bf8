import Foundation
import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// The JSON Schema of policy files, for editors. It knows every key and the shape of its value; what the rules mean together, only
/// the reader tells.
public enum PolicySchema {
  /// The text of `Docs/policy.schema.json`.
  public static var text: String {
    var top = object(below: "")
    top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    top["title"] = "Holdfast policies"
    top["$defs"] = [
      "selection": [
        "description": "Names and labels: web-*, tier=db and not env=test, rack=a or rack=b, all; or a list of them.",
        "oneOf": [
          ["type": "string", "minLength": 1], ["type": "array", "items": ["type": "string"], "minItems": 1] as [String: Any]
        ]
      ] as [String: Any],
      "yesOrNo": ["enum": ["yes", "no", true, false] as [Any]],
      "duration": ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$"],
      "percentage": ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$"],
      "resources": [
        "type": "object", "propertyNames": ["pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"],
        "additionalProperties": ["type": ["number", "string"]]
      ] as [String: Any],
      "window": [
        "type": "string",
        "pattern": "^(daily|\(days)) [0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"
      ]
    ]
    let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = (try? JSONSerialization.data(withJSONObject: top, options: options)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  private static let days: String = {
    let day = "(" + WeekWindow.dayNames.joined(separator: "|") + ")"
    return "\(day)(-\(day))?(,\(day)(-\(day))?)*"
  }()

  /// The mapping at a path of the table.
  private static func object(below path: String) -> [String: Any] {
    let prefix = path.isEmpty ? "" : path + "."
    var properties: [String: Any] = [:], required: [String] = []
    for row in PolicyFile.keys.rows where row.path.hasPrefix(prefix) {
      let name = String(row.path.dropFirst(prefix.count).prefix { $0 != "." && $0 != "[" })
      if properties[name] != nil { continue }
      let own = PolicyFile.keys.rows.first { $0.path == prefix + name }
      properties[name] = property(prefix + name, own)
      if own?.fallback == .required { required.append(name) }
    }
    var object: [String: Any] = ["type": "object", "properties": properties, "additionalProperties": false]
    if !required.isEmpty { object["required"] = required }
    return object
  }

  private static func property(_ path: String, _ row: KeyTable.Row?) -> [String: Any] {
    var property = shape(path)
    if let row { property["description"] = row.meaning.replacing("`", with: "") }
    return property
  }

  private static func shape(_ path: String) -> [String: Any] {
    if ["nodes", "node-checks", "workloads"].contains(path) { return ["type": "array", "items": object(below: path + "[]")] }
    if let shape = nodeCheckShape(path) { return shape }
    let name = path.split(separator: ".").last.map(String.init) ?? ""
    return switch name {
    case "name": ["type": "string", "minLength": 1, "maxLength": 80]
    case "for", "only-for", "only-on", "never-on", "avoid", "from", "with", "only-in-order": reference("selection")
    case "prefer":
      ["oneOf": [reference("selection"), ["type": "object", "additionalProperties": ["type": "integer"]] as [String: Any]]]
    case "over", "same": ["type": "string"]
    case "spare", "count-unprotected", "if-possible", "make-room", "exclusive", "slow-down", "copy-storage":
      reference("yesOrNo")
    case "capacity", "overcommit", "reserve", "demand", "pool": reference("resources")
    case "load": ["type": "array", "items": ["type": "string"], "minItems": 1]
    case "wait", "after", "time-limit", "downtime": reference("duration")
    case "bandwidth": ["type": ["integer", "string"], "pattern": "^[0-9]+(\\.[0-9]+)?(MiB|GiB|TiB)?$", "minimum": 1]
    case "otherwise":
      path.hasPrefix("cluster.") ? words(Survival.Otherwise.self) : words(Evacuation.Otherwise.self)
    case "tolerate": reference("percentage")
    case "window": ["oneOf": [reference("window"), ["type": "array", "items": reference("window")]]]
    case "survive": ["type": "object", "additionalProperties": ["type": ["integer", "string"]]]
    case "keep-apart", "keep-together": oneOrMore(["oneOf": [["type": "string"], object(below: path)]])
    case "failback", "evacuation":
      ["oneOf": [words(name == "failback" ? Failback.Mode.self : Evacuation.Method.self), object(below: path)]]
    default: words(named: name) ?? number(named: name) ?? object(below: path)
    }
  }

  /// Keys of node checks; nil: of something else, or like those of others.
  private static func nodeCheckShape(_ path: String) -> [String: Any]? {
    switch path {
    case "node-checks[].name", "node-checks[].link", "node-checks[].ping": ["type": "string", "minLength": 1]
    case "node-checks[].gateway": ["enum": ["yes", true] as [Any]]
    case "node-checks[].writable", "node-checks[].disk-space.path": ["type": "string", "pattern": "^/"]
    case "node-checks[].disk-space.free", "node-checks[].memory.available": ["type": ["integer", "string"]]
    case "node-checks[].memory.pressure": reference("percentage")
    case "node-checks[].script": ["type": "array", "items": ["type": "string"], "minItems": 1]
    case "node-checks[].interval", "node-checks[].timeout": reference("duration")
    case "node-checks[].down", "node-checks[].up": ["type": "integer", "minimum": 1, "maximum": 100]
    case "node-checks[].then": words(NodeCheck.Then.self)
    default: nil
    }
  }

  private static func words(named name: String) -> [String: Any]? {
    switch name {
    case "spread": words(Spread.self)
    case "displace": words(Displacement.self)
    case "then": words(Failover.Then.self)
    case "when": words(Failback.Mode.self)
    case "how": words(Evacuation.Method.self)
    case "isolation": words(Isolation.self)
    case "when-it-ends": words(WhenItEnds.self)
    case "on-io-error": words(OnIOError.self)
    default: nil
    }
  }

  private static func number(named name: String) -> [String: Any]? {
    let ranges: [String: ClosedRange<Int>] = [
      "at-most": 1...1000, "priority": -1_000_000...1_000_000, "restarts": 1...100, "at-once": 1...1000, "stickiness": 0...2000,
      "moves-to-make-room": 0...4, "nodes": 1...1000, "per-node": 1...1000, "halt-after": 1...1000
    ]
    return ranges[name].map { ["type": "integer", "minimum": $0.lowerBound, "maximum": $0.upperBound] }
  }

  private static func words(_ type: any (CaseIterable & RawRepresentable<String>).Type) -> [String: Any] {
    ["enum": names(type)]
  }

  private static func names<T: CaseIterable & RawRepresentable<String>>(_ type: T.Type) -> [String] {
    T.allCases.map(\.rawValue)
  }

  private static func reference(_ name: String) -> [String: Any] { ["$ref": "#/$defs/\(name)"] }

  private static func oneOrMore(_ shape: [String: Any]) -> [String: Any] {
    ["oneOf": [shape, ["type": "array", "items": shape, "minItems": 1] as [String: Any]]]
  }
}
