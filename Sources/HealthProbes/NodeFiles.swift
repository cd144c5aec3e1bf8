import Glibc
import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import LinuxBasics
import NIOPosix
import Synchronization
import SystemPackage

/// Looks at a node's file systems, on threads of their own. What has not returned in time has failed: a file system that does not answer is of no use.
final class NodeFiles: Sendable {
  /// What is looked at, and has not returned.
  private let looking = Mutex<Set<String>>([])
  /// Nobody else's: each path that hangs holds up one of them, and there are no more paths than checks.
  private static let threads: NIOThreadPool = {
    let threads = NIOThreadPool(numberOfThreads: NodeCheck.most)
    threads.start()
    return threads
  }()

  func answer(
    about thing: String, within limit: Duration, until end: ContinuousClock.Instant, _ look: @escaping @Sendable () -> Answer
  ) async -> Answer {
    guard looking.withLock({ $0.insert(thing).inserted }) else {
      return .bad(reason: "\(thing) has not answered an earlier question yet")
    }
    let answer = await race(until: end) { [self] in
      try await Self.threads.runIfActive { [self] in
        defer { looking.withLock { _ = $0.remove(thing) } }
        return look()
      }
    }
    switch answer {
    case nil: return .bad(reason: "\(thing) does not answer within \(Words.time(limit))")
    case .failure(let error): return .cannotTell(reason: "\(thing) is not looked at: \(error)")
    case .success(let answer): return answer
    }
  }

  /// Makes a small file, has it written to the disk, and removes it.
  static func write(_ name: String, in directory: String) -> Answer {
    let path = "\(directory)/\(name)"
    // What a node left that went down at it. Anybody may have put something else there, as into /tmp: it is not followed.
    unlink(path)
    do {
      let file = try Descriptor.open(
        path, .writeOnly, [.create, .exclusiveCreate, .noFollow], permissions: [.ownerRead, .ownerWrite])
      defer { unlink(path) }
      let bytes = [UInt8](repeating: UInt8(ascii: "."), count: 512)
      let count = bytes.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) }
      guard count == bytes.count, fsync(file.number) == 0 else { return answer(to: count < 0 ? errno : EIO, directory) }
      return .good
    } catch {
      return answer(to: error.code, directory)
    }
  }

  private static func answer(to code: Int32, _ directory: String) -> Answer {
    switch code {
    case EROFS: .bad(reason: "\(directory) is read-only")
    case ENOSPC, EDQUOT: .bad(reason: "\(directory) is full")
    case ENOENT, ENOTDIR: .bad(reason: "\(directory) does not exist")
    case EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EEXIST, ELOOP, ENAMETOOLONG:
      .cannotTell(reason: "this node cannot write in \(directory): \(Words.system(code))")
    default: .bad(reason: "\(directory) cannot be written: \(Words.system(code))")
    }
  }

  /// What root alone may use does not count as free.
  static func space(_ probe: DiskSpaceProbe) -> Answer {
    var found = statvfs()
    guard statvfs(probe.path, &found) == 0 else {
      let code = errno
      return code == ENOENT || code == ENOTDIR
        ? .bad(reason: "\(probe.path) does not exist")
        : .bad(reason: "the file system of \(probe.path) cannot be looked at: \(Words.system(code))")
    }
    let size = UInt64(found.f_frsize), total = UInt64(found.f_blocks) * size, free = UInt64(found.f_bavail) * size
    return probe.free.isMet(free: free, of: total)
      ? .good : .bad(reason: "\(probe.path) has \(InWords.memory(Int(clamping: free >> 20))) left")
  }
}
