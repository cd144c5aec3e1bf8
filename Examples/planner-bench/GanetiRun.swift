import Foundation
import HoldfastModel
import HoldfastPlanning

/// The same case for Ganeti's allocator: evacuation of the lost node, on shared storage. It has no preferences; with rules, copies of
/// an application are kept apart by exclusion tags.
enum GanetiRun {
  static func measure(_ cluster: MadeCluster, rules: Bool, limit: Double) throws -> Measure {
    let file = FileManager.default.temporaryDirectory.appending(path: "planner-bench-\(UUID().uuidString).json").path()
    defer { unlink(file) }
    try JSONSerialization.data(withJSONObject: request(cluster, rules: rules)).write(to: URL(filePath: file))
    let child = try ChildRun("hail", [file], limit: limit)
    return Measure(
      size: "\(cluster.size)", rules: rules, planner: "hail", seconds: child.seconds, cpuSeconds: child.cpuSeconds,
      peakMemory: child.peakMemory, judgement: Judgement(cluster, try seats(cluster, child.output)))
  }

  private static func request(_ cluster: MadeCluster, rules: Bool) -> [String: Any] {
    let residents = Dictionary(grouping: cluster.snapshot.workloads) { $0.placed?.node ?? "" }
    var nodes: [String: Any] = [:], instances: [String: Any] = [:]
    for node in cluster.snapshot.nodes {
      let used = (residents[node.name] ?? []).reduce(0) { $0 + $1.demand.memory }
      nodes[node.name.text] =
        [
          "group": "g", "total_memory": node.capacity.memory, "reserved_memory": 0, "free_memory": node.capacity.memory - used,
          "i_pri_memory": used, "i_pri_up_memory": used, "total_cpus": Int(node.capacity.cpus * 4), "reserved_cpus": 0,
          "total_disk": 1_000_000_000, "free_disk": 1_000_000_000, "free_spindles": 1_000_000, "total_spindles": 1_000_000,
          "offline": node.name == cluster.lost, "drained": false, "vm_capable": true, "master_candidate": true,
          "master_capable": true, "primary_ip": "192.0.2.1", "secondary_ip": "192.0.2.1", "tags": [String](),
          "ndparams": ["spindle_count": 1, "oob_program": NSNull(), "exclusive_storage": false]
        ] as [String: Any]
    }
    for workload in cluster.snapshot.workloads {
      instances[workload.name.text] =
        [
          "nodes": [workload.placed?.node?.text ?? ""], "memory": workload.demand.memory,
          "vcpus": Int(workload.demand.cpus * 4),
          "disks": [["size": 128, "mode": "rw", "spindles": 1] as [String: Any]], "disk_space_total": 0,
          "disk_template": "sharedfile",
          "hypervisor": "kvm", "admin_state": "up", "admin_state_source": "admin", "spindle_use": 1, "os": "debian",
          "tags": rules ? ["app:\(workload.labels["app"] ?? "")"] : [], "nics": [Any]()
        ] as [String: Any]
    }
    return [
      "version": 2, "cluster_name": "c", "cluster_tags": rules ? ["htools:iextags:app"] : [], "enabled_hypervisors": ["kvm"],
      "ipolicy": policy,
      "nodegroups": ["g": ["name": "g", "alloc_policy": "preferred", "networks": [Any](), "tags": [Any](), "ipolicy": policy]],
      "nodes": nodes, "instances": instances,
      "request": [
        "type": "node-evacuate", "evac_mode": "primary-only",
        "instances": (residents[cluster.lost] ?? []).map(\.name.text)
      ] as [String: Any]
    ]
  }

  /// Anything goes.
  private static var policy: [String: Any] {
    func size(_ number: Int) -> [String: Any] {
      [
        "nic-count": number, "disk-size": number, "disk-count": number, "memory-size": number, "cpu-count": number,
        "spindle-use": number
      ]
    }
    return [
      "std": size(1), "minmax": [["min": size(0), "max": size(1_000_000_000)]], "vcpu-ratio": 1.0, "spindle-ratio": 1_000_000.0,
      "disk-templates": ["sharedfile"]
    ]
  }

  private struct Answer: Decodable {
    struct Result: Decodable {
      var moved: [(name: String, nodes: [String])] = []

      init(from decoder: any Decoder) throws {
        var parts = try decoder.unkeyedContainer()
        var list = try parts.nestedUnkeyedContainer()
        while !list.isAtEnd {
          var entry = try list.nestedUnkeyedContainer()
          let name = try entry.decode(String.self)
          _ = try entry.decode(String.self)
          moved.append((name, try entry.decode([String].self)))
        }
      }
    }
    var success: Bool
    var info: String
    var result: Result
  }

  private static func seats(_ cluster: MadeCluster, _ output: String) throws -> [WorkloadName: NodeName] {
    let answer = try JSONDecoder().decode(Answer.self, from: Data(output.utf8))
    var seats = cluster.snapshot.workloads.reduce(into: [:]) {
      $0[$1.name] = $1.placed?.node == cluster.lost ? nil : $1.placed?.node
    }
    for (name, nodes) in answer.result.moved { seats[WorkloadName(name)] = nodes.first.map { NodeName($0) } }
    return seats
  }
}
