import Glibc
import SystemPackage

/// A file descriptor with one owner, closed when it goes.
package struct Descriptor: ~Copyable, Sendable {
  /// Only lent: whoever closes it closes somebody else's file the next time.
  package let file: FileDescriptor
  /// For calls of the C library.
  package var number: Int32 { file.rawValue }

  package init(owning number: Int32) { file = FileDescriptor(rawValue: number) }
  deinit { try? file.close() }

  /// For another owner that closes it, such as a channel of NIO's.
  package consuming func giveAway() -> Int32 {
    let number = file.rawValue
    discard self
    return number
  }

  /// Opens a file, for this process only and not for those that it starts.
  ///
  /// - Parameter permissions: of the file, where it is created.
  package static func open(
    _ path: String, _ mode: FileDescriptor.AccessMode, _ options: FileDescriptor.OpenOptions = [],
    permissions: FilePermissions? = nil
  ) throws(KernelFileError) -> Descriptor {
    do {
      let file = try path.withCString {
        try FileDescriptor.open($0, mode, options: options.union(.closeOnExec), permissions: permissions)
      }
      return Descriptor(owning: file.rawValue)
    } catch {
      throw KernelFileError(operation: "open", path: path, code: code(of: error))
    }
  }

  /// Takes over what a call of the C library returned; negative: it failed, and `errno` says why.
  package static func owned(_ number: Int32, _ operation: String, _ thing: String) throws(KernelFileError) -> Descriptor {
    guard number >= 0 else { throw KernelFileError(operation: operation, path: thing, code: errno) }
    return Descriptor(owning: number)
  }

  /// Everything from here to the end.
  ///
  /// - Parameter limit: reading stops as soon as there are more bytes than this.
  package func bytes(limit: Int = .max) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    do {
      while bytes.count <= limit {
        let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
        if count == 0 { break }
        bytes += chunk[..<count]
      }
    } catch {
      throw Errno(rawValue: Self.code(of: error))
    }
    return bytes
  }

  /// `FileDescriptor` throws nothing but `Errno`, and does not say so in its types.
  static func code(of error: any Error) -> Int32 { (error as? Errno)?.rawValue ?? EIO }
}
