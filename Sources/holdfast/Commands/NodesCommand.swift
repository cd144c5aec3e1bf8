import ArgumentParser
import HoldfastModel
import HoldfastOperator

struct NodesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nodes",
    abstract: "List nodes: state, load, headroom, guard, libvirt connections.",
    discussion: "Example: holdfast nodes -o json | jq -r '.nodes[] | select(.state == \"down\").name'")

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let list = try await daemon.client.get("/nodes", as: NodeList.self)
    guard daemon.output == .text else { return try Output.json(list) }
    let terminal = Terminal.current()
    for line in RestrictionLines(terminal: terminal).disarmed(list.disarm, width: terminal.columns) { Output.line(line) }
    if list.isUnread == true { for line in Words.unread(terminal, "nodes") { Output.line(line) } }
    for line in NodeTable(terminal: terminal).lines(list.nodes, width: terminal.isTerminal ? terminal.columns : nil) {
      Output.line(line)
    }
    for node in list.nodes { for line in details(node, terminal) { Output.line(line) } }
  }

  private func details(_ node: NodeInfo, _ terminal: Terminal) -> [String] {
    var facts = [
      node.connections.isEmpty ? "serves no libvirt connection" : "serves \(node.connections.joined(separator: ", "))"
    ]
    if let capacity = node.capacity, let allowance = node.allowance, allowance != capacity {
      facts.append(
        "has \(Words.demand(capacity.memory, capacity.cpus)), of which the policies give away \(Words.demand(allowance.memory, allowance.cpus))"
      )
    }
    facts += node.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    if node.unmanagedDomains > 0, node.state != .down {
      facts.append(
        "\(Words.count(node.unmanagedDomains, "domain")) outside protection (\(Words.memory(node.unmanaged.memory)))")
    }
    if let version = node.version { facts.append("version \(version)") }
    let room = terminal.isTerminal ? max(30, terminal.columns - node.name.count - 2) : .max
    let lines = terminal.wrapped(facts.joined(separator: "; "), to: room).enumerated().map { index, line in
      let name = index == 0 ? terminal.styled(node.name, .bold) : String(repeating: " ", count: node.name.count)
      return "\(name)  \(terminal.styled(line, .dim))"
    }
    let frozen = node.freeze.map { ["\(Words.count($0.workloads, "workload")) frozen: \($0.reason)"] } ?? []
    let troubles =
      frozen
      + node.unreachable.sorted { $0.key < $1.key }.map { "\($0.key) is unreachable: \($0.value)" }
      + node.strays.map { "\($0) carries this cluster's mark, but the cluster does not know it" }
      + (node.leftovers.map { ["\(Words.count($0, "definition")) left beside workloads' own: holdfast leftovers"] } ?? [])
    let ending: String? =
      switch node.ending {
      case .left: "it has left: it was shut down, or its holdfastd was stopped"
      case .withdrew: "it gave its session up: its workloads had been frozen for long"
      case .lost: "it was lost: it did not renew its session"
      case nil: nil
      }
    let indent = String(repeating: " ", count: node.name.count + 2), restrictions = RestrictionLines(terminal: terminal)
    let notes =
      (node.maintenance.map { [(restrictions.text($0), restrictions.style($0))] } ?? [])
      + (node.quarantine.map { [(restrictions.text($0, of: node.name), .doubtful)] } ?? [])
      + restrictions.texts(node.ailment, node.checks) + node.flaws.map { ($0.text, .doubtful) }
      + (node.incompatible ?? []).map { ("\($0.sentence). Next: \($0.remedy)", .doubtful) }
      + (ending.map { [($0, node.ending == .left ? .doubtful : .bad)] } ?? []) + troubles.map { ($0, .bad) }
    return [""] + lines
      + notes.flatMap { text, style in terminal.wrapped(text, to: room).map { indent + terminal.styled($0, style) } }
  }
}
