import CLibvirt
import Glibc
import Synchronization

/// One process, held by its pidfd: a number that is used again does not deceive.
package final class WatchedProcess: Sendable {
  package let pid: Int32
  private let descriptor: Int32
  private let forget: @Sendable () -> Void

  fileprivate init(pid: Int32, descriptor: Int32, forget: @escaping @Sendable () -> Void) {
    self.pid = pid
    self.descriptor = descriptor
    self.forget = forget
  }
  // The kernel takes a closed descriptor off the epoll set, since nobody else has the open file.
  deinit {
    Glibc.close(descriptor)
    forget()
  }

  /// Kills it, if it is still there.
  package func kill() { clibvirt_pidfd_kill(descriptor) }

  /// False from the moment it has ended, reaped or not.
  package var isAlive: Bool {
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
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

  private let epoll: Int32
  private let wake: Int32
  private let book = Mutex(Book())

  package init() {
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    wake = eventfd(0, Int32(EFD_CLOEXEC))
    add(wake, tag: Self.stop, events: EPOLLIN.rawValue)
    let (epoll, wake) = (epoll, wake)
    _ = Threads.start("process-watch") { [weak self] in
      while ProcessWatch.waitOnce(epoll, { self?.take($0)?() }) {}
      Glibc.close(epoll)
      Glibc.close(wake)
    }
  }
  // The thread owns both descriptors.
  deinit { eventfd_write(wake, 1) }

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
    let descriptor = clibvirt_pidfd_open(pid)
    guard descriptor >= 0 else { return errno == ESRCH ? .none : .refused }
    let tag = book.withLock { book in
      defer { book.next += 1 }
      book.handlers[book.next] = ended
      return book.next
    }
    add(descriptor, tag: tag, events: EPOLLIN.rawValue | EPOLLONESHOT.rawValue)
    return .watched(WatchedProcess(pid: pid, descriptor: descriptor) { [weak self] in _ = self?.take(tag) })
  }

  private func add(_ descriptor: Int32, tag: UInt64, events: UInt32) {
    var event = epoll_event(events: events, data: epoll_data(u64: tag))
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
  }

  private func take(_ tag: UInt64) -> (@Sendable () -> Void)? { book.withLock { $0.handlers.removeValue(forKey: tag) } }

  /// False when it is time to end.
  private static func waitOnce(_ epoll: Int32, _ ended: (UInt64) -> Void) -> Bool {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    let count = epoll_wait(epoll, &events, Int32(events.count), -1)
    if count < 0 { return errno == EINTR }
    for event in events.prefix(Int(count)) {
      if event.data.u64 == stop { return false }
      ended(event.data.u64)
    }
    return true
  }
}
