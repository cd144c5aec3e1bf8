import CLinux
import Glibc
import LinuxBasics
import Synchronization

/// The socket's file: found free, made under another name, and shown under its own only with its owner and mode set.
final class SocketFile: Sendable {
  /// Why the API cannot listen: the file, the reason, the remedy.
  struct Unusable: Error, CustomStringConvertible {
    var path: String
    var reason: String
    var remedy: String
    var description: String { "\(path): \(reason). \(remedy)" }
  }

  /// Bytes: the address, which has room for 107 and the NUL, is that of another name first.
  static let longestPath = 107 - stagingSuffix.utf8.count
  private static let stagingSuffix = ".new"

  let path: String
  /// Where the server binds.
  let staging: String
  /// The published file, so that only our own is removed in the end.
  private let published = Mutex<(device: dev_t, inode: ino_t)?>(nil)

  init(_ path: String) {
    self.path = path
    staging = path + Self.stagingSuffix
  }

  /// Makes sure that no living daemon is served by the file, and that the directory is there.
  func prepare() throws(Unusable) {
    guard path.utf8.count <= Self.longestPath else {
      throw unusable(
        "the path has more than \(Self.longestPath) bytes, which a socket's address cannot hold", "Choose a shorter one.")
    }
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    if !directory.isEmpty, mkdir(directory, 0o755) != 0, errno != EEXIST {
      throw unusable("its directory cannot be made: \(lastError())", "Make \(directory), or choose another path.")
    }
    var present = stat()
    guard lstat(path, &present) == 0 else { return }
    guard present.st_mode & S_IFMT == S_IFSOCK else {
      throw unusable("there is a file that is not a socket", "Move it away, or choose another path.")
    }
    if isAlive() {
      throw unusable("another holdfastd answers there", "Stop it, or give this one another socket.")
    }
  }

  /// Somebody accepts connections there.
  private func isAlive() -> Bool {
    let connection = holdfast_connect_stream(path, 0)
    guard connection < 0 else {
      _ = Descriptor(owning: connection)
      return true
    }
    // A full queue of connections is a sign of life as well.
    return errno == EAGAIN || errno == EINPROGRESS
  }

  /// Gives the bound socket its group and mode 0660, and its name. A stale file of a dead daemon is replaced in the same instant.
  func publish(group: UInt32?) throws(Unusable) {
    guard chown(staging, UInt32.max, group ?? UInt32.max) == 0 else {
      throw unusable("its group cannot be set: \(lastError())", "Run holdfastd as root.")
    }
    guard chmod(staging, 0o660) == 0 else { throw unusable("its mode cannot be set: \(lastError())", "Run holdfastd as root.") }
    var made = stat()
    guard lstat(staging, &made) == 0, rename(staging, path) == 0 else {
      throw unusable("it cannot be put in place: \(lastError())", "Look at the directory's owner and mode.")
    }
    published.withLock { $0 = (made.st_dev, made.st_ino) }
  }

  /// Removes the file if it is still the one that was published.
  func remove() {
    guard let (device, inode) = published.withLock({ $0 }) else { return }
    var present = stat()
    if lstat(path, &present) == 0, present.st_dev == device, present.st_ino == inode { unlink(path) }
  }

  private func unusable(_ reason: String, _ remedy: String) -> Unusable { Unusable(path: path, reason: reason, remedy: remedy) }
  private func lastError() -> String { String(cString: strerror(errno)) }
}
