import Glibc
import SystemPackage

/// What could not be done to a file of the kernel's, and to what.
public struct KernelFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var operation: String
  public var path: String
  /// The C library's error number.
  public var code: Int32

  package init(operation: String, path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// The file, or the cgroup that it belonged to, is not there (any more).
  public var isGone: Bool { code == ENOENT || code == ENODEV }
  /// In the C library's words.
  package var reason: String { Errno(rawValue: code).description }
  public var description: String { "cannot \(operation) \(path): \(reason)" }
}

/// Small files whose every read and write is a question or an order to the kernel.
///
/// What such a call may wait for: opening walks through mount points and the kernel's own filesystems, which are in memory. Orders to cgroups,
/// and reading /proc/self/cgroup, take the kernel's cgroup lock. Nobody waits for user space with it; its holder waits at most for
/// other tasks to fork or end, and those perhaps for memory that must first be written to a disk. There is no way around that lock: to
/// freeze and to kill are cgroup orders. While one has not returned, the guard feeds no watchdog, and that is right: nothing is known to be frozen.
/// /proc/PID/status takes spinning locks alone.
package enum KernelFile {
  package static func read(_ path: String) throws(KernelFileError) -> String {
    let descriptor = try Descriptor.open(path, .readOnly)
    do { return String(decoding: try descriptor.bytes(), as: UTF8.self) } catch {
      throw KernelFileError(operation: "read", path: path, code: error.rawValue)
    }
  }

  /// One write call: the kernel takes each as one order.
  package static func write(_ text: String, to path: String) throws(KernelFileError) {
    let descriptor = try Descriptor.open(path, .writeOnly)
    var text = text
    do {
      let count = try text.withUTF8 { try descriptor.file.write(UnsafeRawBufferPointer($0)) }
      guard count == text.utf8.count else { throw Errno.ioError }
    } catch {
      throw KernelFileError(operation: "write", path: path, code: Descriptor.code(of: error))
    }
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The names of the directories in a directory; nil when it is gone.
  package static func directories(in path: String) throws(KernelFileError) -> [String]? {
    guard let stream = opendir(path) else {
      if errno == ENOENT { return nil }
      throw KernelFileError(operation: "list", path: path, code: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      guard Int32(entry.pointee.d_type) == Int32(DT_DIR) else { continue }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Creates one directory; fine when it is there.
  package static func makeDirectory(_ path: String) throws(KernelFileError) {
    guard mkdir(path, 0o755) != 0, errno != EEXIST else { return }
    throw KernelFileError(operation: "create", path: path, code: errno)
  }
}
