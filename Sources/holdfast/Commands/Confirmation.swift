import ArgumentParser
import HoldfastAPI

/// The question to the operator before anything changes.
enum Confirmation {
  /// Shows what would happen, and asks whether to go on.
  ///
  /// - Throws: `Failure` when there is nobody to ask, `ExitCode` when the answer is no.
  static func ask(_ question: String, showing plan: [CommandResult]) throws {
    try ask(question, lines: ResultLines(terminal: .current()).lines(plan))
  }

  /// The same with lines in place of results.
  static func ask(_ question: String, lines: [String]) throws {
    guard Terminal.canAsk else {
      throw Failure(
        .usage, kind: "invalid", thing: "no --yes",
        reason: "this command asks before it acts, and there is no terminal to ask on",
        remedy: "See with --dry-run what it would do, then repeat it with --yes.")
    }
    for line in lines { Output.complain(line) }
    guard Terminal.ask(question) else {
      Output.complain("Nothing was done.")
      throw ExitCode(ExitStatus.failed.rawValue)
    }
  }
}
