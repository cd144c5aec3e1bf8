import Dispatch
import Foundation
import Glibc

/// A command of the operator's, run by the shell with this program's input and output, and `HOLDFAST_NODE` set.
struct ShellRun: Sendable {
  let command: String
  let node: String

  /// - Throws: `Failure` when it cannot be run, or does not end with status 0.
  func run() async throws {
    let process = try spawn()
    let status = await withCheckedContinuation { (done: CheckedContinuation<Int32, Never>) in
      // Waiting blocks: not on the cooperative pool.
      DispatchQueue.global().async {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        done.resume(returning: status)
      }
    }
    let signal = status & 0x7F, code = (status >> 8) & 0xFF
    guard status != 0 else { return }
    throw Failure(
      kind: "conflict", thing: "the command '\(command)'",
      reason: signal != 0 ? "it was ended by signal \(signal) for \(node)" : "it ended with status \(code) for \(node)",
      remedy: "\(node) stays in maintenance.")
  }

  /// With the signals as a program expects them: this one waits for some in its own way.
  private func spawn() throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t(), all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let variables = ProcessInfo.processInfo.environment.merging(["HOLDFAST_NODE": node]) { $1 }
    func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }
    var arguments = copies(["sh", "-c", command])
    var environment = copies(variables.map { "\($0.key)=\($0.value)" })
    defer { for text in arguments + environment { free(text) } }
    var process: pid_t = 0
    let failure = posix_spawn(&process, "/bin/sh", nil, &attributes, &arguments, &environment)
    guard failure == 0 else {
      throw Failure(
        thing: "/bin/sh", reason: "it cannot be run: \(String(cString: strerror(failure)))",
        remedy: "\(node) stays in maintenance.")
    }
    return process
  }
}
