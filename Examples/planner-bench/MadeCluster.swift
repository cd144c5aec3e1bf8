import HoldfastModel
import HoldfastPlanning

/// A cluster that a seed makes: nodes of three sizes, workloads of five, all of them placed, and then one node lost.
struct MadeCluster {
  struct Size: Hashable, CustomStringConvertible {
    var nodes: Int
    var workloads: Int
    var description: String { "\(nodes)x\(workloads)" }
  }
  static let sizes = [(3, 30), (10, 200), (32, 500), (50, 1000), (100, 2000), (200, 5000), (1000, 100_000)].map(Size.init)

  /// How many copies of an application there are; they are kept apart, on the nodes that are left too.
  static func copies(_ size: Size) -> Int { min(3, size.nodes - 1) }

  let size: Size
  /// What the lost node ran is still placed on it.
  let snapshot: PlanningSnapshot
  let lost: NodeName
  /// Copies of an application on different nodes, and a node that each workload prefers. Others may be moved so that one fits.
  let rules: PolicySet

  init(_ size: Size, seed: UInt64 = 1) {
    self.size = size
    var random = SeededGenerator(seed: seed)
    let names = (0..<size.nodes).map { NodeName(Self.padded("n", $0, below: size.nodes)) }
    var workloads = Self.workloads(size, random: &random)
    let memory = workloads.reduce(0) { $0 + $1.demand.memory }, cpus = workloads.reduce(0) { $0 + $1.demand.cpus }
    // Sized so that four fifths of what is left after the loss is used.
    let share = 1.25 / Double(max(1, size.nodes - 1))
    let lost = names[size.nodes / 2]
    let nodes = names.enumerated().map { index, name in
      let factor = [0.9, 1.0, 1.1][index % 3] * share
      return PlanningSnapshot.Node(
        name: name, capacity: Resources(memory: Int(Double(memory) * factor), cpus: (cpus * factor).rounded(.up)),
        labels: ["rack": "r\(index / 8)"], connections: ["lxc:///system"], unavailable: name == lost ? .down : nil)
    }
    Self.seat(&workloads, on: nodes, random: &random)
    snapshot = PlanningSnapshot(nodes: nodes, workloads: workloads)
    self.lost = lost
    rules = PolicySet(
      workloads: [WorkloadPolicy(name: "copies apart", selection: .all, keepApart: [KeepApart(same: "app")], makeRoom: true)]
        + names.map { name in
          WorkloadPolicy(
            name: "home \(name)", selection: Self.label("home", name.text), prefer: .inOrder([Self.named(name)]))
        })
  }

  private static func workloads(_ size: Size, random: inout SeededGenerator) -> [PlanningSnapshot.Workload] {
    (0..<size.workloads).map { index in
      let memory = [512, 1024, 2048, 4096, 8192].randomElement(using: &random) ?? 1024
      return PlanningSnapshot.Workload(
        name: WorkloadName(padded("w", index, below: size.workloads)), connection: "lxc:///system",
        demand: Resources(memory: memory, cpus: Double(Int.random(in: 1...8, using: &random)) / 4),
        labels: ["app": "a\(index / copies(size))"])
    }
  }

  /// Where they were before the loss: each on the emptiest of a few nodes, apart from its copies.
  private static func seat(
    _ workloads: inout [PlanningSnapshot.Workload], on nodes: [PlanningSnapshot.Node], random: inout SeededGenerator
  ) {
    var used = [Resources](repeating: .none, count: nodes.count)
    var copies: [Int] = []
    for index in workloads.indices {
      if index == 0 || workloads[index].labels["app"] != workloads[index - 1].labels["app"] { copies = [] }
      let start = Int.random(in: 0..<nodes.count, using: &random), demand = workloads[index].demand
      var best: (row: Int, load: Double)?
      // All of them only where the first few have no room.
      for step in 0..<nodes.count where step < 8 || best == nil {
        let row = (start + step) % nodes.count, after = used[row] + demand
        let load = max(Double(after.memory) / Double(nodes[row].capacity.memory), after.cpus / nodes[row].capacity.cpus)
        if !copies.contains(row), load <= 1, best.map({ load < $0.load }) ?? true { best = (row, load) }
      }
      guard let best else { continue }
      used[best.row] += demand
      copies.append(best.row)
      workloads[index].placed = PlacementRecord(node: nodes[best.row].name, reason: PlacementReason(text: "before"))
      workloads[index].labels["home"] = nodes[best.row].name.text
    }
  }

  private static func padded(_ letter: String, _ number: Int, below limit: Int) -> String {
    let digits = "\(number)"
    return letter + String(repeating: "0", count: "\(limit - 1)".count - digits.count) + digits
  }

  private static func named(_ node: NodeName) -> Selection { Selection([[.init(.name(.exactly(node.text)))]]) }
  private static func label(_ name: String, _ value: String) -> Selection {
    Selection([[.init(.label(name, .exactly(value)))]])
  }
}
