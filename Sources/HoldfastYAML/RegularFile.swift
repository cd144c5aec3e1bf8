import Glibc
import LinuxBasics
import SystemPackage

/// The content of a regular file, read whole and within a limit. Never waits: no pipe and no device is opened.
public struct RegularFile: Sendable {
  public var bytes: [UInt8]
  /// The permission bits of `stat`.
  public var mode: UInt32

  /// Why a file could not be read, as the end of "found …".
  public struct Problem: Error, Hashable, Sendable {
    public var found: String

    public init(found: String) { self.found = found }
  }

  /// - Parameter limit: in bytes; a larger file is refused.
  public static func read(_ path: String, limit: Int) throws(Problem) -> RegularFile {
    guard !path.utf8.contains(0) else { throw Problem(found: "a path with a NUL character in it") }
    let descriptor: Descriptor
    let waitingForNothing: FileDescriptor.OpenOptions = [.nonBlocking, .init(rawValue: O_NOCTTY)]
    do { descriptor = try Descriptor.open(path, .readOnly, waitingForNothing) } catch {
      throw Problem(found: reason(error.code))
    }
    var status = stat()
    guard fstat(descriptor.number, &status) == 0 else { throw Problem(found: reason(errno)) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw Problem(found: "a directory")
    default: throw Problem(found: "something that is no regular file")
    }
    let bytes: [UInt8]
    do { bytes = try descriptor.bytes(limit: limit) } catch { throw Problem(found: reason(error.rawValue)) }
    // Counted, not asked from `stat`: the files of /proc have size 0.
    guard bytes.count <= limit else { throw Problem(found: "more than \(limit / 1024) KiB") }
    return RegularFile(bytes: bytes, mode: status.st_mode & 0o7777)
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT: "no such file"
    case EACCES, EPERM: "no permission to read it"
    case ENOTDIR: "a path through something that is no directory"
    case ELOOP: "a loop of symbolic links"
    case ENAMETOOLONG: "a path that is too long"
    case ENXIO: "something that is no regular file"
    default: "error \(code) when it was opened or read"
    }
  }
}
