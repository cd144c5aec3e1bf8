import CgroupIsolation
import Foundation
import Glibc
import GuardCore
import HoldfastModel
import HoldfastPorts
import HostParts
import HostServices
import LinuxBasics
import Testing

/// Units by a real systemd, in every hierarchy that this machine has.
@Suite(
  .serialized, .enabled(if: PrivateSystemd.hindrance == nil, "\(PrivateSystemd.hindrance ?? "")"))
struct `A unit that is a part` {
  private static let unit = "app@one.service"
  private static let service = "[Unit]\nDefaultDependencies=no\n[Service]\nNotifyAccess=all\nRestart=always\nRestartSec=100ms\n"
  private static let units = [
    "app@.service": service
      + "Type=notify\nExecStart=/bin/sh -c 'env >/tmp/%i.env; sleep 1; systemd-notify --ready; sleep 1000 & exec sleep 1000'\n",
    "once.service": "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "bad.service": service + "ExecStartPre=/bin/sh -c 'exit 7'\nExecStart=/bin/sleep 1000\n",
    "on.service": service + "ExecStart=/bin/sleep 1000\n[Install]\nWantedBy=test.target\n",
    "timed.service": service + "ExecStart=/bin/sleep 1000\n",
    "timed.timer": "[Unit]\nDefaultDependencies=no\n[Timer]\nOnBootSec=1h\n"
  ]

  /// It is asked for once an hour: what is seen sooner was told by systemd.
  private static func part(_ unit: String = unit) -> HostPart {
    HostPart(name: "app", kind: .unit(UnitPart(unit: unit)), startTimeout: 20, stopTimeout: 10, interval: 3600)
  }

  private static func dropIn(_ systemd: PrivateSystemd, _ unit: String = unit) -> String {
    "/proc/\(systemd.process)/root/run/systemd/system/\(unit).d/\(UnitDropIn.fileName)"
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `runs where the guard freezes it, and is as it was when it is stopped`(
    _ hierarchy: CgroupHierarchy
  ) async throws {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      let begun = ContinuousClock.now
      #expect(await tested.start([Self.part()]) == .done)
      #expect(ContinuousClock.now - begun >= .seconds(1), "activating is not up")
      #expect(tested.processes.count == 2)
      let shown = try await systemd.control("show", Self.unit, "-p", "Restart,ActiveState")
      #expect(shown.contains("Restart=no") && shown.contains("ActiveState=active"))
      let freezer = CgroupFreezer(tested.hierarchy)
      let partition = "\(tested.hierarchy.root)/\(tested.partition.path(for: .freeze))"
      try freezer.freeze(partition)
      #expect(await eventually(.seconds(5)) { (try? freezer.stillness(tested.cgroup.directory)) == .frozen })
      try freezer.thaw(partition)
      let environment = try KernelFile.read("/proc/\(systemd.process)/root/tmp/one.env")
      for line in ["HOLDFAST_WORKLOAD=files", "HOLDFAST_NODE=n1", "HOLDFAST_EPOCH=3", "HOLDFAST_PART=app"] {
        #expect(environment.contains(line))
      }
      #expect(await tested.stop() == .done)
      try await tested.expectGone(.poweredOff)
      #expect(tested.processes.isEmpty && access(Self.dropIn(systemd), F_OK) != 0)
      #expect(try await systemd.control("show", Self.unit, "-p", "Restart").contains("Restart=always"))
      #expect(try await systemd.control("is-active", Self.unit).hasPrefix("inactive"))
    }
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `ends the workload as soon as systemd says that it failed`(
    _ hierarchy: CgroupHierarchy
  ) async throws {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      #expect(await tested.start([Self.part()]) == .done)
      for pid in tested.processes { kill(pid, SIGKILL) }
      try await tested.expectGone(.crashed)
      #expect(tested.processes.isEmpty && access(Self.dropIn(systemd), F_OK) != 0)
      // Nobody starts it again but Holdfast.
      try await Task.sleep(for: .seconds(1))
      #expect(try await systemd.control("is-active", Self.unit).hasPrefix("inactive"))
    }
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `is up when its one command has ended well`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      #expect(await tested.start([Self.part("once.service")]) == .done)
      let before = try await systemd.control("is-active", "once.service")
      #expect(await tested.stop() == .done)
      let after = try await systemd.control("is-active", "once.service")
      #expect(before == "active\n" && after == "inactive\n")
    }
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `is taken back when its start fails`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      guard case .failed(let reason) = await tested.start([tested.mount(), Self.part("bad.service")]) else {
        throw Trouble(description: "it was started")
      }
      #expect(reason.contains("the unit app: its job ended with \"failed\"; systemd tells exit-code"), "\(reason)")
      #expect(!tested.isMounted && tested.processes.isEmpty && access(Self.dropIn(systemd, "bad.service"), F_OK) != 0)
    }
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `is refused where others may start it`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      func refused(_ unit: String, _ words: String) async {
        let outcome = await tested.start([Self.part(unit)])
        if case .failed(let reason) = outcome {
          #expect(reason.contains(words), "\(reason)")
        } else {
          Issue.record("\(unit): \(outcome)")
        }
        #expect(access(Self.dropIn(systemd, unit), F_OK) != 0 && tested.processes.isEmpty)
      }
      try await systemd.control("enable", "on.service")
      try await systemd.control("start", "timed.timer", "app@two.service")
      await refused("on.service", "`systemctl disable on.service`")
      await refused("timed.service", "`systemctl disable --now timed.timer`")
      await refused("app@two.service", "runs already, and not by this workload")
      await refused("none.service", "systemd knows no unit none.service")
      func definition(_ name: WorkloadName, _ unit: String) -> StoredDefinition {
        StoredDefinition(name, connection: SpecRecord.hostConnection, xml: HostDefinition(parts: [Self.part(unit)]).text)
      }
      let found = await tested.host.incompatibilities(of: [
        definition("a", "on.service"), definition("b", "none.service"), definition("c", Self.unit)
      ])
      let own = found[SpecRecord.hostConnection]
      #expect(own?["a"]?.detail.contains("is enabled") == true && own?["b"]?.detail == "the unit none.service")
      #expect(own?.count == 2)
      try await systemd.control("stop", "app@two.service")
    }
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `runs on when the daemon or systemd is executed anew`(
    _ hierarchy: CgroupHierarchy
  ) async throws {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      #expect(await tested.start([Self.part()]) == .done)
      let before = tested.processes
      try await systemd.control("daemon-reexec")
      try await tested.restart()
      let event = try #require(await tested.events.first)
      guard case .inventory(_, let domains) = event else { throw Trouble(description: "\(event)") }
      #expect(domains.map(\.state) == [.running] && tested.processes == before)
      try await Task.sleep(for: .seconds(3))
      #expect(tested.processes == before, "it was not taken for down")
      #expect(await tested.stop() == .done)
      #expect(tested.processes.isEmpty)
    }
  }

  @Test(arguments: PrivateSystemd.hierarchies) func `stays under the guard when somebody restarts it`(
    _ hierarchy: CgroupHierarchy
  )
    async throws
  {
    try await TestedHost.with(hierarchy, units: Self.units) { tested, systemd in
      #expect(await tested.start([Self.part()]) == .done)
      let before = tested.processes
      try await systemd.control("restart", Self.unit)
      #expect(tested.processes.count == 2 && tested.processes.isDisjoint(with: before))
      try await systemd.control("stop", Self.unit)
      try await tested.expectGone(.crashed)
    }
  }
}
