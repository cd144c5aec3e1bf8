import GuardCore
import GuardDoor
import HoldfastTime
import Testing

@Suite struct `Commands that wait for the guard` {
  private static func at(_ seconds: Int64) -> BootInstant { BootInstant(nanoseconds: seconds * 1_000_000_000) }
  private static func protect(_ name: String, _ run: Int? = nil) -> GuardCommand {
    .protect(
      GuardedWorkload(name: name, isolation: .freeze, cgroup: run.map { "/c/\(name)\($0)" }, links: [], isStarting: run == nil))
  }
  private static func kill(_ name: String) -> GuardCommand { .kill(workload: name) }
  private static func released(_ name: String, _ run: Int) -> GuardCommand {
    .release(workload: name, cgroup: "/c/\(name)\(run)")
  }
  private static func forget(_ name: String) -> GuardCommand { .forget(workload: name) }

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var said: [GuardCommand]
    var waits: [GuardCommand]
  }

  private static func row(_ title: String, _ said: [GuardCommand], _ waits: [GuardCommand]) -> Row {
    Row(testDescription: title, said: said, waits: waits)
  }

  static let merged = [
    row(
      "the later deadline", [.extend(deadline: at(1)), .extend(deadline: at(3)), .extend(deadline: at(2))],
      [.extend(deadline: at(3))]),
    row(
      "a deadline stays before what needs it", [.extend(deadline: at(1)), protect("a", 1), .extend(deadline: at(2))],
      [.extend(deadline: at(2)), protect("a", 1)]),
    row("the newest about a workload", [protect("a"), protect("b", 1), protect("a", 1)], [protect("a", 1), protect("b", 1)]),
    row(
      "forgotten after all, once", [protect("a", 1), forget("a"), protect("b", 1), forget("a")],
      [protect("a", 1), forget("a"), protect("b", 1)]),
    row(
      "protected, forgotten and protected", [protect("a", 1), protect("b", 1), forget("a"), protect("a", 2), forget("a")],
      [protect("b", 1), protect("a", 2), forget("a")]),
    row("said twice around a kill", [protect("a", 1), kill("a"), protect("a", 1), kill("a")], [protect("a", 1), kill("a")]),
    row(
      "protected before it was forgotten, and after", [protect("a", 1), forget("a"), protect("a", 2)],
      [forget("a"), protect("a", 2)]),
    row(
      "protected twice behind a forget", [forget("a"), protect("b", 1), protect("a", 1), protect("a", 2)],
      [forget("a"), protect("b", 1), protect("a", 2)]),
    row(
      "forgotten and protected again and again",
      [forget("a"), protect("a", 1), forget("a"), protect("a", 2), forget("a"), protect("a", 3)],
      [forget("a"), protect("a", 3)]),
    row(
      "left protection again", [released("a", 1), protect("a", 2), forget("a"), protect("a", 3), released("a", 3)],
      [released("a", 3)]),
    row(
      "left protection", [protect("a", 1), released("a", 1)], [released("a", 1)]),
    row("left protection, and forgotten", [released("a", 1), forget("a")], [released("a", 1)]),
    row("one kill", [kill("a"), kill("b"), kill("a"), kill("b")], [kill("a"), kill("b")]),
    row("one status", [.status, protect("a", 1), .status], [.status, protect("a", 1)]),
    row(
      "the last acknowledge, behind what it asks about",
      [.acknowledge(number: 1), protect("a", 1), .acknowledge(number: 2)], [protect("a", 1), .acknowledge(number: 2)]),
    row("one isolate", [.isolate, .isolate], [.isolate]),
    row("one resume", [.resume(deadline: at(1)), .resume(deadline: at(1))], [.resume(deadline: at(1))])
  ]

  static let kept = [
    // Who told the guard to forget it waits for a state of the guard without it.
    row("forgotten, then protected", [forget("a"), protect("a", 2)], [forget("a"), protect("a", 2)]),
    row("left protection, then protected", [released("a", 1), protect("a", 1)], [released("a", 1), protect("a", 1)]),
    row(
      "forgotten, then protected, around a kill", [forget("a"), protect("a", 1), kill("b"), forget("a"), protect("a", 2)],
      [forget("a"), protect("a", 1), kill("b"), forget("a"), protect("a", 2)]),
    row(
      "another run is another kill", [protect("a", 1), kill("a"), protect("a", 2), kill("a")],
      [protect("a", 1), kill("a"), protect("a", 2), kill("a")]),
    row(
      "a kill spares what was known when it was said", [protect("a", 1), kill("b"), protect("a", 2), protect("a", 3)],
      [protect("a", 1), kill("b"), protect("a", 3)]),
    row("killed, then forgotten", [protect("a", 1), kill("a"), forget("a")], [protect("a", 1), kill("a"), forget("a")]),
    row(
      "refused without a deadline, taken with it", [protect("a", 1), .extend(deadline: at(1)), protect("a", 1)],
      [protect("a", 1), .extend(deadline: at(1)), protect("a", 1)])
  ]

  static let barriers: [GuardCommand] = [.shorten(deadline: at(1)), .isolate, .resume(deadline: at(9)), .disarm]
  static let mergeable: [GuardCommand] = [.extend(deadline: at(5)), protect("a", 1), forget("a"), kill("a"), .status]

  private func queue(_ commands: [GuardCommand]) -> CommandQueue {
    var queue = CommandQueue()
    for command in commands { queue.add(command) }
    return queue
  }

  private func drain(_ queue: CommandQueue) -> [GuardCommand] {
    var queue = queue
    var commands: [GuardCommand] = []
    while let next = queue.next {
      commands.append(next)
      queue.removeNext()
    }
    return commands
  }

  @Test(arguments: merged + kept) func `what waits is what the guard is to know`(_ row: Row) {
    #expect(drain(queue(row.said)) == row.waits)
  }

  @Test(arguments: barriers, mergeable) func `nothing is merged across a barrier`(
    _ barrier: GuardCommand, _ command: GuardCommand
  ) {
    #expect(drain(queue([command, barrier, command])) == [command, barrier, command])
    #expect(drain(queue([barrier, command, barrier])) == [barrier, command, barrier])
    #expect(drain(queue([command, barrier, command, command])) == [command, barrier, command])
  }

  @Test(arguments: mergeable + barriers) func `what was sent does not wait`(_ command: GuardCommand) {
    var queue = queue([command, Self.protect("z", 1)])
    queue.removeNext()
    queue.add(command)
    #expect(drain(queue) == [Self.protect("z", 1), command])
  }

  /// 91 workloads lose their claims, and for each event everything is said about each of them again.
  @Test func `what waits grows with the workloads, not with what is said`() {
    var queue = CommandQueue()
    let names = (0..<91).map { "w\($0)" }
    for round in 0..<91 {
      queue.add(.extend(deadline: Self.at(Int64(round))))
      for name in names {
        queue.add(Self.protect(name, 1))
        queue.add(Self.kill(name))
      }
      queue.add(Self.forget(names[round]))
      queue.add(.status)
    }
    // Protected, killed, forgotten, and protected and killed once more.
    #expect(queue.count <= 5 * names.count + 2, "\(queue.count)")
  }

  /// What the guard is told of a workload after it was told for the last time that it protects it no more: the newest word, or none.
  private static func behindLastEnd(_ commands: [GuardCommand], _ name: String) -> [GuardCommand]? {
    var words: [GuardCommand]?
    for command in commands {
      switch command {
      case .forget(name), .release(name, _): words = []
      case .protect(let workload) where workload.name == name: if words != nil { words = [command] }
      default: break
      }
    }
    return words
  }

  /// Merged or not, the guard (the real machine) knows the same in the end, and has killed the same.
  @Test(arguments: 0..<200) func `merging changes nothing that the guard does`(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    var said: [GuardCommand] = []
    var now = Self.at(10)
    for _ in 0..<40 {
      let name = random.pick(["a", "b", "c"])
      now = now + .milliseconds(1)
      said.append(
        random.pick([
          .extend(deadline: now + .seconds(60)), Self.protect(name), Self.protect(name, 1), Self.protect(name, 2),
          Self.forget(name),
          Self.kill(name), .status, .release(workload: name, cgroup: "/c/\(name)1"), .isolate,
          .resume(deadline: now + .seconds(60)), .shorten(deadline: now + .seconds(50))
        ]))
    }
    let sent = drain(queue(said))
    for name in ["a", "b", "c"] {
      #expect(Self.behindLastEnd(sent, name) == Self.behindLastEnd(said, name), "seed \(seed): \(said.map(\.wireText))")
    }
    func outcome(_ commands: [GuardCommand]) -> MachineRig {
      var rig = MachineRig.connected()
      rig.command(.extend(deadline: rig.now + .seconds(90)))
      for command in commands { rig.command(command) }
      return rig
    }
    let (all, merged) = (outcome(said), outcome(sent))
    #expect(merged.record?.workloads == all.record?.workloads, "seed \(seed): \(said.map(\.wireText))")
    #expect(merged.record?.released == all.record?.released, "seed \(seed): \(said.map(\.wireText))")
    #expect(merged.record?.phase == all.record?.phase && merged.phase == all.phase, "seed \(seed): \(said.map(\.wireText))")
    // What is in no known cgroup is killed once: whom that spares is known at the first of the commands.
    func killed(_ rig: MachineRig) -> Set<String> {
      Set(
        rig.done.compactMap { action in
          switch action {
          case .kill(.workload(let name, let cgroup)): "\(name) in \(cgroup)"
          case .kill(.unseen(let name, let cgroup, _)): "\(name), unseen, \(cgroup ?? "-")"
          default: nil
          }
        })
    }
    #expect(killed(merged) == killed(all), "seed \(seed): \(said.map(\.wireText))")
  }
}
