import Glibc
import GuardCore
import GuardDoor
import HoldfastPorts
import HoldfastTime
import Logging
import Testing

@Suite(.serialized, .enabled(if: isRoot, "needs root and a mounted hierarchy that can freeze"))
struct `The controller's door` {
  /// The stream's next element, or a failure when none comes: a missing event must not hang the run.
  struct Events {
    var iterator: AsyncStream<GuardEvent>.Iterator

    mutating func next() async throws -> GuardEvent {
      guard let event = await iterator.next() else { throw Failure("the stream has ended") }
      return event
    }
  }

  private func door(_ process: GuardProcess, silence: Duration = .seconds(3)) throws -> (GuardDoor, Events) {
    var settings = GuardDoor.Settings()
    settings.silence = silence
    let door = try GuardDoor(
      path: process.socket, settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    return (door, Events(iterator: door.events().makeAsyncIterator()))
  }

  @Test(.timeLimit(.minutes(1))) func `commands are answered in order, and a killed guard is lost at once`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    var (door, events) = try door(process)
    #expect(try await events.next() == .connected(GuardState(phase: .disarmed, workloads: [])))
    let deadline = bootNow + .seconds(30)
    door.send(.extend(deadline: deadline))
    door.send(.kill(workload: "nobody"))
    #expect(try await events.next() == .report(.state(GuardState(phase: .armed(deadline: deadline), workloads: []))))
    guard case .report(.refused(let reason)) = try await events.next() else { throw Failure("no refusal") }
    #expect(reason.contains("nobody"))
    let start = ContinuousClock.now
    process.child.signal(9)
    guard case .lost(let reason) = try await events.next() else { throw Failure("not lost") }
    let time = ContinuousClock.now - start
    print("guard killed: known after \(milliseconds(time)) (\(reason))")
    #expect(time < .seconds(5))
    _ = await process.child.end(within: .seconds(5))
    // Dropped, not kept: the connected event is the word to say everything anew.
    door.send(.extend(deadline: deadline + .seconds(30)))
    try await process.restart()
    #expect(try await events.next() == .connected(GuardState(phase: .armed(deadline: deadline), workloads: [])))
    await door.close()
    // It ends; that the door is closed may still be told before.
    await #expect(throws: Failure.self) { while true { _ = try await events.next() } }
  }

  @Test(.timeLimit(.minutes(1))) func `a thousand commands at once arrive`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    var (door, events) = try door(process)
    _ = try await events.next()
    let names = (0..<1000).map { "workload-with-a-name-\(10_000 + $0)" }
    for name in names { door.send(.protect(GuardedWorkload(name: name, isolation: .freeze, cgroup: nil, links: []))) }
    var last: GuardState?
    for _ in names {
      guard case .report(.state(let state)) = try await events.next() else { throw Failure("not a state") }
      last = state
    }
    #expect(last?.workloads == names)
    await door.close()
  }

  /// Nine tenths of a node's workloads lose their claims while the guard is late, and for each event everything is said again.
  @Test(.timeLimit(.minutes(1))) func `what is said again and again to a late guard does not close the door`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    var (door, events) = try door(process)
    _ = try await events.next()
    let names = (0..<91).map { "w\(100 + $0)" }
    let deadline = bootNow + .seconds(60)
    door.send(.extend(deadline: deadline))
    process.child.signal(SIGSTOP)
    for round in 0..<91 {
      door.send(.extend(deadline: deadline + .milliseconds(round)))
      for name in names {
        door.send(.protect(GuardedWorkload(name: name, isolation: .freeze, cgroup: nil, links: ["l"])))
        door.send(.kill(workload: name))
      }
      door.send(.status)
    }
    for name in names { door.send(.forget(workload: name)) }
    door.send(.protect(GuardedWorkload(name: "last", isolation: .freeze, cgroup: nil, links: [])))
    process.child.signal(SIGCONT)
    while true {
      switch try await events.next() {
      case .report(.state(let state)) where state.workloads == ["last"]:
        #expect(state.phase == .armed(deadline: deadline + .milliseconds(90)))
        await door.close()
        return
      case .report: continue
      case .lost(let reason): throw Failure("lost: \(reason)")
      case .connected: throw Failure("connected anew")
      }
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a guard that is hopelessly behind is given up, and told everything anew`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    var (door, events) = try door(process, silence: .seconds(30))
    _ = try await events.next()
    process.child.signal(SIGSTOP)
    for number in 0..<4000 {
      // Barriers, all of them.
      door.send(number % 2 == 0 ? .disarm : .resume(deadline: bootNow + .seconds(60)))
    }
    guard case .lost(let reason) = try await events.next() else { throw Failure("not lost") }
    #expect(reason.contains("1025 commands waited"))
    process.child.signal(SIGCONT)
    guard case .connected = try await events.next() else { throw Failure("not connected again") }
    await door.close()
  }

  @Test(.timeLimit(.minutes(1))) func `a guard that is stopped and says nothing is lost`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    var (door, events) = try door(process, silence: .milliseconds(300))
    _ = try await events.next()
    process.child.signal(19)
    door.send(.status)
    guard case .lost(let reason) = try await events.next() else { throw Failure("not lost") }
    #expect(reason.contains("has not answered"))
    process.child.signal(18)
    guard case .connected = try await events.next() else { throw Failure("not connected again") }
    await door.close()
  }

  @Test(.timeLimit(.minutes(1))) func `a door without a guard waits, and closes when told`() async throws {
    let directory = try TemporaryDirectory()
    let door = try GuardDoor(
      path: directory.path + "/none.sock", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    door.send(.status)
    await door.close()
    await door.close()
    for await event in door.events() { Issue.record("\(event)") }
  }
}
