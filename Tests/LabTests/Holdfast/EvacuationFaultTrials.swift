import Foundation
import HoldfastAPI
import HoldfastOperator
import Lab
import Testing

/// What is hurt in the middle of an evacuation, while a machine is on its way.
enum EvacuationFault: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case source, target, planner
  case sourcesLibvirt = "libvirtd of the source"
  case targetsLibvirt = "libvirtd of the target"
  case leader = "etcd's leader"
  case quorum = "etcd's quorum, for 5 s,"

  var testDescription: String { rawValue }

  /// One of each kind: a host that dies, a libvirt that does, a store that falls silent. The others take minutes more.
  static let usual: [Self] = [.source, .targetsLibvirt, .quorum]
  static let others = allCases.filter { !usual.contains($0) }
}

extension LabHostsTests {
  @Suite(.serialized) struct EvacuationFaults {
    private static let (h1, h2, h3) = (LabHost(1), LabHost(2), LabHost(3))

    /// The machine takes seconds to move, from h2 to h3.
    private static let policies = """
      workloads:
        - name: slowly from h2 to h3
          for: vm1
          prefer: [h2, h3]
          evacuation: {how: live, bandwidth: 6MiB}
      """

    @Test(arguments: EvacuationFault.usual)
    func `whatever is lost in the middle, nothing runs twice and everything runs in the end`(fault: EvacuationFault)
      async throws
    {
      try await tried(fault)
    }

    @Test(.isLong, arguments: EvacuationFault.others)
    func `whatever else is lost in the middle, nothing runs twice and everything runs in the end`(fault: EvacuationFault)
      async throws
    {
      try await tried(fault)
    }

    private func tried(_ fault: EvacuationFault) async throws {
      try await TestStage.run(count: 6, machines: 1, lostHosts: [Self.h1, Self.h2, Self.h3]) { test in
        try await test.enforce(Self.policies)
        try await test.lab.holdfast(["move", "vm1", "--to", "h2", "--yes"])
        #expect(try await eventually(.seconds(40)) { try await test.host(of: "vm1") == Self.h2 })

        let planner = try #require(try await test.lab.planner())
        let lost: LabHost? = fault == .source ? Self.h2 : fault == .target ? Self.h3 : fault == .planner ? planner : nil
        let asked = try #require([Self.h1, Self.h3, Self.h2].first { $0 != lost })
        let began = LabClock.now
        try await test.lab.holdfast(["maintenance", "enter", "h2", "--yes"], on: asked)
        #expect(
          try await eventually(.seconds(20)) { try await test.move("vm1", asked: asked)?.state == .migrating },
          "the status tells that it is on its way")
        try await test.wait(.seconds(1))
        try await test.hurt(fault, lost)
        let isDone = try await eventually(.seconds(90)) {
          // The status answers throughout, whatever is lost.
          guard let state = try await test.maintenance(asked: asked) else { return false }
          let vm1 = state.moves.first { $0.workload == "vm1" }
          if vm1?.state == .arrived {
            let place = try #require(vm1?.to.flatMap { LabHost(name: $0) })
            let isThere = try await test.host(of: "vm1")
            #expect(isThere == nil || isThere == place, "the status says \(place), libvirt \(isThere.map { "\($0)" } ?? "-")")
          }
          return state.moves.allSatisfy { $0.state == .arrived }
        }
        try #require(isDone, "h2 is empty in the end")
        try #require(await test.allAnswer(within: .seconds(30)))
        try #require(await test.probe.wait(.seconds(60)) { $0["vm1"]?.isAnswering == true }, "the machine answers in the end")
        let console = try test.lab.console(of: "vm1")
        #expect(console.steppedBack.isEmpty, "two copies wrote: \(console.steppedBack)")
        let gap = test.probe.history("vm1").gaps.filter { $0.to > began }.map(\.length).max() ?? .zero
        print("\(fault.rawValue) lost: the machine was silent for \(seconds(gap)) s, \(console.lives.count) boots")
      }
    }
  }
}

extension TestStage {
  fileprivate func hurt(_ fault: EvacuationFault, _ lost: LabHost?) async throws {
    switch fault {
    case .source, .target, .planner: if let lost { try await lab.kill(lost) }
    case .sourcesLibvirt: try await lab.service(LabHost(2), .libvirtd, .kill)
    case .targetsLibvirt: try await lab.service(LabHost(3), .libvirtd, .kill)
    case .leader: try await lab.service(try await lab.leader(), .etcd, .kill)
    case .quorum:
      for host in [LabHost(2), LabHost(3)] { try await lab.service(host, .etcd, .stop) }
      try await wait(.seconds(5))
      for host in [LabHost(2), LabHost(3)] { try await lab.service(host, .etcd, .start) }
    }
  }

  fileprivate func maintenance(asked host: LabHost) async throws -> NodeMaintenance? {
    let answer = try await lab.run(host, ["holdfast", "maintenance", "status", "h2", "--once", "-o", "json"])
    guard answer.succeeded else { return nil }
    return try JSONDecoder().decode(NodeMaintenance.self, from: Data(answer.output.utf8))
  }

  fileprivate func move(_ name: String, asked host: LabHost) async throws -> EvacuationMove? {
    try await maintenance(asked: host)?.moves.first { $0.workload == name }
  }
}
