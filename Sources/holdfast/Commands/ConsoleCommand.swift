import ArgumentParser
import Glibc
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct ConsoleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "console",
    abstract: "Open a workload's console, or say on which node it is.",
    discussion: """
      Where the workload runs on this node, `virsh console` takes over the terminal; Ctrl-] leaves it. Anywhere else the command says which node \
      runs it and what to type there.

      Example: holdfast console web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "The workload's name.", completion: .workloads)
  var name: String

  @Flag(help: "Only print the command, and on standard error the node to type it on.")
  var print = false

  @Flag(help: "Take the console from whoever has it open (`virsh console --force`).")
  var force = false

  /// Where a console is, for scripts.
  struct Place: Encodable, Equatable {
    var workload: String
    var node: String
    /// The node is this one.
    var isHere: Bool
    var arguments: [String]

    /// - Throws: `Failure` when no node holds it.
    init(_ workload: WorkloadInfo, here: String, force: Bool) throws {
      guard let node = workload.node else {
        throw Failure(
          kind: "conflict", thing: "workload \(workload.name)", reason: "no node runs it, so it has no console",
          remedy: "`holdfast workload \(workload.name)` says why.")
      }
      self.workload = workload.name
      self.node = node
      isHere = node == here
      arguments = ["virsh", "-c", workload.connection, "console"] + (force ? ["--force"] : []) + [workload.name]
    }

    var command: String { arguments.joined(separator: " ") }
  }

  func run() async throws {
    let client = daemon.client
    let workload = try await client.get("/workloads/\(name)", ["limit": "0"], as: WorkloadDetail.self).workload
    let place = try Place(workload, here: try await client.get("/domains", as: DomainList.self).node, force: force)
    if daemon.output == .json { return try Output.json(place) }
    if print {
      // Beside the command: what a script takes stays one to execute.
      Output.complain("On \(place.node)\(place.isHere ? ", which is this node" : ""):")
      return Output.line(place.command)
    }
    guard place.isHere else {
      throw Failure(
        kind: "conflict", thing: "workload \(name)", reason: "it runs on \(place.node), and so its console is there",
        remedy: "On \(place.node): `\(place.command)`; from here perhaps `ssh -t \(place.node) \(place.command)`.")
    }
    guard Terminal.canAsk else {
      throw Failure(
        .usage, kind: "invalid", thing: "the console of \(name)", reason: "there is no terminal to open it on",
        remedy: "`\(place.command)` is what would be run.")
    }
    if workload.state == .crashed {
      Output.complain("\(name) crashed and is kept: it answers nothing.")
    } else if workload.state == .frozen || workload.state == .paused {
      Output.complain("\(name) is \(workload.state.rawValue): it answers nothing until it continues.")
    }
    throw Self.become(place)
  }

  /// Goes on as `virsh`, which has the terminal to itself then.
  ///
  /// - Returns: why it could not.
  private static func become(_ place: Place) -> Failure {
    var arguments: [UnsafeMutablePointer<CChar>?] = place.arguments.map { strdup($0) } + [nil]
    execvp("virsh", &arguments)
    let reason = String(cString: strerror(errno))
    for argument in arguments { free(argument) }
    return Failure(
      thing: "virsh", reason: "it cannot be executed: \(reason)",
      remedy: "Install it (Debian: libvirt-clients), then `\(place.command)`.")
  }
}
