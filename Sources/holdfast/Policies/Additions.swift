import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// Nodes and workloads from files, as if they were in the cluster.
enum Additions {
  /// - Throws: `Failure` for what the cluster has already; mistakes in the files are told, and end the command.
  static func read(_ paths: [String], into supposition: inout Supposition, _ snapshot: PlanningSnapshot) throws {
    var nodes = Set(snapshot.nodes.map(\.name)), workloads = Set(snapshot.workloads.map(\.name))
    let served = snapshot.nodes.reduce(into: Set<String>()) { $0.formUnion($1.connections) }
    for path in paths {
      let added: (nodes: [NodeAddition], workloads: [WorkloadDefinition])
      do throws(FileErrors) {
        added = try AdditionFile.parse(path: path)
      } catch {
        throw MistakenFiles("these files cannot be used", error)
      }
      for node in added.nodes {
        guard nodes.insert(node.name).inserted else { throw taken("node \(node.name)", path) }
        supposition.nodes.append(
          .init(
            name: node.name, capacity: node.capacity, labels: node.labels,
            connections: Set(node.connections ?? served.sorted())))
      }
      for workload in added.workloads {
        let name = WorkloadName(workload.name)
        guard workloads.insert(name).inserted else { throw taken("workload \(name)", path) }
        supposition.workloads.append(
          .init(
            name: name, connection: workload.connection, demand: workload.demand, labels: workload.labels,
            priority: workload.priority))
      }
    }
  }

  private static func taken(_ thing: String, _ path: String) -> Failure {
    Failure(
      kind: "conflict", thing: thing, reason: "it exists already, and \(path) adds it", remedy: "Rename it in the file."
    )
  }
}
