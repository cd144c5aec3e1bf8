import CLinux
import CgroupIsolation
import Glibc
import GuardCore

/// What makes the guard run in time when the host is in trouble: memory that is never paged out, precedence over other
/// processes, no death by the out-of-memory killer; and how systemd hears of it.
struct HostStanding {
  let log: GuardLog

  /// As far as the host allows; what it does not is said.
  func secure() {
    if holdfast_lock_memory() != 0 { say("lock its memory") }
    if holdfast_round_robin(20) != 0 {
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

  /// systemd's protocol: one datagram to the socket named in the environment.
  func tell(_ state: String) {
    guard let socket = getenv("NOTIFY_SOCKET") else { return }
    if holdfast_send_to(socket, state) != 0 {
      log.line(.warning, "cannot notify systemd: \(String(cString: strerror(errno)))")
    }
  }
}
