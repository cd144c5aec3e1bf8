import CLinux
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Synchronization
import SystemPackage

/// The hardware watchdog: resets the host when it is not fed in time.
///
/// The guard's own thread decides each feed, at the moment at which it is due; another thread carries it out, for a driver may wait for its
/// hardware, and opening a device whose driver is not loaded makes the kernel run modprobe. So a guard that hangs feeds nothing, and a
/// driver that hangs does not hold the guard up: then nothing is fed either, and the host is reset.
final class Watchdog {
  private let device: WatchdogDevice
  private let errand: Errand
  /// Seconds.
  private let timeout: Int
  private(set) var nextFeed = BootInstant.zero
  private let began = BootClock.now

  /// Loading a driver's module takes a moment, and no longer.
  private static let patience = Duration.seconds(10)

  /// Whether the machine says that all is well.
  var mayFeed = true {
    didSet { if mayFeed != oldValue { nextFeed = .zero } }
  }

  init(path: String, timeout: Int, log: GuardLog) throws(KernelFileError) {
    self.timeout = timeout
    device = WatchdogDevice(path: path, timeout: timeout, log: log)
    errand = try Errand("the watchdog", urgent: true)
  }

  /// As it was found last.
  func standing(_ now: BootInstant) -> GuardHealth.Watchdog {
    if let found = device.standing { return found }
    guard now - began >= Self.patience else { return .opening }
    return .unusable(reason: "\(device.path): its driver does not answer")
  }

  /// Feeds it if it is time and all is well. A device that cannot be opened is tried again and again.
  func work(_ now: BootInstant) {
    guard now >= nextFeed else { return }
    // A driver may take less than it was asked for; what it took is known after it was opened.
    let found = device.standing
    let inForce = if case .open(let seconds?) = found { min(seconds, timeout) } else { timeout }
    nextFeed = now + (found == nil ? Self.untilKnown : .milliseconds(min(inForce * 1000 / 5, 2000)))
    // No feed is given in advance: it would be carried out later, when all may not be well any more.
    guard errand.count == 0 else { return }
    errand.add { [device, mayFeed] in device.work(feeding: mayFeed) }
  }

  /// From one look at the device to the next, until it is known whether it can be used.
  private static let untilKnown = Duration.milliseconds(100)

  /// A clean stop with nothing to guard: the magic character tells the driver that the closing is meant.
  func disarm() {
    errand.add { [device] in device.disarm() }
    errand.wait(atMost: .seconds(1))
  }
}

/// The device, in the watchdog's own thread.
private final class WatchdogDevice: Sendable {
  private struct State {
    var file: File?
    var openFailure: Int32 = 0
    var standing: GuardHealth.Watchdog?
  }
  /// A type of its own because an optional of a noncopyable type is awkward to take apart.
  private final class File: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
  }

  let path: String
  private let timeout: Int
  private let log: GuardLog
  private let state = Mutex(State())
  /// What `standing` says: `state` is locked while the driver is waited for.
  private let told = Mutex<GuardHealth.Watchdog?>(nil)

  init(path: String, timeout: Int, log: GuardLog) {
    self.path = path
    self.timeout = timeout
    self.log = log
  }

  /// nil: it was not tried yet. It never waits for the driver.
  var standing: GuardHealth.Watchdog? { told.withLock { $0 } }

  func work(feeding: Bool) {
    let standing = state.withLock { state in
      if state.file == nil { open(&state) }
      guard let file = state.file, feeding else { return state.standing }
      if Glibc.write(file.descriptor.number, ".", 1) != 1 && errno != EAGAIN {
        let reason = "\(path): \(String(cString: strerror(errno)))"
        log.line(.error, "cannot feed the watchdog \(reason); opening it again")
        state.file = nil
        state.standing = .unusable(reason: reason)
      }
      return state.standing
    }
    told.withLock { $0 = standing }
  }

  func disarm() {
    state.withLock { state in
      guard let file = state.file else { return }
      if Glibc.write(file.descriptor.number, "V", 1) != 1 {
        log.line(.warning, "cannot stop the watchdog \(path): \(String(cString: strerror(errno))); it keeps ticking")
      }
      state.file = nil
    }
  }

  /// A driver that refuses so little as invalid is asked for the next second, and so on: the least that it takes is the best fence.
  ///
  /// - Returns: false: it takes none, and `errno` says why.
  private func setTimeout(of file: Int32) -> Bool {
    for seconds in timeout...max(timeout, Self.greatestLeast) {
      if holdfast_watchdog_timeout(file, Int32(seconds)) == 0 { return true }
      guard errno == EINVAL else { return false }
    }
    return false
  }

  /// Seconds: no hardware that is of use needs more at least.
  private static let greatestLeast = 30

  private func open(_ state: inout State) {
    do {
      let file = try Descriptor.open(path, .writeOnly, .nonBlocking)
      if !setTimeout(of: file.number) {
        log.line(.warning, "the watchdog \(path) keeps its own timeout: \(String(cString: strerror(errno)))")
      }
      // A driver may round what it takes.
      let inForce = holdfast_watchdog_timeout_in_force(file.number)
      let seconds = inForce > 0 ? Int(inForce) : nil
      state.file = File(file)
      state.openFailure = 0
      state.standing = .open(timeout: seconds)
      let reset = seconds.map { "\($0) s" } ?? "at a time that its driver does not tell,"
      log.line(.notice, "feeding the watchdog \(path), which resets the host \(reset) after it was fed last")
    } catch {
      state.standing = .unusable(reason: "\(error)")
      if error.code != state.openFailure { log.line(.error, "\(error); continuing without the watchdog, and trying again") }
      state.openFailure = error.code
    }
  }
}
