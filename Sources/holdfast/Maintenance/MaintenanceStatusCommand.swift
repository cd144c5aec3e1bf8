import ArgumentParser
import HoldfastAPI
import HoldfastOperator

struct MaintenanceStatusCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show which nodes are in maintenance, or the progress of one of them.",
    discussion: """
      For one node on a terminal, the display is updated until the node is empty or its workloads are back. Interrupting the command interrupts nothing else.

      Example: holdfast maintenance status n1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "A node. (default: all nodes)", completion: .nodes)
  var node: String?

  @Flag(help: "Show the current state once, and exit.")
  var once = false

  @Flag(help: "Follow without a terminal as well: one line for each change.")
  var follow = false

  func checkOptions() throws {
    if once, follow { throw ValidationError("--once and --follow exclude each other.") }
  }

  func run() async throws {
    if let node { try await one(node) } else { try await all() }
  }

  private func one(_ node: String) async throws {
    let state = try await daemon.client.get("/nodes/\(node)/maintenance", as: NodeMaintenance.self)
    let isUnderWay = state.node.maintenance.map { $0.phase != .empty } ?? false
    if isUnderWay, follow || !once && daemon.output == .text && Terminal.current().isTerminal {
      let goal: EvacuationWatch.Goal = state.node.maintenance?.phase == .returning ? .failedBack : .empty
      let last = try await EvacuationWatch(client: daemon.client, node: node, goal: goal).run()
      return try show(last, isShown: Terminal.showsProgress)
    }
    try show(state, isShown: false)
  }

  /// - Parameter isShown: the state is on the terminal already.
  private func show(_ state: NodeMaintenance, isShown: Bool) throws {
    guard daemon.output == .text else { return try Output.json(state) }
    if !isShown { for line in EvacuationScreen(state: state, terminal: .current()).lines() { Output.line(line) } }
  }

  private func all() async throws {
    var list = try await daemon.client.get("/nodes", as: NodeList.self)
    if list.isUnread == true { throw Failure.unread("the nodes in maintenance") }
    list.nodes.removeAll { $0.maintenance == nil && $0.quarantine == nil }
    guard daemon.output == .text else { return try Output.json(list) }
    let terminal = Terminal.current(), restrictions = RestrictionLines(terminal: terminal)
    for line in restrictions.disarmed(list.disarm, width: terminal.columns) { Output.line(line) }
    let width = list.nodes.map(\.name.count).max() ?? 0
    for node in list.nodes {
      let texts: [(String, Style)] =
        (node.maintenance.map { [(restrictions.text($0), restrictions.style($0))] } ?? [])
        + (node.quarantine.map { [(restrictions.text($0, of: node.name), .doubtful)] } ?? [])
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
