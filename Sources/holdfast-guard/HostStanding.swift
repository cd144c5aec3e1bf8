import CLinux
import Glibc
import GuardCore
import LinuxBasics

/// What makes the guard run in time when the host is in trouble: memory that is never paged out and is found without a disk, precedence
/// over other processes, no death by the out-of-memory killer; and how systemd hears of it.
final class HostStanding {
  /// Of the guard among the real-time processes (SCHED_RR).
  static let priority: Int32 = 20

  private let log: GuardLog
  /// What systemd has not taken yet.
  private var untold: [String] = []

  init(log: GuardLog) { self.log = log }

  /// As far as the host allows; what it does not is said.
  func secure() {
    if holdfast_lock_memory() != 0 { say("lock its memory") }
    if holdfast_spare_disks() != 0 { say("keep the kernel from waiting for disks when it needs memory") }
    if holdfast_round_robin(Self.priority) != 0 {
      let reason = errno
      if holdfast_highest_niceness() != 0 {
        errno = reason
        say("run before other processes")
      }
    }
    do { try KernelFile.write("-1000", to: "/proc/self/oom_score_adj") } catch { log.line(.warning, "\(error)") }
  }

  private func say(_ what: String) {
    log.line(.warning, "the guard cannot \(what): \(String(cString: strerror(errno))); under load it may be late")
  }

  var isWaitingToTell: Bool { !untold.isEmpty }

  /// systemd's protocol: one datagram to the socket named in the environment. It does not wait for a systemd that is behind.
  func tell(_ state: String) {
    untold.append(state)
    tellOn()
  }

  /// Tries again what systemd has not taken yet.
  func tellOn() {
    guard !untold.isEmpty else { return }
    guard let socket = getenv("NOTIFY_SOCKET") else { return untold.removeAll() }
    while let state = untold.first {
      if holdfast_send_to(socket, state) != 0 {
        if errno == EAGAIN { return }
        log.line(.warning, "cannot notify systemd: \(String(cString: strerror(errno)))")
      }
      untold.removeFirst()
    }
  }
}
