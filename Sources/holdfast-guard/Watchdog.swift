import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime

/// The hardware watchdog: resets the host when it is not fed in time.
final class Watchdog {
  private let path: String
  private let timeout: Int
  private let log: GuardLog
  private var device: Device?
  private var openFailure: Int32 = 0
  private(set) var nextFeed: BootInstant

  /// Whether the machine says that all is well.
  var mayFeed = true {
    didSet { if mayFeed != oldValue { nextFeed = .zero } }
  }

  /// A type of its own because an optional of a noncopyable type in a class is awkward to take apart.
  private final class Device {
    let file: Descriptor
    init(_ file: consuming Descriptor) { self.file = file }
  }

  init(path: String, timeout: Int, log: GuardLog) {
    self.path = path
    self.timeout = timeout
    self.log = log
    nextFeed = .zero
  }

  /// Feeds it if it is time and all is well. A device that cannot be opened is tried again and again.
  func work(_ now: BootInstant) {
    guard now >= nextFeed else { return }
    nextFeed = now + .milliseconds(timeout * 1000 / 5)
    if device == nil { open() }
    guard let device, mayFeed else { return }
    if Glibc.write(device.file.number, ".", 1) != 1 && errno != EAGAIN {
      log.line(.error, "cannot feed the watchdog \(path): \(String(cString: strerror(errno))); opening it again")
      self.device = nil
    }
  }

  /// A clean stop with nothing to guard: the magic character tells the driver that the closing is meant.
  func disarm() {
    guard let device else { return }
    if Glibc.write(device.file.number, "V", 1) != 1 {
      log.line(.warning, "cannot stop the watchdog \(path): \(String(cString: strerror(errno))); it goes on ticking")
    }
    self.device = nil
  }

  private func open() {
    do {
      // Non-blocking: whatever stands behind the path must not hold the guard up.
      let file = try Descriptor.open(path, O_WRONLY | O_NONBLOCK)
      if holdfast_watchdog_timeout(file.number, Int32(timeout)) != 0 {
        log.line(.warning, "the watchdog \(path) keeps its own timeout: \(String(cString: strerror(errno)))")
      }
      device = Device(file)
      openFailure = 0
      log.line(.notice, "feeding the watchdog \(path)")
    } catch {
      if error.code != openFailure { log.line(.error, "\(error); going on without the watchdog, and trying again") }
      openFailure = error.code
    }
  }
}
