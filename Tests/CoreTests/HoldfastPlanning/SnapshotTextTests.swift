import Foundation
import HoldfastModel
import HoldfastPlanning
import Testing

@Suite struct `A snapshot's text` {
  private func text(_ connections: some Sequence<String>) throws -> String {
    // As large as it may have been before: that changes the order in which a set has its elements.
    var set = Set<String>(minimumCapacity: 1 << Int.random(in: 1...10))
    for connection in connections { set.insert(connection) }
    let node = PlanningSnapshot.Node(name: "n1", capacity: Resources(memory: 1, cpus: 1), connections: set)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(PlanningSnapshot(nodes: [node], workloads: [])), as: UTF8.self)
  }

  @Test func `is the same for the same cluster`() throws {
    let connections = (10..<60).map { "c\($0):///system" }
    let texts = try [connections, connections.reversed(), connections.shuffled()].map { try text($0) }
    #expect(Set(texts).count == 1)
    let list = connections.map { "\"\($0)\"" }.joined(separator: ",")
    #expect(texts[0].contains("\"connections\":[\(list)]"), "\(texts[0])")
    let read = try JSONDecoder().decode(PlanningSnapshot.self, from: Data(texts[0].utf8))
    #expect(read.nodes[0].connections == Set(connections))
  }

  @Test func `tells who is not started again, and reads what says nothing of that`() throws {
    var workload = PlanningSnapshot.Workload(
      name: "w", connection: "c", demand: Resources(memory: 1, cpus: 1), desired: .stopped, namesOlderDisks: true,
      ended: .init(.crashed, on: "n1"))
    func read(_ workload: PlanningSnapshot.Workload) throws -> (text: String, workload: PlanningSnapshot.Workload) {
      let data = try JSONEncoder().encode(workload)
      return (String(decoding: data, as: UTF8.self), try JSONDecoder().decode(PlanningSnapshot.Workload.self, from: data))
    }
    #expect(try read(workload).workload == workload)
    (workload.namesOlderDisks, workload.ended) = (nil, nil)
    let earlier = try read(workload)
    #expect(earlier.workload == workload && !earlier.text.contains("namesOlderDisks") && !earlier.text.contains("ended"))
  }
}
