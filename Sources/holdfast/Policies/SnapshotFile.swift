import Foundation
import HoldfastAPI
import HoldfastYAML

/// A snapshot that was written to a file.
enum SnapshotFile {
  private static let limit = 256 << 20

  /// What every format has.
  private struct Head: Decodable {
    var format: Int
  }

  /// - Throws: `Failure` for what is no snapshot, or one that this build cannot read.
  static func read(_ path: String) throws -> ClusterSnapshot {
    let thing = "the snapshot \(path)"
    let bytes: [UInt8]
    do {
      bytes = try RegularFile.read(path, limit: limit).bytes
    } catch {
      throw Failure(
        kind: "invalid", thing: thing, reason: "it cannot be read: \(error.found)",
        remedy: "`holdfast snapshot > FILE` writes one.")
    }
    let data = Data(bytes), decoder = JSONDecoder()
    let format: Int
    do {
      format = try decoder.decode(Head.self, from: data).format
    } catch DecodingError.dataCorrupted {
      let what = bytes.isEmpty ? "it is empty" : "it is no JSON"
      throw Failure(kind: "invalid", thing: thing, reason: what, remedy: "`holdfast snapshot > FILE` writes one.")
    } catch {
      throw Failure(
        kind: "invalid", thing: thing, reason: "it is JSON, but no snapshot: it has no 'format'",
        remedy: "`holdfast snapshot > FILE` writes one.")
    }
    guard (1...ClusterSnapshot.currentFormat).contains(format) else {
      throw Failure(
        kind: "invalid", thing: thing,
        reason: "it has format \(format), and this build reads \(ClusterSnapshot.currentFormat)",
        remedy: "Use the holdfast that wrote it, or a newer one.")
    }
    do {
      return try decoder.decode(ClusterSnapshot.self, from: data)
    } catch {
      throw Failure(
        kind: "invalid", thing: thing, reason: "it is damaged: \(Self.describe(error))",
        remedy: "Take a new one: `holdfast snapshot > FILE`.")
    }
  }

  private static func describe(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
      let text = path.reduce(into: "") { text, key in
        text += key.intValue.map { "[\($0)]" } ?? (text.isEmpty ? key.stringValue : ".\(key.stringValue)")
      }
      return text.isEmpty ? "at the top" : "at '\(text)'"
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context): return "\(place(context.codingPath)) '\(key.stringValue)' is missing"
    case DecodingError.typeMismatch(let type, let context): return "\(place(context.codingPath)) there is no \(type)"
    case DecodingError.valueNotFound(let type, let context): return "\(place(context.codingPath)) there is no \(type)"
    case DecodingError.dataCorrupted(let context): return "\(place(context.codingPath)): \(context.debugDescription)"
    default: return "\(error)"
    }
  }
}
