import HoldfastController
import HoldfastModel
import HoldfastPlanning
import Testing

/// The time that a node's daemon has to be given when it leaves with live migrations.
@Suite struct DepartureTimeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var workloads = 1
    var connection = "qemu:///system"
    var evacuation: Evacuation?
    var maintenance: MaintenanceRecord?
    var seconds: Double
  }

  @Test(arguments: [
    Case(testDescription: "nothing runs here", workloads: 0, seconds: 0),
    Case(testDescription: "both attempts may take their time", workloads: 5, seconds: 1200),
    Case(testDescription: "by policy", evacuation: Evacuation(timeLimit: 60), seconds: 120),
    Case(testDescription: "one after the other", workloads: 3, evacuation: Evacuation(atOnce: 2, timeLimit: 60), seconds: 240),
    Case(testDescription: "no longer than that", workloads: 50, evacuation: Evacuation(atOnce: 1), seconds: 7200),
    Case(testDescription: "restarted by policy", evacuation: Evacuation(method: .restart), seconds: 0),
    Case(testDescription: "restarted as asked", maintenance: MaintenanceRecord(since: 0, method: .restart), seconds: 0),
    Case(
      testDescription: "in maintenance, two at a time", workloads: 4, maintenance: MaintenanceRecord(since: 0, parallel: 2),
      seconds: 2400),
    Case(testDescription: "containers", connection: "lxc:///system", seconds: 0)
  ])
  func `the migrations take so long at most`(_ it: Case) {
    let rules = it.evacuation.map { [WorkloadPolicy(name: "p", selection: .all, evacuation: $0)] } ?? []
    let planner = PolicyPlanner(PolicySet(workloads: rules))
    #expect(DepartureTime.migrations(from: "n1", in: view(it), by: planner) == it.seconds)
  }

  private func view(_ it: Case) -> ClusterView {
    var view = ClusterView()
    var entries: [RecordKey: Stored<Record>] = [:]
    func put(_ key: RecordKey, _ record: Record) {
      entries[key] = Stored(value: record, created: Revision(2), modified: Revision(2))
    }
    for node in ["n1", "n2"] as [NodeName] {
      var record = Rig.node
      record.migration = ["qemu:///system": "qemu+tls://\(node)/system"]
      put(.node(node), .node(record))
    }
    if let maintenance = it.maintenance { put(.maintenance("n1"), .maintenance(maintenance)) }
    for index in 0..<it.workloads {
      let workload = WorkloadName("w\(index)")
      put(.spec(workload), .spec(Rig.spec("u\(index)", connection: it.connection)))
      put(.intent(workload), .intent(IntentRecord(desired: .running)))
      put(.claim(workload), .claim(ClaimRecord(epoch: Epoch(1), holder: .init(node: "n1", incarnation: "i1"))))
    }
    view.load(ClusterListing(revision: Revision(10), entries: entries))
    return view
  }
}
