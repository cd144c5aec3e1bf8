import FoundationEssentials
import Glibc
import HoldfastPorts
import LinuxBasics
import NIOPosix
import SystemPackage

/// What waits for receivers, in a file that outlives a reboot and is always whole: written beside it, brought to the disk and renamed over it.
///
/// A disk that hangs holds up one thread of the file's own, and nobody who delivers.
package final class OutboxFile: Sendable {
  /// What was found at the start.
  package enum Content: Sendable {
    case nothing
    case kept(Outbox.Kept)
    /// It is kept under another name, for people.
    case unreadable(reason: String)
  }

  private let directory: String
  private let path: String
  private let thread: NIOThreadPool

  package init(directory: String) {
    self.directory = directory
    path = directory + "/notices.json"
    thread = NIOThreadPool(numberOfThreads: 1)
    thread.start()
  }

  /// - Throws: the file system's error.
  package func load() async throws -> Content {
    try await thread.runIfActive { [directory, path] in
      if mkdir(directory, 0o700) != 0, errno != EEXIST {
        throw KernelFileError(operation: "create", path: directory, code: errno)
      }
      let bytes: [UInt8]
      do throws(KernelFileError) { bytes = Array(try KernelFile.read(path).utf8) } catch {
        if error.code == ENOENT { return .nothing }
        throw error
      }
      do { return .kept(try JSONDecoder().decode(Outbox.Kept.self, from: Data(bytes))) } catch {
        rename(path, path + ".unreadable")
        return .unreadable(reason: "\(error)")
      }
    }
  }

  /// - Throws: the file system's error.
  package func save(_ kept: Outbox.Kept) async throws {
    let bytes = Array(try JSONEncoder().encode(kept))
    try await thread.runIfActive { [directory, path] in
      let beside = path + ".new"
      do {
        let file = try Descriptor.open(beside, .writeOnly, [.create, .truncate], permissions: .ownerReadWrite)
        try file.file.writeAll(bytes)
        try Self.synchronize(file, beside)
        guard rename(beside, path) == 0 else { throw KernelFileError(operation: "replace", path: path, code: errno) }
        try Self.synchronize(try Descriptor.open(directory, .readOnly, .directory), directory)
      } catch {
        // What there is of the new one takes room that is wanted.
        unlink(beside)
        throw error
      }
    }
  }

  package func close() async { try? await thread.shutdownGracefully() }

  private static func synchronize(_ file: borrowing Descriptor, _ path: String) throws(KernelFileError) {
    guard fsync(file.number) == 0 else { throw KernelFileError(operation: "write", path: path, code: errno) }
  }
}
