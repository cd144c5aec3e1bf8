import Glibc
import GuardCore
import LinuxBasics
import SystemPackage

/// The state that outlives a guard, in a small file that is always whole: written beside it and renamed over it.
///
/// Nothing is synchronised to a disk: after a reboot the record means nothing, and it says so by its boot id.
struct StateFile {
  let path: String

  func read() -> GuardMachine.FoundAtStart.Record {
    do {
      return .found(try GuardRecord(text: try KernelFile.read(path)))
    } catch let error as KernelFileError where error.code == ENOENT {
      return .none
    } catch {
      return .unreadable(reason: "\(path): \(error)")
    }
  }

  /// Where it fails, the old record is removed: a next guard must not believe what is no longer true.
  func write(_ record: GuardRecord) throws(KernelFileError) {
    do throws(KernelFileError) {
      try writeBeside(Array(record.text.utf8))
      guard rename(path + ".new", path) == 0 else { throw KernelFileError(operation: "replace", path: path, code: errno) }
    } catch {
      unlink(path)
      // What there is of the new one takes room that is wanted.
      unlink(path + ".new")
      throw error
    }
  }

  private func writeBeside(_ bytes: [UInt8]) throws(KernelFileError) {
    let file = try Descriptor.open(path + ".new", .writeOnly, [.create, .truncate], permissions: .ownerReadWrite)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress.map { $0 + written }, bytes.count - written) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw KernelFileError(operation: "write", path: path + ".new", code: count < 0 ? errno : ENOSPC) }
      written += count
    }
  }
}
