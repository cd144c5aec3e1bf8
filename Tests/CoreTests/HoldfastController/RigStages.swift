import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// Stages that several suites begin with.
extension Rig {
  /// w1 and w2 are frozen here after the session was lost; w1 is claimed anew, w2 has no place and so waits.
  static func frozenWithoutPlace() throws -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.apply("w2", uuid: "u2")
    rig.join("n2", incarnation: "i2", isPlanner: true)
    let own = try #require(rig.controller.session.incarnation)
    rig.write([.delete(.session(own)), .put(.placement("w2"), .placement(PlacementRecord(node: nil, reason: "full")))])
    rig.pass(.milliseconds(300))
    rig.actions = []
    rig.send(rig.isolated(["w1", "w2"]))
    return rig
  }

  // MARK: nodes that say that they cannot take a workload

  static func report(leftovers: [LeftoverDefinition]? = nil, incompatible: [IncompatibleWorkloads]? = nil) -> Record {
    var report = ReportRecord(
      unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [], leftovers: leftovers)
    report.incompatible = incompatible
    return .report(report)
  }

  /// n2 is by far the least loaded, and reports so. w1 and w2 are applied.
  static func choosing(despite report: Record) -> Rig {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2", memory: 65536)
    rig.write([.put(.report("n2"), report)])
    rig.apply("w1")
    rig.apply("w2", uuid: "u2")
    rig.pass(.seconds(1))
    return rig
  }

  /// n2 and n3 report so, and w1 needs more than n1 has.
  static func crowded(_ report: Record) -> Rig {
    var rig = Rig.running()
    for (node, incarnation) in [("n2", "i2"), ("n3", "i3")] as [(NodeName, Incarnation)] {
      rig.join(node, incarnation: incarnation, memory: 65536)
    }
    rig.write([.put(.report("n2"), report), .put(.report("n3"), report)])
    rig.apply("w1", memory: 8192)
    rig.pass(.seconds(1))
    return rig
  }

  /// n2 is up and runs the workload.
  mutating func runsOnOther(_ workload: WorkloadName) {
    join("n2", incarnation: "i2")
    let claim = ClaimRecord(epoch: Epoch(1), holder: .init(node: "n2", incarnation: "i2"), activity: .running)
    write([
      .put(.spec(workload), .spec(Rig.spec())), .put(.intent(workload), .intent(IntentRecord(desired: .running))),
      .put(.placement(workload), .placement(PlacementRecord(node: "n2", reason: "test"))), .put(.claim(workload), .claim(claim))
    ])
  }
}
