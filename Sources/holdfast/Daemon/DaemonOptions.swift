import ArgumentParser
import Glibc
import HoldfastAPI

/// Options of every command.
struct DaemonOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Socket of holdfastd. (default: $HOLDFAST_SOCKET, or \(defaultSocketPath))", valueName: "path"))
  var socket: String?

  @Option(name: .shortAndLong, help: "text, or json for scripts.")
  var output: Format = .text

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  var client: DaemonClient { DaemonClient(socket: Self.path(socket)) }

  /// - Parameter named: on the command line.
  static func path(_ named: String?) -> String {
    let fromEnvironment = getenv("HOLDFAST_SOCKET").map { String(cString: $0) } ?? ""
    return named ?? (fromEnvironment.isEmpty ? defaultSocketPath : fromEnvironment)
  }
}
