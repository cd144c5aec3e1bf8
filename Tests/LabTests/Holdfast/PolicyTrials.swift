import Foundation
import Lab
import Testing

extension LabHostsTests {
  /// Policy files on real hosts: in force for what runs, and for the next failover.
  @Suite(.serialized) struct Policies {
    @Test func `rules move what stands wrong, and choose where a dead host's containers go`() async throws {
      try await TestStage.run { test in
        let h1 = LabHost(1), h2 = LabHost(2), h3 = LabHost(3)
        let folder = test.lab.workloadsFolder + "/policies"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = folder + "/lab.yaml"
        try Data("workloads:\n  - {name: not on the third, for: 'web*', never-on: h3}\n".utf8).write(
          to: URL(fileURLWithPath: file))

        let check = try await test.lab.run(h1, ["holdfast", "policy", "check", folder])
        #expect(check.succeeded, "\(check.output)\(check.errors)")
        let dry = try await test.lab.run(h1, ["holdfast", "policy", "apply", folder, "--dry-run"])
        #expect(dry.succeeded && dry.output.contains("not on the third"), "\(dry.output)\(dry.errors)")
        #expect(!test.stage.containers(on: h3).isEmpty)
        let applied = try await test.lab.run(h1, ["holdfast", "policy", "apply", folder, "--yes"])
        #expect(applied.succeeded, "\(applied.output)\(applied.errors)")
        #expect(await test.probe.wait(.seconds(20)) { _ in test.stage.containers(on: h3).isEmpty })
        #expect(await test.allAnswer())

        let question = try await test.lab.run(h1, ["holdfast", "whatif", "--lose", "each"])
        print(question.output)
        let explained = try await test.lab.run(h1, ["holdfast", "explain", "web1"])
        #expect(explained.output.contains("not on the third"), "\(explained.output)\(explained.errors)")

        let began = LabClock.now, lost = test.stage.containers(on: h2)
        _ = try await test.lab.kill(h2)
        #expect(await test.moved(lost, from: h2, since: began))
        #expect(await test.allAnswer())
        #expect(test.stage.containers(on: h3).isEmpty)
        #expect(test.stage.containers(on: h1).count == test.stage.containers.count)
      }
    }
  }
}
