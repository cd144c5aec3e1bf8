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
  private let clock = Mutex(ClockSteps())
  /// Nobody else's: what a container's file system holds up is other containers' files at most.
  private static let threads: NIOThreadPool = {
    let threads = NIOThreadPool(numberOfThreads: 8)
    threads.start()
    return threads
  }()

  private static let mostInOne = 2

  package init() {}

  package func answer(to probe: FileProbe, at container: ContainerProcess, until end: ContinuousClock.Instant) async -> Answer {
    let file = container.root + probe.path
    guard looking.withLock({ Self.mayLook(at: file, of: container, beside: &$0) }) else {
      return .cannotTell(reason: "a look at a file of the container has not returned yet")
    }
    let look = await race(until: end) { [self] in
      try await Self.threads.runIfActive { [self] in
        defer { looking.withLock { _ = $0.remove(file) } }
        return Self.written(container.root, probe.path)
      }
    }
    switch look {
    case nil: return .cannotTell(reason: "the file system of \(probe.path) does not answer")
    case .failure(let error): return .cannotTell(reason: "\(probe.path) is not looked at: \(error)")
    case .success(.failure(let failure)): return Self.answer(to: failure, path: probe.path)
    case .success(.success(let written)):
      let wall = WallClock.milliseconds, now = BootClock.now
      return clock.withLock { clock in
        clock.see(wall: wall, at: now)
        return Self.answer(written: written, now: wall, probe) { age, most in clock.mayExplain(age, over: most, at: now) }
      }
    }
  }

  /// One look at a file, and few in one container: whose file systems hang, and they may be its own, leaves threads to others.
  private static func mayLook(at file: String, of container: ContainerProcess, beside others: inout Set<String>) -> Bool {
    others.count { $0.hasPrefix(container.root + "/") } < mostInOne && others.insert(file).inserted
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
  ///
  /// - Parameter isByClock: the clock was set, which explains an age above the most.
  private static func answer(
    written: Int64, now: Int64, _ probe: FileProbe, isByClock: (_ age: Duration, _ most: Duration) -> Bool
  ) -> Answer {
    let age = Duration.milliseconds(now - written), most = Duration.seconds(probe.maximumAge)
    if age <= most { return .good }
    if isByClock(age, most) {
      return .cannotTell(reason: "this node's clock was set forward, so the age of \(probe.path) is not known")
    }
    return .bad(reason: "\(probe.path) was last written \(InWords.number(age.inSeconds.rounded())) s ago")
  }
}
