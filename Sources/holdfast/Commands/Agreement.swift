import ArgumentParser
import HoldfastAPI

/// The operator's agreement to what he was shown.
enum Agreement {
  /// Shows what would happen and asks.
  ///
  /// - Throws: `Failure` when there is nobody to ask, `ExitCode` when the answer is no.
  static func seek(_ question: String, showing plan: [CommandResult]) throws {
    try seek(question, lines: ResultLines(terminal: .current()).lines(plan))
  }

  /// The same for what is no list of results.
  static func seek(_ question: String, lines: [String]) throws {
    guard Terminal.canAsk else {
      throw Failure(
        .usage, thing: "holdfast", reason: "this command asks before it acts, and there is no terminal to ask on",
        remedy: "Look at it with --dry-run, then repeat it with --yes.")
    }
    for line in lines { Output.complain(line) }
    guard Terminal.ask(question) else {
      Output.complain("Nothing was done.")
      throw ExitCode(ExitStatus.failed.rawValue)
    }
  }
}
