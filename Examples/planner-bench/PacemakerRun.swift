import Foundation
import HoldfastModel
import HoldfastPlanning

/// The same case for Pacemaker's scheduler: capacity-aware, nothing moves that need not.
enum PacemakerRun {
  static func measure(_ cluster: MadeCluster, rules: Bool, limit: Double) throws -> Measure {
    let file = FileManager.default.temporaryDirectory.appending(path: "planner-bench-\(UUID().uuidString).xml").path()
    defer { unlink(file) }
    try Data(document(cluster, rules: rules).utf8).write(to: URL(filePath: file))
    let child = try ChildRun("crm_simulate", ["--xml-file", file, "--run"], limit: limit)
    return Measure(
      size: "\(cluster.size)", rules: rules, planner: "crm_simulate", seconds: child.seconds, cpuSeconds: child.cpuSeconds,
      peakMemory: child.peakMemory, judgement: Judgement(cluster, seats(cluster, child.output)))
  }

  /// A cluster information base with the lost node offline, and the shortest history that says what runs where; without probes of
  /// everything everywhere, which would take most of the time.
  private static func document(_ cluster: MadeCluster, rules: Bool) -> String {
    let snapshot = cluster.snapshot
    var text = """
      <cib crm_feature_set="3.16.2" validate-with="pacemaker-3.8" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1">
      <configuration><crm_config><cluster_property_set id="o">
      <nvpair id="o1" name="placement-strategy" value="balanced"/><nvpair id="o2" name="stonith-enabled" value="false"/>
      <nvpair id="o3" name="enable-startup-probes" value="false"/>
      </cluster_property_set></crm_config>
      <rsc_defaults><meta_attributes id="d"><nvpair id="d1" name="resource-stickiness" value="1000000"/></meta_attributes></rsc_defaults>
      <nodes>

      """
    for (index, node) in snapshot.nodes.enumerated() {
      text += "<node id=\"\(index + 1)\" uname=\"\(node.name)\">\(utilization(node.capacity, "n\(index)"))</node>\n"
    }
    text += "</nodes><resources>\n"
    for workload in snapshot.workloads {
      text += "<primitive id=\"\(workload.name)\" class=\"ocf\" provider=\"heartbeat\" type=\"Dummy\">"
      text += utilization(workload.demand, workload.name.text) + "</primitive>\n"
    }
    text += "</resources><constraints>\n"
    if rules { text += constraints(cluster) }
    text += "</constraints></configuration><status>\n"
    let residents = Dictionary(grouping: snapshot.workloads) { $0.placed?.node ?? "" }
    for (index, node) in snapshot.nodes.enumerated() {
      let state = node.name == cluster.lost ? ("false", "offline", "down") : ("true", "online", "member")
      text += "<node_state id=\"\(index + 1)\" uname=\"\(node.name)\" in_ccm=\"\(state.0)\" crmd=\"\(state.1)\" "
      text += "join=\"\(state.2)\" expected=\"\(state.2)\"><lrm id=\"\(index + 1)\"><lrm_resources>\n"
      if node.name != cluster.lost { for workload in residents[node.name] ?? [] { text += history(workload.name) } }
      text += "</lrm_resources></lrm></node_state>\n"
    }
    return text + "</status></cib>\n"
  }

  private static func utilization(_ amount: Resources, _ id: String) -> String {
    "<utilization id=\"u\(id)\"><nvpair id=\"u\(id)m\" name=\"memory\" value=\"\(amount.memory)\"/>"
      + "<nvpair id=\"u\(id)c\" name=\"cpu\" value=\"\(Int(amount.cpus * 4))\"/></utilization>"
  }

  private static func history(_ name: WorkloadName) -> String {
    "<lrm_resource id=\"\(name)\" class=\"ocf\" provider=\"heartbeat\" type=\"Dummy\"><lrm_rsc_op id=\"\(name)_last_0\" "
      + "operation_key=\"\(name)_start_0\" operation=\"start\" crm_feature_set=\"3.16.2\" transition-key=\"1:1:0:a\" "
      + "transition-magic=\"0:0;1:1:0:a\" call-id=\"1\" rc-code=\"0\" op-status=\"0\" interval=\"0\"/></lrm_resource>\n"
  }

  /// A preferred node for each workload, and copies of an application apart.
  private static func constraints(_ cluster: MadeCluster) -> String {
    var text = ""
    for workload in cluster.snapshot.workloads {
      guard let home = workload.placed?.node else { continue }
      text += "<rsc_location id=\"l\(workload.name)\" rsc=\"\(workload.name)\" node=\"\(home)\" score=\"100\"/>\n"
    }
    for copies in Dictionary(grouping: cluster.snapshot.workloads, by: { $0.labels["app"] ?? "" }).values {
      let names = copies.map(\.name).sorted()
      for (index, name) in names.enumerated() {
        for other in names[..<index] {
          text += "<rsc_colocation id=\"c\(name)\(other)\" rsc=\"\(name)\" with-rsc=\"\(other)\" score=\"-INFINITY\"/>\n"
        }
      }
    }
    return text
  }

  /// Where things are after the actions that it lists: `* Start w1 ( n2 )`, `* Move w2 ( n1 -> n3 )`, `* Stop w3 ( n1 )`.
  private static func seats(_ cluster: MadeCluster, _ output: String) -> [WorkloadName: NodeName] {
    var seats = cluster.snapshot.workloads.reduce(into: [:]) {
      $0[$1.name] = $1.placed?.node == cluster.lost ? nil : $1.placed?.node
    }
    for line in output.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 5, words[0] == "*", words[3] == "(" else { continue }
      switch words[1] {
      case "Start", "Recover": seats[WorkloadName(words[2])] = NodeName(words[4])
      case "Move" where words.count >= 7: seats[WorkloadName(words[2])] = NodeName(words[6])
      case "Stop": seats[WorkloadName(words[2])] = nil
      default: continue
      }
    }
    return seats
  }
}
