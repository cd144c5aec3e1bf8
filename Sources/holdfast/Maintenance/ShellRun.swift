import Subprocess
import SystemPackage

/// A command of the operator's, run by the shell with this program's input and output, and `HOLDFAST_NODE` set.
struct ShellRun: Sendable {
  let command: String
  let node: String

  /// - Throws: `Failure` when it cannot be run, or does not end with status 0.
  func run() async throws {
    let reason: String
    switch try await status() {
    case .exited(0): return
    case .exited(let code): reason = "it exited with status \(code) for \(node)"
    case .signaled(let signal): reason = "it was killed by signal \(signal) for \(node)"
    }
    throw Failure(
      kind: "conflict", thing: "the command '\(command)'", reason: reason, remedy: "\(node) stays in maintenance.")
  }

  private func status() async throws -> TerminationStatus {
    do {
      return try await Subprocess.run(
        .path("/bin/sh"), arguments: ["-c", command], environment: .inherit.updating(["HOLDFAST_NODE": node]),
        input: .currentStandardInput, output: .currentStandardOutput, error: .currentStandardError
      ).terminationStatus
    } catch {
      throw Failure(
        thing: "/bin/sh", reason: "it cannot be executed: \(error)", remedy: "\(node) stays in maintenance.")
    }
  }
}
