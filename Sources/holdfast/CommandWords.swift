import ArgumentParser
import HoldfastModel

/// The commands that a command line names, one below the other: `holdfast maintenance enter`.
struct CommandWords {
  /// As they are typed, the program's own name first.
  private(set) var names: [String]
  /// A word in the place of a command that is none, and the commands that could stand there.
  private(set) var unknown: (word: String, among: [String])?

  init(_ arguments: [String], under root: any ParsableCommand.Type) {
    names = [root.configuration.commandName ?? ""]
    var command = root
    for word in arguments {
      let below = command.configuration.subcommands.filter { $0.configuration.shouldDisplay }
      // What an option means here, and the help's own words, the parser knows.
      guard !below.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
      guard let next = below.first(where: { Self.all(of: $0).contains(word) }) else {
        unknown = (word, below.compactMap { $0.configuration.commandName })
        return
      }
      command = next
      names.append(word)
    }
  }

  private static func all(of command: any ParsableCommand.Type) -> [String] {
    [command.configuration.commandName ?? ""] + command.configuration.aliases
  }

  /// Such as `holdfast maintenance enter`.
  var text: String { names.joined(separator: " ") }

  /// Where a mistake in the use of this command is explained.
  var advice: String { "  See '\(text) --help' for more information." }

  /// The parser's message with a short line of usage: `[options]` in place of each of them.
  static func shortened(_ message: String) -> String {
    message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("Usage: ") ? withoutOptions(line) : String(line)
    }.joined(separator: "\n")
  }

  private static func withoutOptions(_ usage: Substring) -> String {
    var kept = "", bracketed = "", depth = 0, hasOptions = false
    for letter in usage {
      if letter == "[" { depth += 1 }
      if depth == 0 { kept.append(letter) } else { bracketed.append(letter) }
      guard letter == "]", depth > 0 else { continue }
      depth -= 1
      if depth > 0 { continue }
      // An argument that may be left out, such as [<node>], is no option.
      if bracketed.hasPrefix("[<") { kept += bracketed } else if !hasOptions { kept += "[options]" }
      hasOptions = hasOptions || !bracketed.hasPrefix("[<")
      bracketed = ""
    }
    return kept.split(separator: " ").joined(separator: " ")
  }

  /// nil: every command is known.
  var failure: Failure? {
    guard let unknown else { return nil }
    let meant = nearestSpelling(to: unknown.word, among: unknown.among).map { "Did you mean '\(text) \($0)'? " } ?? ""
    // The program's own are too many for a line.
    let list =
      names.count == 1
      ? "`\(text) --help` lists them all."
      : "There \(unknown.among.count == 1 ? "is" : "are") \(InWords.list(unknown.among, most: 12))."
    return Failure(
      .usage, kind: "invalid", thing: (names.dropFirst() + [unknown.word]).joined(separator: " "),
      reason: "there is no such command", remedy: meant + list)
  }
}

/// A command whose options say something about each other. They are checked when all of them are known to exist: else somebody who
/// mistyped one would be told that it is missing.
protocol CheckedCommand: ParsableCommand {
  /// - Throws: `ValidationError`.
  func checkOptions() throws
}
