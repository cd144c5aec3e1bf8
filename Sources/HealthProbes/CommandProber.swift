import Glibc
import HoldfastModel
import HoldfastPorts
import Subprocess
import SystemPackage

/// How a command ended.
package enum CommandEnd: Equatable, Sendable {
  case exited(Int32, output: String)
  case signalled(Int32)
  case notStarted(reason: String)
  case timedOut
}

/// Runs the commands of probes, so many at once on a node: each in a session of its own, of which nothing is left when its time is up.
package final class CommandProber: Sendable {
  /// Commands at once; what hangs in the kernel after it was killed keeps its place.
  package static let mostAtOnce = 16
  /// Bytes of what it prints that are kept; the rest is read and dropped.
  private static let mostOutput = 1024
  /// What the daemon is, its commands are not to be: first in turn, and the last that is killed for memory.
  private static let modest = [
    "/bin/sh", "-c", "echo 0 >/proc/self/oom_score_adj; exec nice -n $((0 - $(nice))) \"$@\"", shell
  ]
  /// By what name the shell before the command complains, as when this node has no process to give.
  private static let shell = "holdfast-check"
  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  private let gate: Gate

  /// The command was not come to: the shell before it failed.
  static func hasFailed(saying output: String) -> Bool { output.hasPrefix("\(shell): ") }

  package init(atOnce: Int = CommandProber.mostAtOnce) { gate = Gate(atOnce) }

  /// - Parameters:
  ///   - variables: all that it has in its environment beside PATH.
  ///   - end: it is ended then, with what it has started.
  package func run(_ command: [String], variables: [String: String], until end: ContinuousClock.Instant) async -> CommandEnd {
    let asked = ContinuousClock.now
    guard await gate.enter(until: end) else {
      return .notStarted(reason: "\(gate.places) commands of checks run on this node already")
    }
    let waited = ContinuousClock.now - asked
    var options = PlatformOptions()
    options.createSession = true
    // No order to end before: who heeds it would leave those behind that do not.
    options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
    var environment: [Environment.Key: String] = ["PATH": Self.path, "LANG": "C"]
    for (name, value) in variables { environment[.init(stringLiteral: name)] = value }
    let prepared = Configuration(
      executable: .path(FilePath(Self.modest[0])), arguments: Arguments(Array(Self.modest.dropFirst()) + command),
      environment: .custom(environment), workingDirectory: "/", platformOptions: options)
    let ended = await race(until: end) { [gate] in
      // What hangs, frozen or in the kernel, is waited for here, after the probe was answered.
      defer { gate.leave() }
      return try await Self.run(prepared)
    }
    switch ended {
    // Whoever waited for its turn had less time than its check gives it.
    case nil where waited > (end - asked) / 10:
      return .notStarted(reason: "it waited \(Words.time(waited)) for its turn: \(gate.places) commands of checks run at once")
    case nil: return .timedOut
    case .success(let end): return end
    case .failure(let error): return .notStarted(reason: InWords.oneLine("\(error)"))
    }
  }

  private static func run(_ prepared: Configuration) async throws -> CommandEnd {
    let ended = try await Subprocess.run(prepared, input: .none, output: .sequence, error: .combinedWithOutput) { execution in
      var kept: [UInt8] = []
      for try await part in execution.standardOutput where kept.count < mostOutput {
        part.withUnsafeBytes { kept += $0.prefix(mostOutput - kept.count) }
      }
      return kept
    }
    // What it left behind in its group. As long as any of that is there, the number is given to nobody else; and where nothing is, the kernel
    // would have to have given out all others in between.
    kill(-ended.processIdentifier.value, SIGKILL)
    let output = InWords.oneLine(String(decoding: ended.closureResult, as: UTF8.self))
    return switch ended.terminationStatus {
    case .exited(let code): .exited(code, output: output)
    case .signaled(let signal): .signalled(signal)
    }
  }
}
