import HoldfastModel
import HoldfastTime
import HostParts
import Testing

@Suite struct `A sequence of parts` {
  @Test func `starts in order, each seen up before the next`() {
    var world = PartsWorld(threeParts)
    world.take(.start)
    world.run(for: .seconds(5))
    #expect(world.log == ["start 0", "ask 0", "start 1", "ask 1", "start 2", "ask 2"])
    #expect(world.sequence.standing == .up)
    #expect(world.sequence.states == [.up, .up, .up])
  }

  @Test func `stops in reverse, each seen down before the next`() {
    var world = running()
    world.take(.stop(until: world.now + .seconds(30)))
    world.run(for: .seconds(5))
    #expect(world.log == ["stop 2", "ask 2", "stop 1", "ask 1", "stop 0", "ask 0", "look", "over"])
    #expect(world.end == .asked)
  }

  struct Failure: CustomTestStringConvertible {
    var part: Int
    var course: PartsWorld.Course
    /// Parts of which something was begun, and that are taken back.
    var stops: [Int]
    var testDescription: String { "part \(part) \(course)" }
  }

  @Test(arguments: [
    Failure(part: 0, course: .fails, stops: [0]), Failure(part: 0, course: .hangs, stops: [0]),
    Failure(part: 0, course: .lies, stops: [0]), Failure(part: 0, course: .refuses, stops: []),
    Failure(part: 1, course: .fails, stops: [1, 0]), Failure(part: 1, course: .hangs, stops: [1, 0]),
    Failure(part: 1, course: .lies, stops: [1, 0]), Failure(part: 1, course: .refuses, stops: [0]),
    Failure(part: 2, course: .fails, stops: [2, 1, 0]), Failure(part: 2, course: .hangs, stops: [2, 1, 0]),
    Failure(part: 2, course: .lies, stops: [2, 1, 0]), Failure(part: 2, course: .refuses, stops: [1, 0])
  ])
  func `takes back what was done when a start fails`(failure: Failure) {
    var world = PartsWorld(threeParts)
    world.starts[failure.part] = failure.course
    world.take(.start)
    world.run(for: .seconds(70))
    #expect(world.log.filter { $0.hasPrefix("stop") } == failure.stops.map { "stop \($0)" })
    #expect(world.log.last == "over")
    guard case .startFailed(let reason) = world.end else { return #expect(Bool(false), "\(String(describing: world.end))") }
    #expect(reason.hasPrefix(threeParts[failure.part].words), "\(reason)")
    #expect(world.up.isEmpty && world.processes.isEmpty)
  }

  @Test func `waits for what is slow to come up, until its time is over`() {
    var world = PartsWorld(threeParts)
    world.answers[1] = .down
    world.take(.start)
    world.run(for: .seconds(30))
    #expect(world.sequence.standing == .starting)
    world.answers[1] = nil
    world.run(for: .seconds(5))
    #expect(world.sequence.standing == .up)
  }

  @Test(arguments: [0, 1, 2])
  func `is stopped while a part starts`(part: Int) {
    var world = PartsWorld(threeParts)
    world.starts[part] = .hangs
    world.take(.start)
    world.run(for: .seconds(5))
    world.take(.stop(until: world.now + .seconds(30)))
    world.run(for: .seconds(5))
    #expect(world.log.contains("cut \(part)"))
    #expect(world.log.filter { $0.hasPrefix("stop") } == (0...part).reversed().map { "stop \($0)" })
    #expect(world.end == .asked)
  }

  @Test func `stops nothing of a part whose start was refused as it was cut`() {
    var world = PartsWorld(threeParts)
    let actions = world.sequence.take(.start, now: world.now)
    guard case .start(let command, _) = actions.first else { return #expect(Bool(false)) }
    #expect(world.sequence.take(.stop(until: world.now), now: world.now) == [.cut(command)])
    let next = world.sequence.take(.ended(command, .refused("it was cut before it began")), now: world.now)
    guard case .look = next.first, next.count == 1 else { return #expect(Bool(false), "\(next)") }
  }

  @Test func `ends when a part says twice that it is down, and not before`() {
    var world = running()
    world.crash(1)
    while !world.log.contains("ask 1") { world.run(for: .milliseconds(100)) }
    world.run(for: .seconds(1))
    #expect(world.sequence.standing == .up)
    world.run(for: .seconds(3))
    #expect(world.end == .failed("the script server is down"))
    #expect(world.log.filter { $0.hasPrefix("stop") } == ["stop 2", "stop 1", "stop 0"])
  }

  @Test(arguments: [PartAnswer.failed("status 5"), .dead("status 1")])
  func `ends when a part says twice that it has failed`(answer: PartAnswer) {
    var world = running()
    world.answers[2] = answer
    world.run(for: .seconds(13))
    #expect(world.log.contains("stop 2"))
  }

  @Test func `never takes unknown for down`() {
    var world = running()
    world.answers[1] = .unknown("no answer")
    world.run(for: .seconds(3600))
    #expect(world.sequence.standing == .up)
    #expect(world.sequence.states[1] == .unknown("no answer"))
    #expect(!world.log.contains { $0.hasPrefix("stop") })
  }

  @Test func `counts answers in a row only`() {
    var world = running()
    for _ in 0..<20 {
      while !world.log.contains("ask 1") { world.run(for: .seconds(1)) }
      // One bad answer; the next question comes two seconds later.
      world.answers[1] = .down
      world.forgetLog()
      while !world.log.contains("ask 1") { world.run(for: .milliseconds(100)) }
      world.run(for: .milliseconds(100))
      world.answers[1] = nil
      world.forgetLog()
      world.run(for: .seconds(10))
    }
    #expect(world.sequence.standing == .up)
  }

  @Test func `kills what executes when its time is over`() {
    var world = running()
    world.stops[1] = .lies
    world.take(.stop(until: world.now + .seconds(10)))
    world.run(for: .seconds(9))
    #expect(!world.log.contains("kill 1"))
    world.run(for: .seconds(5))
    #expect(world.log.contains("kill 1"))
    #expect(world.end == .asked)
  }

  @Test func `kills at once without time`() {
    var world = running()
    world.take(.stop(until: world.now))
    #expect(world.log == ["kill 2", "ask 2"])
    world.run(for: .seconds(5))
    #expect(world.end == .asked)
  }

  @Test func `tidies up what was killed and does not say that it is down`() {
    var world = running()
    world.answers[2] = .dead("status 1")
    world.take(.stop(until: world.now))
    world.run(for: .milliseconds(100))
    #expect(world.log.prefix(3) == ["kill 2", "ask 2", "kill 2"] && world.log.contains("stop 2"))
    world.run(for: .seconds(5))
    #expect(world.end == .asked)
  }

  @Test func `hurries when a later order gives less time`() {
    var world = running()
    world.stops[2] = .hangs
    world.take(.stop(until: world.now + .seconds(300)))
    world.run(for: .seconds(2))
    world.take(.stop(until: world.now))
    world.run(for: .seconds(20))
    #expect(world.log.contains("cut 2") && world.log.contains("kill 2"))
    #expect(world.end == .asked)
  }

  @Test func `is not over while a mount is busy, and tries again`() {
    var world = running()
    world.stops[0] = .fails
    world.immortal = [0]
    world.take(.stop(until: world.now + .seconds(10)))
    world.run(for: .seconds(60))
    #expect(world.end == nil)
    #expect(world.sequence.hindrance == "the mount data: its stop failed: busy")
    #expect(world.log.contains("term 0") && world.log.contains("kill 0"))
    (world.stops[0], world.immortal) = (nil, [])
    world.run(for: .seconds(20))
    #expect(world.end == .asked)
  }

  @Test func `is not over while a process is left, whatever its status says`() {
    var world = running()
    world.immortal = [2]
    world.take(.stop(until: world.now + .seconds(5)))
    world.run(for: .seconds(600))
    #expect(world.end == nil)
    #expect(world.log.contains("term 2") && world.log.contains("kill 2"))
    #expect(!world.log.contains("stop 1"), "what it may need stays up")
    world.immortal = []
    world.run(for: .seconds(10))
    #expect(world.end == .asked)
  }

  @Test func `ends what a stop has left behind`() {
    var world = running()
    world.lingering = [1]
    world.take(.stop(until: world.now + .seconds(30)))
    world.run(for: .seconds(10))
    #expect(world.log.contains("term 1") && world.log.contains("kill 1"))
    #expect(world.end == .asked)
  }

  @Test(arguments: [PartsRemains.some("sleep (4711) is left"), .unknown("/proc cannot be read")])
  func `is not over while something is left, or may be`(remains: PartsRemains) {
    var world = running()
    world.remains = remains
    world.take(.stop(until: world.now + .seconds(5)))
    world.run(for: .seconds(600))
    #expect(world.end == nil)
    world.remains = .none
    world.run(for: .seconds(10))
    #expect(world.end == .asked)
  }

  @Test func `is not over while a status cannot be asked`() {
    var world = running()
    world.answers[0] = .unknown("no answer")
    world.take(.stop(until: world.now + .seconds(5)))
    world.run(for: .seconds(600))
    #expect(world.end == nil)
    #expect(world.sequence.standing == .stopping(.asked))
  }

  @Test func `goes on with what an earlier life left up`() {
    var world = PartsWorld(threeParts, found: true)
    #expect(world.sequence.standing == .up)
    world.run(for: .seconds(1))
    #expect(world.sequence.states == [.up, .up, .up])
    #expect(!world.log.contains { $0.hasPrefix("start") })
  }

  @Test func `takes down what an earlier life was starting or stopping`() {
    var world = PartsWorld(threeParts, found: false)
    world.run(for: .seconds(5))
    #expect(world.log.filter { $0.hasPrefix("stop") } == ["stop 2", "stop 1", "stop 0"])
    #expect(world.end == .cutShort)
  }

  @Test func `heeds no answer to an earlier question`() {
    var world = PartsWorld(threeParts)
    let actions = world.sequence.take(.start, now: world.now)
    guard case .start(let command, _) = actions.first else { return #expect(Bool(false)) }
    let other = PartCommand(part: command.part, serial: command.serial + 7)
    #expect(world.sequence.take(.ended(other, .failed("late")), now: world.now).isEmpty)
    #expect(world.sequence.standing == .starting)
  }

  /// Every failure at every step, with a stop now and then: it ends, it makes no step that is not listed, and is over only with nothing left.
  @Test func `keeps to its transitions whatever fails`() {
    let courses: [PartsWorld.Course] = [.works, .fails, .hangs, .refuses, .lies]
    var random = SeededGenerator(seed: 7)
    for _ in 0..<2000 {
      var world = PartsWorld(threeParts)
      for part in threeParts.indices {
        world.starts[part] = courses.randomElement(using: &random) ?? .works
        world.stops[part] = courses.randomElement(using: &random) ?? .works
      }
      world.take(.start)
      world.run(for: .milliseconds(Int64.random(in: 0...90_000, using: &random)))
      world.take(.stop(until: world.now + .seconds(Int64.random(in: 0...40, using: &random))))
      world.run(for: .seconds(120))
      if world.end != nil { #expect(world.processes.isEmpty) }
      world.stops = [:]
      world.run(for: .seconds(60))
      #expect(world.end != nil && world.processes.isEmpty && world.up.isEmpty, "\(world.log)")
      #expect(world.sequence.breach == nil, "\(world.log)")
    }
  }

  // MARK: what is watched

  private static let watched = HostPart(
    name: "app", kind: .unit(UnitPart(unit: "app.service")), startTimeout: 20, interval: 3600)

  private func watching() -> PartsWorld {
    var world = PartsWorld([threeParts[0], Self.watched])
    world.take(.start)
    world.run(for: .seconds(5))
    world.forgetLog()
    return world
  }

  @Test func `is asked when it changes, and once is enough`() {
    var world = watching()
    world.crash(1)
    world.run(for: .seconds(5))
    #expect(world.log.filter { $0.hasSuffix("1") }.isEmpty, "nothing was told")
    world.take(.changed(part: 1))
    world.run(for: .seconds(5))
    #expect(world.end == .failed("the unit app is down"))
  }

  @Test func `may be on its way for as long as a start may take`() {
    var world = watching()
    world.answers[1] = .changing("activating (start)")
    world.take(.changed(part: 1))
    world.run(for: .seconds(19))
    #expect(world.sequence.standing == .up)
    #expect(world.sequence.states[1] == .unknown("it is activating (start)"))
    var other = world
    other.answers[1] = nil
    other.take(.changed(part: 1))
    other.run(for: .seconds(60))
    #expect(other.sequence.standing == .up && other.sequence.states[1] == .up)
    world.run(for: .seconds(5))
    world.answers[1] = nil
    world.run(for: .seconds(5))
    #expect(world.end == .failed("the unit app is activating (start), for longer than it may take to start"))
  }

  @Test func `is waited for while it is on its way, and seen at once`() {
    var world = PartsWorld([Self.watched])
    world.answers[0] = .changing("activating (start)")
    world.take(.start)
    world.run(for: .seconds(10))
    #expect(world.sequence.standing == .starting)
    world.answers[0] = nil
    world.take(.changed(part: 0))
    world.run(for: .milliseconds(50))
    #expect(world.sequence.standing == .up)
    world.answers[0] = .changing("deactivating (stop-sigterm)")
    world.take(.stop(until: world.now + .seconds(30)))
    world.run(for: .seconds(5))
    #expect(world.end == nil && world.sequence.states[0] == .stopping)
    world.answers[0] = nil
    world.take(.changed(part: 0))
    world.run(for: .seconds(2))
    #expect(world.end == .asked)
  }

  @Test func `is asked once more when it changes while it is asked`() {
    var world = watching()
    world.take(.changed(part: 1))
    world.take(.changed(part: 1))
    world.run(for: .seconds(5))
    #expect(world.log.filter { $0 == "ask 1" }.count == 2)
    #expect(world.sequence.standing == .up)
  }

  private func running() -> PartsWorld {
    var world = PartsWorld(threeParts)
    world.take(.start)
    world.run(for: .seconds(5))
    world.forgetLog()
    return world
  }
}
