/// What went wrong with the lab: the thing, the reason, the remedy.
public enum LabError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The script is not where it was looked for.
  case noScript(lookedFrom: String)
  /// The script could not be started at all.
  case notStarted(command: String, reason: String)
  /// The script, or a command it ran, failed; `output` is what it said, errors last.
  case failed(command: String, status: String, output: String)
  /// It did not end within its time limit and was killed.
  case timedOut(command: String, limit: Duration)
  /// It said something else than what it should.
  case unexpectedAnswer(command: String, answer: String)
  /// A file of the lab cannot be read.
  case unreadable(path: String, reason: String)

  public var description: String {
    switch self {
    case .noScript(let folder):
      "no Lab/lab in \(folder) or above it. Run this inside the repository"
    case .notStarted(let command, let reason):
      "\(command) cannot be started: \(reason). The lab needs bash and root"
    case .failed(let command, let status, let output):
      "\(command) failed (\(status)): \(output)"
    case .timedOut(let command, let limit):
      "\(command) did not end within \(limit). See what the lab is doing with: lab status"
    case .unexpectedAnswer(let command, let answer):
      "\(command) answered '\(answer)', which makes no sense. Are the script and the driver of one version?"
    case .unreadable(let path, let reason):
      "\(path) cannot be read: \(reason). Is the lab up, and are its containers made (lab workloads)?"
    }
  }
}
