import CLinux
import Glibc
import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import NIOPosix
import Synchronization

/// Looks at when a file in a container was last written. A file system that hangs holds up one thread for each file, and nobody else.
package final class FileProber: Sendable {
  /// Files whose look has not returned.
  private let looking = Mutex<Set<String>>([])

  package init() {}

  package func answer(to probe: FileProbe, at container: ContainerProcess, until end: ContinuousClock.Instant) async -> Answer {
    let file = container.root + probe.path
    guard looking.withLock({ $0.insert(file).inserted }) else {
      return .cannotTell(reason: "a look at \(probe.path) has not returned yet")
    }
    let look = await race(until: end) { [self] in
      try await NIOThreadPool.singleton.runIfActive { [self] in
        defer { looking.withLock { _ = $0.remove(file) } }
        return Self.written(container.root, probe.path)
      }
    }
    switch look {
    case nil: return .cannotTell(reason: "the file system of \(probe.path) does not answer")
    case .failure(let error): return .cannotTell(reason: "\(probe.path) is not looked at: \(error)")
    case .success(.failure(let failure)): return Self.answer(to: failure, path: probe.path)
    case .success(.success(let written)):
      return Self.answer(written: written, now: WallClock.milliseconds, probe)
    }
  }

  private enum Failure: Error {
    /// The container has no root directory any more.
    case noRoot
    case system(Int32)
  }

  private static func written(_ root: String, _ path: String) -> Result<Int64, Failure> {
    let time = holdfast_written_in(root, path)
    if time == -2 { return .failure(.noRoot) }
    return time == -1 ? .failure(.system(errno)) : .success(time)
  }

  private static func answer(to failure: Failure, path: String) -> Answer {
    switch failure {
    case .noRoot: .cannotTell(reason: "the container's files are gone")
    case .system(ENOENT), .system(ENOTDIR): .bad(reason: "\(path) does not exist")
    case .system(let code): .cannotTell(reason: "\(path) cannot be looked at: \(Words.system(code))")
    }
  }

  /// A file of the future counts as new: clocks differ.
  static func answer(written: Int64, now: Int64, _ probe: FileProbe) -> Answer {
    let age = Duration.milliseconds(now - written)
    if age <= .seconds(probe.maximumAge) { return .good }
    return .bad(reason: "\(probe.path) was last written \(InWords.number(age.inSeconds.rounded())) s ago")
  }
}
