import ArgumentParser
import HoldfastAPI

struct NodesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nodes",
    abstract: "Every node: its state, load and headroom, guard, connections.",
    discussion: "Example: holdfast nodes -o json | jq -r '.nodes[] | select(.state == \"down\").name'")

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let list = try await daemon.client.get("/nodes", as: NodeList.self)
    guard daemon.output == .text else { return try Output.json(list) }
    let terminal = Terminal.current()
    for line in NodeTable(terminal: terminal).lines(list.nodes, width: terminal.isTerminal ? terminal.columns : nil) {
      Output.line(line)
    }
    for node in list.nodes { for line in details(node, terminal) { Output.line(line) } }
  }

  private func details(_ node: NodeInfo, _ terminal: Terminal) -> [String] {
    var facts: [String] = []
    facts.append("serves \(node.connections.isEmpty ? "nothing" : node.connections.joined(separator: ", "))")
    if !node.labels.isEmpty {
      facts.append(node.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
    }
    if node.unmanagedDomains > 0 {
      facts.append(
        "\(Words.count(node.unmanagedDomains, "domain")) outside protection (\(Words.memory(node.unmanaged.memory)))")
    }
    if let version = node.version { facts.append("version \(version)") }
    let lines = ["", "\(terminal.styled(node.name, .bold))  \(terminal.styled(facts.joined(separator: "; "), .dim))"]
    let troubles =
      node.unreachable.sorted { $0.key < $1.key }.map { "\($0.key) does not answer: \($0.value)" }
      + node.strays.map { "\($0) carries this cluster's mark, but the cluster does not know it" }
    return lines + troubles.map { terminal.styled("  \($0)", .bad) }
  }
}
