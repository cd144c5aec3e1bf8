import ArgumentParser
import Foundation
import HoldfastNode
import Logging
import UnixSignals

@main
struct Holdfastd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "holdfastd",
    abstract: "Run the controller of a Holdfast node.",
    discussion: """
      Signals: SIGTERM and SIGINT end it as 'on-stop' says (handover: everything moves to other nodes first). SIGHUP ends it \
      without touching a workload, to be started again within the TTL: for upgrades.

      Exit status: 0 ended as asked; 1 failed; 2 wrong usage; 78 the configuration cannot be used.

      Example: holdfastd --check --config /etc/holdfast/holdfastd.yaml
      """,
    version: holdfastVersion)

  @Option(help: "Configuration file.")
  var config = NodeConfiguration.defaultPath

  @Flag(help: "Check the configuration, report every mistake, and exit with 0 when there is none.")
  var check = false

  @Flag(help: "Print what etcdctl needs in its environment to reach the store: eval \"$(holdfastd --etcdctl)\"")
  var etcdctl = false

  @Flag(help: "Print every record of the cluster in the store, as JSON: what `holdfast store check` looks at.")
  var records = false

  @Flag(help: "Change the records that standard input names, and print what became of it: how `holdfast store repair` writes.")
  var writeRecords = false

  /// Exit status of wrong usage, as of the other programs.
  private static let wrongUsage: Int32 = 2

  static func main() async {
    do {
      var command = try await asyncParseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      FileHandle.standardError.write(Data("\(fullMessage(for: error))\n".utf8))
      Foundation.exit(wrongUsage)
    }
  }

  func run() async throws {
    if check {
      let report = NodeConfiguration.check(path: config)
      print(report.text)
      throw ExitCode(report.exitStatus)
    }
    let node: NodeConfiguration
    do { node = try NodeConfiguration.load(path: config) } catch {
      let report = CheckReport.refusal(error, of: config)
      FileHandle.standardError.write(Data("\(report.text)\n".utf8))
      throw ExitCode(report.exitStatus)
    }
    if etcdctl { return try printEnvironment(of: node) }
    if records || writeRecords { return try await runErrand(on: node) }
    LoggingSystem.bootstrap { JournalLog(label: $0) }
    var logger = Logger(label: "holdfastd")
    logger.logLevel = node.logLevel
    for warning in node.warnings { logger.warning("\(warning)") }
    do {
      let daemon = try Daemon(node, version: holdfastVersion, logger: logger)
      try await Self.serve(daemon, onStop: node.onStop, logger: logger)
    } catch {
      logger.critical("\(error)")
      throw ExitCode(1)
    }
  }

  private func printEnvironment(of node: NodeConfiguration) throws {
    let lines = node.etcdctlEnvironment
    guard !lines.isEmpty else {
      let text = "holdfastd: the store in \(config) is not etcd, so there is nothing for etcdctl to reach\n"
      FileHandle.standardError.write(Data(text.utf8))
      throw ExitCode(1)
    }
    for line in lines { print(line) }
  }

  private func runErrand(on node: NodeConfiguration) async throws {
    do {
      let answer =
        writeRecords
        ? try await StoreErrand.writeRecords([UInt8](FileHandle.standardInput.readDataToEndOfFile()), of: node)
        : try await StoreErrand.printRecords(of: node)
      print(answer)
    } catch {
      FileHandle.standardError.write(Data("holdfastd: \(error)\n".utf8))
      throw ExitCode(1)
    }
  }

  private static func serve(_ daemon: Daemon, onStop: NodeConfiguration.OnStop, logger: Logger) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    try await withThrowingTaskGroup { group in
      group.addTask { try await daemon.run(ready: { ServiceNotifier.ready() }) }
      group.addTask {
        var asked = false
        for await signal in signals {
          if signal == .sighup || onStop == .stay || asked {
            ServiceNotifier.stopping("ending, the workloads stay")
            logger.notice("ending on \(signal), the workloads stay as they are")
            return
          }
          asked = true
          ServiceNotifier.stopping("handing over")
          daemon.leave(fast: onStop == .handover)
        }
      }
      group.addTask { await daemon.departureLimitPassed() }
      try await group.next()
      group.cancelAll()
    }
  }
}
