import CLinux
import Glibc
import LinuxBasics
import Synchronization

/// One process, held by its pidfd: a number that is used again does not deceive.
package final class WatchedProcess: Sendable {
  package let pid: Int32
  private let descriptor: Descriptor
  private let forget: @Sendable () -> Void

  fileprivate init(pid: Int32, descriptor: consuming Descriptor, forget: @escaping @Sendable () -> Void) {
    self.pid = pid
    self.descriptor = descriptor
    self.forget = forget
  }
  // The descriptor is closed next, and the kernel takes it off the epoll set, since nobody else has the open file.
  deinit { forget() }

  /// Kills it, if it is still there.
  package func kill() { holdfast_pidfd_kill(descriptor.number) }

  /// False from the moment it has ended, reaped or not.
  package var isAlive: Bool {
    var poll = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) == 0
  }
}

/// Tells at once when one of any number of processes ends: one thread, asleep until then.
package final class ProcessWatch: Sendable {
  private struct Book {
    var handlers: [UInt64: @Sendable () -> Void] = [:]
    var next: UInt64 = 1
  }
  private static let stop: UInt64 = 0

  /// Held by the watch and by its thread: open until neither uses it.
  private final class Waiting: Sendable {
    let epoll: Descriptor
    let wake: WakeUp

    init() throws(KernelFileError) {
      epoll = try Descriptor.owned(epoll_create1(Int32(EPOLL_CLOEXEC)), "open", "an epoll set")
      wake = try WakeUp()
    }
  }
  private let waiting: Waiting
  private let book = Mutex(Book())

  /// - Throws: when this process has no descriptor left.
  package init() throws(KernelFileError) {
    let waiting = try Waiting()
    self.waiting = waiting
    add(waiting.wake.number, tag: Self.stop, events: EPOLLIN.rawValue)
    _ = Threads.start("process-watch") { [weak self] in
      while ProcessWatch.waitOnce(waiting, { self?.take($0)?() }) {}
    }
  }
  deinit { waiting.wake.set() }

  /// What became of the wish to watch a process.
  package enum Watching {
    case watched(WatchedProcess)
    /// There is none with that number.
    case none
    /// The kernel has no descriptor to give.
    case refused
  }

  /// Watches a process.
  ///
  /// - Parameter ended: called once, on the watch's thread, when it ends.
  package func watch(_ pid: Int32, ended: @escaping @Sendable () -> Void) -> Watching {
    let number = holdfast_pidfd_open(pid)
    guard number >= 0 else { return errno == ESRCH ? .none : .refused }
    let descriptor = Descriptor(owning: number)
    let tag = book.withLock { book in
      defer { book.next += 1 }
      book.handlers[book.next] = ended
      return book.next
    }
    add(number, tag: tag, events: EPOLLIN.rawValue | EPOLLONESHOT.rawValue)
    return .watched(WatchedProcess(pid: pid, descriptor: descriptor) { [weak self] in _ = self?.take(tag) })
  }

  private func add(_ descriptor: Int32, tag: UInt64, events: UInt32) {
    var event = epoll_event(events: events, data: epoll_data(u64: tag))
    epoll_ctl(waiting.epoll.number, EPOLL_CTL_ADD, descriptor, &event)
  }

  private func take(_ tag: UInt64) -> (@Sendable () -> Void)? { book.withLock { $0.handlers.removeValue(forKey: tag) } }

  /// False when it is time to end.
  private static func waitOnce(_ waiting: Waiting, _ ended: (UInt64) -> Void) -> Bool {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    let count = epoll_wait(waiting.epoll.number, &events, Int32(events.count), -1)
    if count < 0 { return errno == EINTR }
    for event in events.prefix(Int(count)) {
      if event.data.u64 == stop { return false }
      ended(event.data.u64)
    }
    return true
  }
}
