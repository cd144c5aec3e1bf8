import CLibvirt
import Glibc

/// libvirt's own event loop, on a thread of its own for the life of the process: connections register with it when they are
/// opened, and it calls them back.
enum EventLoop {
  /// True when the loop runs. It must before the first connection is opened.
  static let running: Bool = {
    guard virInitialize() >= 0, virEventRegisterDefaultImpl() >= 0 else { return false }
    // Errors are returned to us; libvirt would print them on standard error besides.
    virSetErrorFunc(nil) { _, _ in }
    return Threads.start("virt-events") {
      while true {
        // It fails only when poll does; a short rest keeps that from spinning.
        if virEventRunDefaultImpl() < 0 { usleep(10_000) }
      }
    }
  }()
}

/// Detached threads of our own, for what may block.
///
/// SIGPIPE is blocked on them: libvirt writes to its sockets without asking for silence, and libvirtd's end would end this process
/// as well.
enum Threads {
  /// Runs `body` on a new thread; false when the system has none to give.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    final class Body: Sendable {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let failed = pthread_create(
      &thread, nil,
      { raw in
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    guard failed == 0 else {
      box.release()
      return false
    }
    pthread_setname_np(thread, name)
    pthread_detach(thread)
    return true
  }
}
