import HoldfastModel
import HoldfastPlanning

/// What a placement of a made cluster is worth, whoever made it.
struct Judgement: Codable {
  var moved = 0
  var unplaced = 0
  /// Nodes that are given more than they have.
  var capacityViolations = 0
  /// Copies of an application on one node.
  var ruleViolations = 0
  /// Workloads that ran on a node that was not lost, and are elsewhere now.
  var needlessMoves = 0
  /// Of the memory load of the nodes that are left, as a share of their capacity.
  var greatestLoad = 0.0
  var spreadOfLoad = 0.0

  /// - Parameter seats: where each workload is; missing: nowhere.
  init(_ cluster: MadeCluster, _ seats: [WorkloadName: NodeName]) {
    var used: [NodeName: Resources] = [:]
    var copies: Set<[String]> = []
    for workload in cluster.snapshot.workloads {
      guard let node = seats[workload.name] else {
        unplaced += 1
        continue
      }
      used[node, default: .none] += workload.demand
      if node != workload.placed?.node { moved += 1 }
      if node != workload.placed?.node, workload.placed?.node != cluster.lost { needlessMoves += 1 }
      if !copies.insert([workload.labels["app"] ?? "", node.text]).inserted { ruleViolations += 1 }
    }
    var loads: [Double] = []
    for node in cluster.snapshot.nodes where node.name != cluster.lost {
      let load = used[node.name] ?? .none
      if load.memory > node.capacity.memory || load.cpus > node.capacity.cpus + 1e-6 { capacityViolations += 1 }
      loads.append(Double(load.memory) / Double(node.capacity.memory))
    }
    let mean = loads.reduce(0, +) / Double(max(1, loads.count))
    greatestLoad = loads.max() ?? 0
    spreadOfLoad = (loads.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, loads.count))).squareRoot()
  }
}

/// One line of the benchmark.
struct Measure: Codable {
  var size: String
  var rules: Bool
  var planner: String
  /// Of the best and the middle run, wall clock.
  var seconds: Double?
  var medianSeconds: Double?
  var cpuSeconds: Double?
  /// Of the process, in MiB.
  var peakMemory: Double?
  var judgement: Judgement?
  /// Why there are no figures.
  var remark: String?
}
