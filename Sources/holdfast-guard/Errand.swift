import CLinux
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Synchronization

/// A thread for calls that may have to wait for somebody else (the kernel's routing lock, a watchdog's driver, whoever reads the
/// log), so that the guard's own thread never does. Jobs are done one after the other, in the order in which they were given.
final class Errand: Sendable {
  typealias Job = @Sendable () -> Void

  private let jobs = Mutex<(waiting: [Job], unfinished: Int)>(([], 0))
  /// Readable when a job was given.
  private let given: WakeUp
  /// Readable when a job was finished.
  private let finished: WakeUp
  private let isUrgent: Bool

  /// Enough for a job, and little to lock in memory.
  private static let stack = 256 * 1024

  /// - Parameter urgent: it runs before other processes, as the guard does.
  init(_ name: String, urgent: Bool = false) throws(KernelFileError) {
    isUrgent = urgent
    given = try WakeUp()
    finished = try WakeUp()
    // It lives as long as the program.
    let me = Unmanaged.passRetained(self)
    let begun = holdfast_thread(
      Self.stack,
      { raw in
        if let raw { Unmanaged<Errand>.fromOpaque(raw).takeUnretainedValue().work() }
        return nil
      }, me.toOpaque())
    guard begun == 0 else {
      let code = errno
      me.release()
      throw KernelFileError(operation: "begin", path: "a thread for \(name)", code: code)
    }
  }

  /// For poll: readable when a job was finished since `noteFinished` was called.
  var finishedNumber: Int32 { finished.number }

  func noteFinished() { finished.drain() }

  /// Jobs that are not finished.
  var count: Int { jobs.withLock { $0.unfinished } }

  /// Returns at once.
  func add(_ job: @escaping Job) {
    jobs.withLock {
      $0.waiting.append(job)
      $0.unfinished += 1
    }
    given.set()
  }

  /// Waits until every job is finished, but not for longer than this.
  /// - Returns: whether they are.
  @discardableResult
  func wait(atMost: Duration) -> Bool {
    let end = ContinuousClock.now + atMost
    while count > 0 {
      let left = end - ContinuousClock.now
      guard left > .zero else { return false }
      Self.poll(finished.number, milliseconds: Int32(clamping: left.wholeNanoseconds / 1_000_000 + 1))
      noteFinished()
    }
    return true
  }

  private static func poll(_ number: Int32, milliseconds: Int32) {
    var descriptor = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    _ = Glibc.poll(&descriptor, 1, milliseconds)
  }

  private func work() {
    if isUrgent {
      // As far as the host allows; the guard's own thread says what it does not.
      _ = holdfast_round_robin(HostStanding.priority)
      _ = holdfast_spare_disks()
    }
    while true {
      Self.poll(given.number, milliseconds: -1)
      given.drain()
      let taken = jobs.withLock { jobs in
        defer { jobs.waiting.removeAll() }
        return jobs.waiting
      }
      for job in taken {
        job()
        jobs.withLock { $0.unfinished -= 1 }
        finished.set()
      }
    }
  }
}
