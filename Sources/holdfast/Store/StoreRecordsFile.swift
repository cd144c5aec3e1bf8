import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastYAML
import SystemPackage

/// Records of a store in a file.
enum StoreRecordsFile {
  private static let limit = 1 << 30

  /// - Throws: `Failure` for what is no such file.
  static func read(_ path: String) throws -> StoreRecords {
    let remedy = "`holdfastd --records > FILE` writes one."
    func failure(_ reason: String) -> Failure { Failure(kind: "invalid", thing: path, reason: reason, remedy: remedy) }
    let bytes: [UInt8]
    do { bytes = try RegularFile.read(path, limit: limit).bytes } catch { throw failure("it cannot be read: \(error.found)") }
    guard let records = try? JSONDecoder().decode(StoreRecords.self, from: Data(bytes)) else {
      throw failure("it holds no records of a store")
    }
    guard records.format == StoreRecords.currentFormat else {
      throw failure("it has format \(records.format), and this build reads \(StoreRecords.currentFormat)")
    }
    return records
  }

  /// Such as `holdfast-store-backup-prod-20261130T040712Z.json`.
  ///
  /// - Parameter now: milliseconds since 1970.
  static func backupName(of cluster: String, at now: Int64) -> String {
    let digits = Date(timeIntervalSince1970: Double(now) / 1000).formatted(.iso8601).filter {
      $0 != Character("-") && $0 != Character(":")
    }
    return "holdfast-store-backup-\(cluster)-\(digits).json"
  }

  /// Writes a new file that only its owner can read, and that is on the disk when this returns.
  ///
  /// - Throws: `Failure` when that cannot be, or there is a file of that name.
  static func write(_ records: StoreRecords, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let bytes = try encoder.encode(records) + Data("\n".utf8)
    do {
      let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerRead, .ownerWrite])
      do {
        try file.closeAfter {
          try file.writeAll(bytes)
          guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        }
      } catch {
        // Half of the records are no backup, and the next attempt may have the same name.
        unlink(path)
        throw error
      }
    } catch {
      throw Failure(
        thing: "the backup \(path)", reason: "it cannot be written: \(error)",
        remedy: "Nothing was changed. Name another place with --backup, or see to the room on that disk.")
    }
  }
}
