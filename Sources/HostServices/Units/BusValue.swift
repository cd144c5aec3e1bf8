import CSystemd
import Glibc

/// What a message of the bus holds. Variants are what is in them; structures, arrays and entries of dictionaries are lists.
enum BusValue: Hashable, Sendable {
  case text(String)
  case number(Int64)
  case list([BusValue])

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var number: Int64? { if case .number(let number) = self { number } else { nil } }
  var list: [BusValue]? { if case .list(let list) = self { list } else { nil } }

  /// Of a dictionary whose keys are texts.
  var entries: [String: BusValue] {
    var found: [String: BusValue] = [:]
    for case .list(let pair) in list ?? [] where pair.count == 2 { if let key = pair[0].text { found[key] = pair[1] } }
    return found
  }

  /// Everything that a message holds, from where it is read on.
  ///
  /// - Parameter message: an `sd_bus_message`, which its caller keeps.
  static func all(in message: OpaquePointer) throws(BusFailure) -> [BusValue] {
    var found: [BusValue] = []
    while sd_bus_message_at_end(message, 0) == 0 { found.append(try next(in: message)) }
    return found
  }

  private static func next(in message: OpaquePointer) throws(BusFailure) -> BusValue {
    var type: CChar = 0
    var contents: UnsafePointer<CChar>?
    try BusFailure.check(sd_bus_message_peek_type(message, &type, &contents))
    guard let kind = Unicode.Scalar(UInt32(UInt8(bitPattern: type))) else { throw BusFailure("a message has no type") }
    switch kind {
    case "a", "r", "e", "v":
      try BusFailure.check(sd_bus_message_enter_container(message, type, contents))
      let inside = try all(in: message)
      try BusFailure.check(sd_bus_message_exit_container(message))
      return kind == "v" && inside.count == 1 ? inside[0] : .list(inside)
    case "s", "o", "g":
      var text: UnsafePointer<CChar>?
      try BusFailure.check(sd_bus_message_read_basic(message, type, &text))
      return .text(text.map { String(cString: $0) } ?? "")
    default: return .number(try number(kind, type, message))
    }
  }

  private static func number(
    _ kind: Unicode.Scalar, _ type: CChar, _ message: OpaquePointer
  ) throws(BusFailure) -> Int64 {
    // Each into room of its own size.
    func read<Value: FixedWidthInteger>(_ value: Value) throws(BusFailure) -> Int64 {
      var value = value
      let result = withUnsafeMutablePointer(to: &value) {
        sd_bus_message_read_basic(message, type, UnsafeMutableRawPointer($0))
      }
      try BusFailure.check(result)
      return Int64(truncatingIfNeeded: value)
    }
    switch kind {
    case "y": return try read(UInt8(0))
    case "n": return try read(Int16(0))
    case "q": return try read(UInt16(0))
    // A truth value takes the room of an `int`, and so does a descriptor.
    case "b", "i", "h": return try read(Int32(0))
    case "u": return try read(UInt32(0))
    case "x": return try read(Int64(0))
    case "t": return try read(UInt64(0))
    case "d":
      var value = 0.0
      try BusFailure.check(sd_bus_message_read_basic(message, type, &value))
      return Int64(exactly: value.rounded()) ?? 0
    default: throw BusFailure("a message has the unknown type '\(kind)'")
    }
  }
}

/// Why systemd did not do what it was asked for, or cannot be asked: a clause.
struct BusFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// As D-Bus names it, such as `org.freedesktop.systemd1.NoSuchUnit`; "": it did not answer.
  var name = ""
  var reason: String

  init(_ reason: String) { self.reason = reason }

  /// - Parameter message: an `sd_bus_message` that is an error.
  init(of message: OpaquePointer) {
    let error = sd_bus_message_get_error(message)?.pointee
    name = error?.name.map { String(cString: $0) } ?? "unknown"
    reason = error?.message.map { String(cString: $0) } ?? name
  }

  /// Takes what a call of the library returned: negative is an error's number.
  @discardableResult
  static func check(_ result: Int32) throws(BusFailure) -> Int32 {
    guard result < 0 else { return result }
    throw BusFailure("systemd cannot be asked: \(String(cString: strerror(-result)))")
  }

  var description: String { reason }
}
