import ArgumentParser
import HoldfastAPI
import HoldfastOperator

struct MaintenanceStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Which nodes are in maintenance; or how far one of them is.",
    discussion: """
      With a node, on a terminal, it follows until the node is empty, or everything is home. Interrupting it interrupts nothing else.

      Example: holdfast maintenance status n1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "A node; without it all of them.")
  var node: String?

  @Flag(help: "Show it once, whole.")
  var once = false

  @Flag(help: "Follow where there is no terminal, too: a line for every change.")
  var follow = false

  func validate() throws {
    if once, follow { throw ValidationError("--once and --follow contradict each other.") }
  }

  func run() async throws {
    if let node { try await one(node) } else { try await all() }
  }

  private func one(_ node: String) async throws {
    let state = try await daemon.client.get("/nodes/\(node)/maintenance", as: NodeMaintenance.self)
    let isUnderWay = state.node.maintenance.map { $0.phase != .empty } ?? false
    if isUnderWay, follow || !once && daemon.output == .text && Terminal.current().isTerminal {
      let goal: EvacuationWatch.Goal = state.node.maintenance?.phase == .returning ? .home : .empty
      let last = try await EvacuationWatch(client: daemon.client, node: node, goal: goal).run()
      return try show(last, isShown: Terminal.showsProgress)
    }
    try show(state, isShown: false)
  }

  /// - Parameter isShown: a person has it before his eyes.
  private func show(_ state: NodeMaintenance, isShown: Bool) throws {
    guard daemon.output == .text else { return try Output.json(state) }
    if !isShown { for line in EvacuationScreen(state: state, terminal: .current()).lines() { Output.line(line) } }
  }

  private func all() async throws {
    var list = try await daemon.client.get("/nodes", as: NodeList.self)
    list.nodes.removeAll { $0.maintenance == nil && $0.quarantine == nil }
    guard daemon.output == .text else { return try Output.json(list) }
    let terminal = Terminal.current(), upkeep = UpkeepLines(terminal: terminal)
    for line in upkeep.disarmed(list.disarm, width: terminal.columns) { Output.line(line) }
    let width = list.nodes.map(\.name.count).max() ?? 0
    for node in list.nodes {
      let texts: [(String, Style)] =
        (node.maintenance.map { [(upkeep.text($0), upkeep.style($0))] } ?? [])
        + (node.quarantine.map { [(upkeep.text($0, of: node.name), .doubtful)] } ?? [])
      let name = terminal.styled(node.name, .bold) + String(repeating: " ", count: width - node.name.count)
      let indent = String(repeating: " ", count: width)
      var isFirst = true
      for (text, style) in texts {
        for line in terminal.wrapped(text, to: max(30, terminal.columns - width - 2)) {
          Output.line("\(isFirst ? name : indent)  \(terminal.styled(line, style))")
          isFirst = false
        }
      }
    }
    if list.nodes.isEmpty { Output.line("No node is in maintenance.") }
  }
}
