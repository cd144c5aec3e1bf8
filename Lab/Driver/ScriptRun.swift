import Subprocess
import SystemPackage

/// How a command ended, and what it said.
public struct CommandResult: Equatable, Sendable {
  /// The exit code; nil when a signal ended it.
  public var status: Int32?
  public var output: String
  public var errors: String

  public var succeeded: Bool { status == 0 }
}

/// Runs one command to its end, in a session of its own, so that no process of it is left when its time is up.
func run(_ executable: String, _ arguments: [String], environment: [String: String], limit: Duration) async throws(LabError)
  -> CommandResult
{
  let shown = ([executable.split(separator: "/").last.map(String.init) ?? executable] + arguments).joined(separator: " ")
  var options = PlatformOptions()
  options.createSession = true
  options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500))]
  let prepared = Configuration(
    executable: .path(.init(executable)), arguments: Arguments(arguments),
    environment: .inherit.updating(environment.reduce(into: [:]) { $0[.init(stringLiteral: $1.key)] = $1.value }),
    platformOptions: options)
  do {
    return try await withThrowingTaskGroup(of: CommandResult?.self) { group in
      group.addTask {
        let ended = try await Subprocess.run(prepared, output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
        let status: Int32? = if case .exited(let code) = ended.terminationStatus { code } else { nil }
        return CommandResult(status: status, output: ended.standardOutput, errors: ended.standardError)
      }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let result = first else {
        throw LabError.timedOut(command: shown, limit: limit)
      }
      return result
    }
  } catch let error as LabError {
    throw error
  } catch {
    throw .notStarted(command: shown, reason: "\(error)")
  }
}
