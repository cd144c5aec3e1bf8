import FoundationEssentials
import HoldfastModel
import HoldfastOperator
import Hummingbird
import NIOCore
import NIOFoundationEssentialsCompat

/// The body of a request may not be greater. Bytes.
let greatestRequest = 16 << 20

extension Request {
  /// The body as a value of the API, which takes every field that it has.
  ///
  /// - Throws: `OperatorError` that names the field, also one that is there twice; `NIOTooManyBytesError`.
  func decoded<Value: Decodable>(as type: Value.Type) async throws -> Value {
    try decode(type, from: Data(buffer: try await body.collect(upTo: greatestRequest)))
  }

  /// The command takes no body: one that says something asks for what nobody would do.
  func expectNoBody() async throws {
    let data = Data(buffer: try await body.collect(upTo: greatestRequest))
    if data.contains(where: { !" \t\r\n".utf8.contains($0) }) { _ = try decode(NoFields.self, from: data) }
  }

  private struct NoFields: Decodable {}

  private func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    let thing = "the body of \(method) \(uri.path)"
    do {
      let decoder = JSONDecoder()
      let value = try decoder.decode(type, from: data)
      if let repeated = RepeatedKey(in: data) {
        throw OperatorError(
          .invalid, thing: thing, reason: "it has the field '\(InWords.oneLine(repeated.path))' twice, so nothing was done",
          remedy: "Give it once.")
      }
      if let unknown = try decoder.decode(JSONShape.self, from: data).firstUnknown(in: value) {
        let meant = nearestSpelling(to: unknown.key, among: unknown.known).map { "Did you mean '\($0)'? " } ?? ""
        let list = unknown.known.isEmpty ? "It takes no fields here." : "Fields here: \(unknown.known.joined(separator: ", "))."
        throw OperatorError(
          .invalid, thing: thing, reason: "it has the unknown field '\(unknown.path)', so nothing was done",
          remedy: "\(meant)\(list)")
      }
      return value
    } catch let error as DecodingError {
      throw OperatorError(
        .invalid, thing: thing, reason: explain(error), remedy: "The fields are those of `holdfast … -o json`.")
    }
  }
}

/// What keys a JSON text has, and where.
private indirect enum JSONShape: Decodable {
  case object([String: JSONShape])
  case array([JSONShape])
  /// A text, a number, a truth value or null.
  case leaf

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    if let fields = try? decoder.container(keyedBy: Key.self) {
      var shapes: [String: JSONShape] = [:]
      for key in fields.allKeys { shapes[key.stringValue] = try fields.decode(JSONShape.self, forKey: key) }
      self = .object(shapes)
    } else if var items = try? decoder.unkeyedContainer() {
      var shapes: [JSONShape] = []
      while !items.isAtEnd { shapes.append(try items.decode(JSONShape.self)) }
      self = .array(shapes)
    } else {
      self = .leaf
    }
  }

  struct Unknown {
    var path: String
    var key: String
    /// What it could have been.
    var known: [String]
  }

  /// The first key for which the value that was made from this text has no place. Bodies are plain values, whose properties are their fields; only
  /// a check is one flat object with what it asks, and tells its fields itself.
  func firstUnknown(in value: Any, at path: String = "") -> Unknown? {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional { return mirror.children.first.flatMap { firstUnknown(in: $0.value, at: path) } }
    switch self {
    case .leaf: return nil
    case .array(let shapes):
      for (index, (shape, child)) in zip(shapes, mirror.children).enumerated() {
        if let found = shape.firstUnknown(in: child.value, at: "\(path)[\(index)]") { return found }
      }
      return nil
    case .object(let shapes):
      // A dictionary takes any key.
      guard mirror.displayStyle == .struct else { return nil }
      var children: [String: Any] = [:]
      for child in mirror.children { if let label = child.label { children[label] = child.value } }
      let told = (value as? HealthCheck)?.fieldNames
      for (key, shape) in shapes.sorted(by: { $0.key < $1.key }) {
        let place = path.isEmpty ? key : "\(path).\(key)"
        guard told?.contains(key) ?? (children[key] != nil) else {
          return Unknown(path: place, key: key, known: told?.sorted() ?? children.keys.sorted())
        }
        // What a check's fields hold are plain values themselves.
        if told == nil, let child = children[key], let found = shape.firstUnknown(in: child, at: place) { return found }
      }
      return nil
    }
  }
}

private func explain(_ error: DecodingError) -> String {
  func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
    var text = ""
    for key in context.codingPath + (last.map { [$0] } ?? []) {
      if let index = key.intValue { text += "[\(index)]" } else { text += (text.isEmpty ? "" : ".") + key.stringValue }
    }
    return text
  }
  return switch error {
  case .keyNotFound(let key, let context): "the field '\(path(context, key))' is missing"
  case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
    path(context).isEmpty ? "it is not \(nameInJSON(type))" : "the field '\(path(context))' is not \(nameInJSON(type))"
  case .dataCorrupted(let context) where !context.codingPath.isEmpty:
    "the field '\(path(context))' has a value that cannot be: \(context.debugDescription)"
  default: "it is not JSON"
  }
}

/// What JSON calls a value of this type.
private func nameInJSON(_ type: any Any.Type) -> String {
  switch type {
  case is String.Type: "a string"
  case is Bool.Type: "true or false"
  case is any Numeric.Type: "a number"
  case is [String: Any].Type: "an object"
  case is [Any].Type: "an array"
  default: "a \(type)"
  }
}
