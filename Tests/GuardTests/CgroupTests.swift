import CgroupIsolation
import Glibc
import GuardCore
import LinuxBasics
import Testing

/// What every hierarchy must do with real processes in it. Each test makes its own cgroup.
@Suite(.serialized, .enabled(if: isRoot, "needs root and a mounted hierarchy that can freeze"))
struct `Freezing and killing` {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func settle(_ freezer: CgroupFreezer, _ cgroup: String) async throws -> Duration? {
    let start = ContinuousClock.now
    let frozen = try await eventually(.seconds(3)) { try freezer.stillness(cgroup) == .frozen }
    return frozen ? ContinuousClock.now - start : nil
  }

  @Test(arguments: hierarchies) func `frozen executes nothing, thawed goes on as the same process`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let cgroup = try TestCgroup(in: hierarchy)
    let freezer = CgroupFreezer(hierarchy)
    let busy = try (0..<3).map { try Busy(in: cgroup.path, directory, "count\($0)", forking: $0 == 2) }
    for process in busy { #expect(await process.isMoving()) }
    #expect(try freezer.stillness(cgroup.path) == .thawed)
    #expect(try !freezer.isFrozenByItself(cgroup.path))
    try freezer.freeze(cgroup.path)
    let time = try #require(try await settle(freezer, cgroup.path))
    print("\(hierarchy.version): frozen and seen so after \(milliseconds(time))")
    for process in busy { #expect(try await process.isFrozen()) }
    #expect(try freezer.isFrozenByItself(cgroup.path))
    try freezer.thaw(cgroup.path)
    for process in busy {
      #expect(await process.isMoving())
      #expect(!process.child.hasEnded)
    }
  }

  @Test(arguments: hierarchies) func `what comes into a frozen cgroup does not run`(_ hierarchy: CgroupHierarchy) async throws {
    let cgroup = try TestCgroup(in: hierarchy)
    let freezer = CgroupFreezer(hierarchy)
    try freezer.freeze(cgroup.path)
    #expect(try freezer.stillness(cgroup.path) == .frozen)
    // As libvirt makes a domain's cgroup under the partition.
    let late = try Busy(in: try cgroup.child("late"), directory, "late")
    #expect(await eventually(.seconds(3)) { !pids(cgroup.path + "/late").isEmpty })
    #expect(try await late.isFrozen())
    #expect(late.count == 0)
    try freezer.thaw(cgroup.path)
    #expect(await late.isMoving())
  }

  @Test(arguments: hierarchies) func `a cgroup that is gone holds nothing`(_ hierarchy: CgroupHierarchy) throws {
    #expect(try CgroupFreezer(hierarchy).stillness(hierarchy.root + "/" + uniqueName()) == .gone)
    let unmounted = CgroupHierarchy(version: hierarchy.version, root: "/tmp/" + uniqueName())
    #expect(throws: KernelFileError.self) { try CgroupFreezer(unmounted).stillness(unmounted.root + "/a") }
    let blind = NodeIsolation(partition: try Partition("/x", layout: .escaped), hierarchy: unmounted)
    #expect(blind.census(cgroups: []) == nil)
    #expect(!blind.isolate(cgroups: [], patience: .zero).confirmed)
    #expect(blind.isFrozen())
  }

  struct Killing: Sendable, CustomTestStringConvertible {
    var hierarchy: CgroupHierarchy
    var isolated: Bool
    var testDescription: String { "\(hierarchy.version), \(isolated ? "isolated" : "running")" }
  }
  static let killings = hierarchies.flatMap {
    [Killing(hierarchy: $0, isolated: false), Killing(hierarchy: $0, isolated: true)]
  }

  /// The processes of one workload, one of them forking without end, one in a cgroup of its own further down, are killed
  /// while others in the same partition live.
  @Test(arguments: killings) func `killed never runs again, its neighbours go on`(_ row: Killing) async throws {
    let partition = try TestPartition(in: row.hierarchy)
    let lost = try partition.domain("lost")
    let nested = lost + "/nested"
    try KernelFile.makeDirectory(nested)
    let killed = try [
      Busy(in: lost, directory, "lost"), Busy(in: lost, directory, "forks", forking: true),
      Busy(in: nested, directory, "nested")
    ]
    let kept = try Busy(in: try partition.domain("kept"), directory, "kept")
    for process in killed + [kept] { #expect(await process.isMoving()) }
    // A container may use the freezer itself.
    try CgroupFreezer(row.hierarchy).freeze(nested)
    if row.isolated {
      #expect(partition.isolation.isolate(cgroups: [], patience: .seconds(3)).confirmed)
      for process in killed + [kept] { #expect(try await process.isFrozen(for: .milliseconds(30))) }
    }
    let counts = killed.map(\.count)
    let start = ContinuousClock.now
    var attempts = 0
    let gone = await eventually(.seconds(5)) {
      attempts += 1
      let progress = partition.isolation.kill(.workload(name: "lost", cgroup: lost))
      if case .failed(let reason) = progress { Issue.record("\(reason)") }
      return progress == .gone
    }
    #expect(gone)
    print(
      "\(row.testDescription): killed and seen gone after \(milliseconds(ContinuousClock.now - start)), \(attempts) attempts")
    for process in killed { #expect(await process.child.end(within: .seconds(1)) == -SIGKILL) }
    #expect(!KernelFile.exists(row.hierarchy.root + partition.partition.name + "-killed"), "its grave is left")
    if row.isolated {
      #expect(killed.map(\.count) == counts)
      #expect(try await kept.isFrozen())
      #expect(partition.isolation.isFrozen())
      #expect(partition.isolation.thaw(cgroups: []).isEmpty)
      #expect(killed.map(\.count) == counts)
    }
    #expect(await kept.isMoving())
    #expect(!kept.child.hasEnded)
  }

  /// A resume comes before the kill is complete: whatever has its SIGKILL pending must not run.
  @Test(arguments: hierarchies) func `one attempt is enough for nothing to run at the thaw`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let partition = try TestPartition(in: hierarchy)
    let lost = try partition.domain("lost")
    let killed = try (0..<5).map { try Busy(in: lost, directory, "lost\($0)", forking: $0 > 2) }
    for process in killed { #expect(await process.isMoving()) }
    #expect(partition.isolation.isolate(cgroups: [], patience: .seconds(3)).confirmed)
    let counts = killed.map(\.count)
    #expect([.gone, .dying].contains(partition.isolation.kill(.workload(name: "lost", cgroup: lost))))
    #expect(partition.isolation.thaw(cgroups: []).isEmpty)
    #expect(await eventually(.seconds(5)) { partition.isolation.kill(.workload(name: "lost", cgroup: lost)) == .gone })
    #expect(killed.map(\.count) == counts)
  }

  @Test(arguments: hierarchies) func `the stop partition is emptied, the freeze partition and the spared are not`(
    _ hierarchy: CgroupHierarchy
  ) async throws {
    let partition = try TestPartition(in: hierarchy)
    let spared = try partition.domain("spared", .stop)
    let frozen = try Busy(in: try partition.domain("frozen", .freeze), directory, "frozen")
    let stopped = try Busy(in: try partition.domain("stopped", .stop), directory, "stopped")
    let sparing = try Busy(in: spared, directory, "sparing")
    for process in [frozen, stopped, sparing] { #expect(await process.isMoving()) }
    #expect(partition.isolation.isolate(cgroups: [], patience: .seconds(3)).confirmed)
    let count = stopped.count
    #expect(await eventually(.seconds(5)) { partition.isolation.kill(.stopPartition(sparing: [spared])) == .gone })
    #expect(await stopped.child.end(within: .seconds(1)) == -SIGKILL)
    #expect(stopped.count == count)
    #expect(partition.isolation.census(cgroups: []) == true)
    #expect(partition.isolation.thaw(cgroups: []).isEmpty)
    #expect(await frozen.isMoving())
    #expect(await sparing.isMoving())
  }

  @Test(arguments: hierarchies) func `a start that was cut short is killed, what is known is not`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let partition = try TestPartition(in: hierarchy)
    let known = try partition.domain("known")
    let kept = try Busy(in: known, directory, "kept")
    let cut = try Busy(in: try partition.domain("cut"), directory, "cut")
    let outside = try TestCgroup(in: hierarchy)
    let before = try Busy(in: outside.path, directory, "before")
    for process in [kept, cut, before] { #expect(await process.isMoving()) }
    #expect(partition.isolation.isolate(cgroups: [outside.path], patience: .seconds(3)).confirmed)
    let count = cut.count
    let target = KillTarget.unseen(name: "cut", cgroup: outside.path, sparing: [known])
    #expect(partition.isolation.census(cgroups: [], sparing: [known]) == true)
    #expect(await eventually(.seconds(5)) { partition.isolation.kill(target) == .gone })
    for killed in [cut, before] { #expect(await killed.child.end(within: .seconds(1)) == -SIGKILL) }
    #expect(partition.isolation.census(cgroups: []) == true)
    #expect(partition.isolation.census(cgroups: [], sparing: [known]) == false)
    #expect(partition.isolation.thaw(cgroups: []).isEmpty)
    #expect(cut.count == count)
    #expect(await kept.isMoving())
  }

  /// As a container's init does that waits for its own controller. v1 sees this one frozen at once; it does not see every such sleep so.
  @Test(.enabled(if: canHang, "needs loop devices"), arguments: hierarchies)
  func `what cannot die and cannot freeze keeps no freeze from being confirmed once it is killed`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let disk = try await HangingDisk()
    let partition = try TestPartition(in: hierarchy)
    let (cut, other) = (try partition.domain("cut"), try partition.domain("other"))
    let kept = try Busy(in: other, directory, "kept")
    let stuck = try Child(
      "sh", ["-c", "echo $$ >\(cut)/cgroup.procs || exit 1; while :; do echo >>\(disk.path)/file; done"])
    #expect(await eventually(.seconds(3)) { KernelFile.exists(disk.path + "/file") })
    try await disk.hang()
    #expect(try await eventually(.seconds(3)) { try KernelFile.read("/proc/\(stuck.pid)/status").contains("State:\tD") })
    func isolate() -> Bool { partition.isolation.isolate(cgroups: [], patience: .milliseconds(300)).confirmed }
    let wasConfirmed = isolate()
    if hierarchy.version == .v2 { #expect(!wasConfirmed) }
    let target = KillTarget.unseen(name: "cut", cgroup: nil, sparing: [other])
    #expect(partition.isolation.kill(target) == .dying)
    #expect(isolate())
    #expect(partition.isolation.kill(target) == .dying)
    #expect(try await kept.isFrozen())
    try await disk.goOn()
    #expect(await stuck.end(within: .seconds(3)) == -SIGKILL)
    #expect(await eventually(.seconds(5)) { partition.isolation.kill(target) == .gone })
    #expect(partition.isolation.thaw(cgroups: []).isEmpty)
    #expect(await kept.isMoving())
  }

  @Test(arguments: hierarchies) func `an adopted cgroup outside the partition is stopped with it`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let partition = try TestPartition(in: hierarchy)
    let outside = try TestCgroup(in: hierarchy)
    let suspended = try TestCgroup(in: hierarchy)
    let adopted = try Busy(in: outside.path, directory, "adopted")
    #expect(await adopted.isMoving())
    #expect(partition.isolation.census(cgroups: []) == false)
    #expect(partition.isolation.census(cgroups: [outside.path]) == true)
    try CgroupFreezer(hierarchy).freeze(suspended.path)
    let missing = hierarchy.root + "/" + uniqueName()
    let outcome = isolateDirectly(
      partition: partition.partition, hierarchy: hierarchy, cgroups: [outside.path, suspended.path, missing], links: [])
    #expect(outcome.confirmed)
    #expect(outcome.foundFrozen == [suspended.path])
    #expect(outcome.problems.isEmpty)
    #expect(try await adopted.isFrozen())
    #expect(partition.isolation.thaw(cgroups: [outside.path, missing]).isEmpty)
    #expect(await adopted.isMoving())
    #expect(try CgroupFreezer(hierarchy).isFrozenByItself(suspended.path))
  }

  /// A look writes nothing where all is well, and mends what somebody undid.
  @Test(arguments: hierarchies) func `what was thawed by hand is frozen again at the next look`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let partition = try TestPartition(in: hierarchy)
    let outside = try TestCgroup(in: hierarchy)
    let freezer = CgroupFreezer(hierarchy)
    let busy = [
      try Busy(in: try partition.domain("inside"), directory, "inside"), try Busy(in: outside.path, directory, "outside")
    ]
    for process in busy { #expect(await process.isMoving()) }
    let missing = hierarchy.root + "/" + uniqueName()
    func look() -> Bool {
      partition.isolation.hold(cgroups: [outside.path, missing], patience: .seconds(3)).confirmed
    }
    #expect(partition.isolation.isolate(cgroups: [outside.path], patience: .seconds(3)).confirmed)
    for undone in [outside.path, partition.isolation.directory(for: .freeze)] {
      #expect(look())
      try freezer.thaw(undone)
      #expect(look())
      #expect(try freezer.stillness(undone) == .frozen && freezer.isFrozenByItself(undone))
    }
    for process in busy { #expect(try await process.isFrozen(for: .milliseconds(30))) }
    let stop = partition.isolation.directory(for: .stop)
    #expect(rmdir(stop) == 0)
    #expect(look())
    #expect(try freezer.isFrozenByItself(stop))
  }

  @Test(arguments: hierarchies) func `a partition that somebody removed is made again and frozen`(_ hierarchy: CgroupHierarchy)
    throws
  {
    let partition = try TestPartition(in: hierarchy)
    let directory = partition.isolation.directory(for: .stop)
    #expect(rmdir(directory) == 0)
    #expect(partition.isolation.isolate(cgroups: [], patience: .seconds(1)).confirmed)
    #expect(try CgroupFreezer(hierarchy).isFrozenByItself(directory))
  }
}
