import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Testing

/// The program as a process of its own, with real processes to guard. Built by `swift build -c release` before.
@Suite(
  .serialized,
  .enabled(if: isRoot && access(guardProgram, X_OK) == 0, "needs root, a hierarchy that can freeze, and \(guardProgram)"))
struct `The guard program` {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func protect(_ name: String, _ cgroup: String, _ isolation: Isolation = .freeze) -> GuardCommand {
    .protect(GuardedWorkload(name: name, isolation: isolation, cgroup: cgroup, links: []))
  }

  // MARK: The deadline

  @Test(arguments: hierarchies) func `the deadline is enforced while the controller is gone`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let process = try await GuardProcess(in: hierarchy)
    let outside = try TestCgroup(in: hierarchy)
    let inside = try Busy(in: try process.partition.domain("a"), directory, "inside")
    let adopted = try Busy(in: outside.path, directory, "adopted")
    #expect(await inside.isMoving())
    #expect(await adopted.isMoving())
    let deadline = bootNow + .milliseconds(1500)
    do {
      let controller = try await Controller(process)
      #expect(try await controller.ask(.extend(deadline: deadline)).phase == .armed(deadline: deadline))
      #expect(try await controller.ask(protect("b", outside.path)).phase == .armed(deadline: deadline))
    }
    try await Task.sleep(for: .milliseconds(200))
    #expect(await inside.isMoving())
    #expect(await eventually(.seconds(5)) { process.partition.isolation.isFrozen() })
    #expect(bootNow >= deadline)
    #expect(try await inside.isFrozen())
    #expect(try await adopted.isFrozen())
    let back = try await Controller(process)
    guard case .isolated(let since, confirmed: true)? = try await back.ask(.status).phase else { throw Failure(process.log) }
    print("\(hierarchy.version): the controller gone, the guard acts \(milliseconds(since - deadline)) after the deadline")
    #expect(since >= deadline && since - deadline < .seconds(1))
    #expect(try await back.ask(.extend(deadline: bootNow + .seconds(9))).refusal?.contains("resume") == true)
    #expect(try await inside.isFrozen())
    #expect(try await back.ask(.resume(deadline: bootNow + .seconds(9))).phase != nil)
    #expect(await inside.isMoving())
    #expect(await adopted.isMoving())
    #expect(!inside.child.hasEnded && !adopted.child.hasEnded)
  }

  @Test func `the deadline is enforced while the controller is stopped`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    let busy = try Busy(in: try process.partition.domain("a"), directory, "a")
    #expect(await busy.isMoving())
    let deadline = bootNow + .milliseconds(1500)
    var controller: Controller? = try await Controller(process)
    _ = try await controller?.ask(.extend(deadline: deadline))
    // A stopped process holds the connection; this one lets go of it.
    let stopped = try Child("sleep", ["100"], inheriting: [try #require(controller?.number)])
    stopped.signal(SIGSTOP)
    controller = nil
    try await Task.sleep(for: .milliseconds(150))
    #expect(!process.log.contains("the controller is gone"))
    #expect(await busy.isMoving())
    #expect(await eventually(.seconds(5)) { process.partition.isolation.isFrozen() })
    #expect(bootNow >= deadline)
    #expect(try await busy.isFrozen())
  }

  @Test(arguments: hierarchies) func `how long after the deadline everything is frozen`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let process = try await GuardProcess(in: hierarchy)
    let busy = try (0..<8).map { try Busy(in: try process.partition.domain("d\($0)"), directory, "d\($0)") }
    for process in busy { #expect(await process.isMoving()) }
    let controller = try await Controller(process)
    var times: [Duration] = []
    for round in 0..<20 {
      let deadline = bootNow + .milliseconds(40)
      _ = try await controller.ask(round == 0 ? .extend(deadline: deadline) : .resume(deadline: deadline))
      times.append(try await controller.waitUntilIsolated() - deadline)
    }
    times.sort()
    // The log is written by a thread that has no precedence over the busy ones.
    let words = ["the deadline passed ", "seen frozen, "]
    #expect(await eventually(.seconds(20)) { words.allSatisfy { microseconds(process.log, $0).count == 20 } })
    let acts = microseconds(process.log, words[0])
    let still = microseconds(process.log, words[1])
    try #require(acts.count == 20 && still.count == 20)
    print("\(hierarchy.version), 8 busy containers, 20 times, microseconds, median and worst:")
    print("  from the deadline to the guard's act: \(acts[10]), \(acts[19])")
    print("  from there until all are seen frozen: \(still[10]), \(still[19])")
    print("  from the deadline until the controller has read it: \(milliseconds(times[10])), \(milliseconds(times[19]))")
    // How soon each task is seen at rest depends on how busy the processors are; when it is ordered to does not.
    #expect(acts[10] < 5000)
    #expect(times[0] >= .zero)
    for process in busy { #expect(try await process.isFrozen(for: .milliseconds(20))) }
  }

  /// The times, in microseconds, that follow these words in the guard's log, sorted.
  private func microseconds(_ log: String, _ words: String) -> [Int] {
    log.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: words, maxSplits: 1)
      return parts.count == 2 ? Int(parts[1].prefix { $0.isNumber }) : nil
    }.sorted()
  }

  // MARK: Lost claims

  @Test(arguments: hierarchies) func `a lost claim is killed frozen, the rest resumes`(_ hierarchy: CgroupHierarchy)
    async throws
  {
    let process = try await GuardProcess(in: hierarchy)
    let domains = try ["lost", "kept"].map { try process.partition.domain($0) }
    let outside = try TestCgroup(in: hierarchy)
    let busy = try [
      Busy(in: domains[0], directory, "lost"), Busy(in: domains[1], directory, "kept"),
      Busy(in: outside.path, directory, "lost2")
    ]
    for process in busy { #expect(await process.isMoving()) }
    let controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(60)))
    _ = try await controller.ask(protect("lost", domains[0]))
    _ = try await controller.ask(protect("kept", domains[1]))
    _ = try await controller.ask(protect("lost2", outside.path))
    #expect(try await controller.ask(.disarm).refusal?.contains("exists") == true)
    guard case .isolated(_, confirmed: _)? = try await controller.ask(.isolate).phase else { throw Failure("not isolated") }
    #expect(try await busy[0].isFrozen())
    let counts = busy.map(\.count)
    for name in ["lost", "lost2"] {
      let start = bootNow
      var answer = try await controller.ask(.kill(workload: name))
      // A state that nobody asked for may come in between.
      if answer.phase != nil { answer = try #require(await controller.next()) }
      #expect(answer == .killed(workload: name, confirmed: true))
      print("\(hierarchy.version): \(name) killed while isolated, confirmed after \(milliseconds(bootNow - start))")
      _ = try await controller.ask(.forget(workload: name))
    }
    _ = try await controller.ask(.resume(deadline: bootNow + .seconds(60)))
    #expect(await busy[1].isMoving())
    #expect(!busy[1].child.hasEnded)
    #expect(busy[0].count == counts[0] && busy[2].count == counts[2])
    #expect(await busy[0].child.end(within: .seconds(1)) == -SIGKILL)
    #expect(await busy[2].child.end(within: .seconds(1)) == -SIGKILL)
    // And the last one, not frozen.
    #expect(try await controller.ask(.kill(workload: "kept")) == .killed(workload: "kept", confirmed: true))
    #expect(try await controller.ask(.disarm).phase == .disarmed)
  }

  @Test(arguments: hierarchies) func `stop is killed at the deadline, freeze is not`(_ hierarchy: CgroupHierarchy) async throws
  {
    let process = try await GuardProcess(in: hierarchy)
    let stop = try process.partition.domain("stop", .stop)
    let stopped = try Busy(in: stop, directory, "stop")
    let frozen = try Busy(in: try process.partition.domain("freeze"), directory, "freeze")
    #expect(await stopped.isMoving())
    #expect(await frozen.isMoving())
    let controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(1)))
    _ = try await controller.ask(protect("s", stop, .stop))
    #expect(await stopped.child.end(within: .seconds(3)) == -SIGKILL)
    #expect(try await frozen.isFrozen())
    #expect(!frozen.child.hasEnded)
    var report = await controller.next()
    while report?.phase != nil { report = await controller.next() }
    #expect(report == .killed(workload: "s", confirmed: true))
  }

  /// Ten upgrades in a row cost a `stop` workload some pauses, and no restart; the deadline is its end all the same.
  @Test(arguments: hierarchies) func `a guard that is restarted again and again kills nothing before the deadline`(
    _ hierarchy: CgroupHierarchy
  ) async throws {
    let process = try await GuardProcess(in: hierarchy)
    let stop = try process.partition.domain("stop", .stop)
    let outside = try TestCgroup(in: hierarchy)
    let busy = [try Busy(in: stop, directory, "stop"), try Busy(in: outside.path, directory, "adopted")]
    for process in busy { #expect(await process.isMoving()) }
    let far = bootNow + .seconds(600)
    var controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: far))
    _ = try await controller.ask(protect("s", stop, .stop))
    _ = try await controller.ask(protect("a", outside.path, .stop))
    for round in 0..<10 {
      await process.crash()
      // As the controller does when it loses its guard.
      let outcome = isolateDirectly(
        partition: process.partition.partition, hierarchy: hierarchy, cgroups: [outside.path], links: [])
      #expect(outcome.problems.isEmpty)
      try await process.restart()
      controller = try await Controller(process)
      guard case .isolated? = try await controller.ask(.isolate).phase else { throw Failure("not isolated: \(process.log)") }
      if round == 0 { for process in busy { #expect(try await process.isFrozen(for: .milliseconds(30))) } }
      // Every other time the next guard finds one that had isolated.
      if round % 2 == 0 { #expect(try await controller.ask(.resume(deadline: far)).phase == .armed(deadline: far)) }
    }
    for process in busy { #expect(!process.child.hasEnded) }
    #expect(try await controller.ask(.resume(deadline: far)).phase == .armed(deadline: far))
    for process in busy { #expect(await process.isMoving()) }
    // Frozen before the deadline, and dead at it.
    _ = try await controller.ask(.isolate)
    let deadline = bootNow + .milliseconds(500)
    _ = try await controller.ask(.shorten(deadline: deadline))
    let counts = busy.map(\.count)
    for process in busy {
      #expect(await process.child.end(within: .seconds(5)) == -SIGKILL)
      #expect(bootNow >= deadline)
    }
    #expect(busy.map(\.count) == counts)
  }

  // MARK: Guards that end

  @Test(arguments: hierarchies) func `the next guard goes on where the last one was`(_ hierarchy: CgroupHierarchy) async throws
  {
    let process = try await GuardProcess(in: hierarchy)
    let outside = try TestCgroup(in: hierarchy)
    let busy = try Busy(in: outside.path, directory, "a")
    #expect(await busy.isMoving())
    let deadline = bootNow + .milliseconds(2500)
    var controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: deadline))
    _ = try await controller.ask(protect("a", outside.path))
    await process.crash()
    #expect(await busy.isMoving())
    try await process.restart()
    controller = try await Controller(process)
    #expect(try await controller.ask(.status) == .state(GuardState(phase: .armed(deadline: deadline), workloads: ["a"])))
    #expect(await busy.isMoving())
    _ = try await controller.waitUntilIsolated()
    #expect(try await busy.isFrozen())
    // Once more, isolated.
    await process.crash()
    #expect(try await busy.isFrozen())
    try await process.restart()
    controller = try await Controller(process)
    guard case .isolated? = try await controller.ask(.status).phase else { throw Failure("not isolated") }
    #expect(try await busy.isFrozen())
    _ = try await controller.ask(.resume(deadline: bootNow + .seconds(30)))
    #expect(await busy.isMoving())
    // And while no guard ran, the deadline passed.
    _ = try await controller.ask(.resume(deadline: bootNow + .milliseconds(300)))
    await process.crash()
    let record = try GuardRecord(text: KernelFile.read(process.state))
    let passed = GuardRecord(
      boot: record.boot, phase: .armed(deadline: bootNow), workloads: record.workloads, kills: [], taken: TakenThings())
    try overwrite(process.state, with: passed.text)
    try await process.restart()
    #expect(try await busy.isFrozen())
  }

  @Test(arguments: ["none", "garbage", "another boot"]) func `without a state to believe, what runs is frozen`(_ what: String)
    async throws
  {
    let process = try await GuardProcess(in: hierarchies[0])
    let busy = try Busy(in: try process.partition.domain("a"), directory, "a")
    #expect(await busy.isMoving())
    let controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(60)))
    await process.crash()
    switch what {
    case "none": unlink(process.state)
    case "garbage": try overwrite(process.state, with: "\0\u{1}garbage")
    default:
      let text = try KernelFile.read(process.state)
      let boot = try GuardRecord(text: text).boot
      try overwrite(
        process.state, with: String(text.split(separator: boot, maxSplits: 1)[0]) + "another\nphase disarmed\nend\n")
    }
    try await process.restart()
    #expect(try await busy.isFrozen())
    guard case .isolated(_, confirmed: true)? = try await Controller(process).ask(.status).phase else {
      throw Failure(process.log)
    }
  }

  @Test func `told to stop while armed it keeps the state, thaws nothing and says so; disarmed it just goes`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    let busy = try Busy(in: try process.partition.domain("a"), directory, "a")
    #expect(await busy.isMoving())
    var controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: bootNow + .milliseconds(50)))
    _ = try await controller.waitUntilIsolated()
    process.child.signal(SIGTERM)
    #expect(await process.child.end(within: .seconds(5)) == 0)
    #expect(process.log.contains("until a guard runs again nothing enforces it"))
    #expect(try await busy.isFrozen())
    #expect(try GuardRecord(text: KernelFile.read(process.state)).workloads.isEmpty)
    try await process.restart()
    controller = try await Controller(process)
    _ = try await controller.ask(.resume(deadline: bootNow + .seconds(9)))
    #expect(await busy.isMoving())
    busy.child.signal(SIGKILL)
    _ = await busy.child.end(within: .seconds(5))
    #expect(try await controller.ask(.disarm).phase == .disarmed)
    process.child.signal(SIGTERM)
    #expect(await process.child.end(within: .seconds(5)) == 0)
    #expect(access(process.socket, F_OK) != 0)
  }

  /// What the guard tells of its watchdog when it has looked at it.
  private func knownWatchdog(of process: GuardProcess) async throws -> GuardHealth.Watchdog {
    let controller = try await Controller(process)
    for _ in 1...250 {
      guard case .state(let state) = try await controller.ask(.status) else { throw Failure(process.log) }
      if state.health.watchdog != .opening { return state.health.watchdog }
      try await Task.sleep(for: .milliseconds(20))
    }
    return .opening
  }

  /// A file takes no timeout and tells of none.
  @Test func `a watchdog that tells nothing is fed, and not taken for a fence in time`() async throws {
    let device = directory.path + "/watchdog"
    try overwrite(device, with: "")
    let process = try await GuardProcess(in: hierarchies[0], options: ["--watchdog", device])
    let watchdog = try await knownWatchdog(of: process)
    #expect(watchdog == .open(timeout: nil))
    #expect(try await eventually(.seconds(5)) { try KernelFile.read(device).contains(".") })
  }

  @Test func `a watchdog that cannot be opened is told as that`() async throws {
    let process = try await GuardProcess(in: hierarchies[0], options: ["--watchdog", directory.path + "/none"])
    let watchdog = try await knownWatchdog(of: process)
    guard case .unusable = watchdog else {
      Issue.record("\(String(describing: watchdog))")
      return
    }
  }

  @Test func `two guards cannot share a directory`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    let second = try Child(guardProgram, ["--run-dir", process.directory.path, "--partition", process.partition.partition.name])
    #expect(await second.end(within: .seconds(5)) == 1)
    #expect(try await Controller(process).ask(.status).phase == .disarmed)
  }
}
