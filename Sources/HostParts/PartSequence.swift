import HoldfastModel
import HoldfastTime

/// The parts of one workload on one node: up in order, down in reverse, each step seen before the next. A start that fails takes back what was done. A part
/// that ends by itself ends all. Pure: what it wants done are actions, what became of it are events.
///
/// "Over" is said only when nothing of the workload was seen to be left; whatever cannot be told is asked again for as long as it takes.
public struct PartSequence: Hashable, Sendable {
  /// Between two looks at what is on its way.
  static let pause: Duration = .seconds(1)
  /// Before what failed is tried again; and after its time is over, so as not to go in a circle.
  static let pauseAfterFailure: Duration = .seconds(2)
  static let latePause: Duration = .seconds(5)
  /// What lingers when a part says that it is down has so long to end.
  static let lingering: Duration = .seconds(2)
  /// A stop that comes after its time has so long to tidy up.
  static let tidying: Duration = .seconds(10)
  /// So many answers in a row by which it is not up, and it has ended. The second question follows the first answer soon.
  static let badAnswers = 2
  static let secondQuestion: Duration = .seconds(2)

  public let parts: [HostPart]
  private var course: StateCourse<Phase>
  private var entries: [Entry]
  private var serial = 0
  private var phase: Phase { course.state }

  /// Nothing of it is there.
  public init(_ parts: [HostPart]) {
    self.parts = parts
    course = StateCourse(.idle)
    entries = parts.map { _ in Entry(state: .down, nextQuestion: .zero) }
  }

  /// As an earlier life of the controller left it.
  ///
  /// - Parameter isUp: all of it was up; else it is taken down, as nobody knows how far it came.
  public init(_ parts: [HostPart], found isUp: Bool, now: BootInstant) {
    self.parts = parts
    entries = parts.map { _ in Entry(state: .unknown("it was not asked yet"), nextQuestion: now) }
    guard !isUp, !parts.isEmpty else {
      course = StateCourse(isUp ? .up : .idle)
      return
    }
    let stop = Stop(cause: .cutShort, until: now + Self.stopTime(of: parts))
    course = StateCourse(.stopping(parts.count - 1, .waiting(until: now, asks: false), stop))
  }

  // MARK: questions

  public enum Standing: Hashable, Sendable {
    case idle, starting, up, stopping(PartsEnd), over(PartsEnd)
  }

  public var standing: Standing {
    switch phase {
    case .idle: .idle
    case .starting: .starting
    case .up: .up
    case .stopping(_, _, let stop), .looking(_, let stop): .stopping(stop.cause)
    case .over(let end): .over(end)
    }
  }

  public var states: [PartState] { entries.map(\.state) }
  /// A transition that is not listed: a defect. nil: there was none.
  public var breach: String? { course.breach }

  /// When it is to be looked at again; nil: not before an event.
  public var alarm: BootInstant? {
    switch phase {
    case .starting(_, .waiting(let until, _), _), .stopping(_, .waiting(let until, _), _), .looking(.waiting(let until, _), _):
      until
    case .up: entries.filter { $0.question == nil }.map(\.nextQuestion).min()
    default: nil
    }
  }

  /// When its stop is to be over; nil: it is not being stopped.
  public var stopsUntil: BootInstant? {
    switch phase {
    case .stopping(_, _, let stop), .looking(_, let stop): stop.until
    default: nil
    }
  }

  /// How long the stop of all these may take where nobody says.
  static func stopTime(of parts: [HostPart]) -> Duration { .seconds(parts.map(\.stopTimeout).reduce(0, +)) }

  // MARK: events

  public mutating func take(_ event: Event, now: BootInstant) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .start:
      if phase == .idle { startPart(0, now, &actions) }
    case .stop(let until): stop(until, now, &actions)
    case .ended(let command, let end): ended(command, end, now, &actions)
    case .answered(let command, let answer, let processes): answered(command, answer, processes, now, &actions)
    case .changed(let part): changed(part, now, &actions)
    case .looked(let command, let remains): looked(command, remains, now, &actions)
    case .tick: tick(now, &actions)
    }
    return actions
  }

  private mutating func command(_ part: Int) -> PartCommand {
    serial += 1
    return PartCommand(part: part, serial: serial)
  }

  private mutating func tick(_ now: BootInstant, _ actions: inout [Action]) {
    switch phase {
    case .starting(let index, .waiting(let due, _), let until) where now >= due:
      course.move(to: .starting(index, ask(index, until: until, now, &actions), until: until))
    case .stopping(let index, .waiting(let due, let asks), let stop) where now >= due:
      if asks {
        course.move(to: .stopping(index, ask(index, until: nil, now, &actions), stop))
      } else {
        commandStop(index, stop, now, &actions)
      }
    case .looking(.waiting(let due, _), let stop) where now >= due: look(stop, &actions)
    case .up: askWhoIsDue(now, &actions)
    default: break
    }
  }

  private mutating func ask(_ index: Int, until: BootInstant?, _ now: BootInstant, _ actions: inout [Action]) -> Step {
    let command = command(index), limit = now + .seconds(parts[index].statusTimeout)
    actions.append(.ask(command, until: until.map { min($0, limit) } ?? limit))
    return .asking(command)
  }

  /// What is waited for, or taken for up, is asked for at once. A question under way may have been answered before.
  private mutating func changed(_ part: Int, _ now: BootInstant, _ actions: inout [Action]) {
    switch phase {
    case .starting(part, .waiting(_, asks: true), let until):
      course.move(to: .starting(part, ask(part, until: until, now, &actions), until: until))
    case .stopping(part, .waiting(_, asks: true), let stop):
      course.move(to: .stopping(part, ask(part, until: nil, now, &actions), stop))
    case .up where entries.indices.contains(part):
      entries[part].nextQuestion = now
      entries[part].isStale = entries[part].question != nil
      askWhoIsDue(now, &actions)
    default: break
    }
  }

  // MARK: up

  private mutating func startPart(_ index: Int, _ now: BootInstant, _ actions: inout [Action]) {
    guard parts.indices.contains(index) else {
      course.move(to: .up)
      for index in entries.indices { entries[index].nextQuestion = now + .seconds(parts[index].interval) }
      return
    }
    let command = command(index), until = now + .seconds(parts[index].startTimeout)
    entries[index].state = .starting
    actions.append(.start(command, until: until))
    course.move(to: .starting(index, .commanding(command), until: until))
  }

  private mutating func askWhoIsDue(_ now: BootInstant, _ actions: inout [Action]) {
    for index in entries.indices where entries[index].question == nil && now >= entries[index].nextQuestion {
      let command = command(index)
      entries[index].question = command
      actions.append(.ask(command, until: now + .seconds(parts[index].statusTimeout)))
    }
  }

  /// An answer while all of it is up, as far as is known.
  private mutating func judge(_ command: PartCommand, _ answer: PartAnswer, _ now: BootInstant, _ actions: inout [Action]) {
    let index = command.part
    guard entries[index].question == command else { return }
    entries[index].question = nil
    let interval = Duration.seconds(parts[index].interval)
    entries[index].nextQuestion = entries[index].isStale ? now : now + interval
    (entries[index].isStale, entries[index].changesSince) = (
      false, answer.isChanging ? entries[index].changesSince ?? now : nil
    )
    let what: String
    switch answer {
    case .up:
      (entries[index].state, entries[index].bad) = (.up, 0)
      return
    case .unknown(let reason):
      entries[index].state = .unknown(reason)
      return
    case .changing(let reason):
      // Somebody restarts it, perhaps: that may take what its start may.
      entries[index].state = .unknown("it is \(reason)")
      let end = (entries[index].changesSince ?? now) + .seconds(parts[index].startTimeout)
      entries[index].nextQuestion = min(entries[index].nextQuestion, max(end, now))
      if now < end { return }
      (entries[index].bad, what) = (Self.badAnswers, "is \(reason), for longer than it may take to start")
    case .down: what = "is down"
    case .dead(let reason), .failed(let reason): what = "has failed (\(reason))"
    }
    entries[index].bad += 1
    entries[index].state = .failed("its status says that it \(what)")
    entries[index].nextQuestion = now + min(interval, Self.secondQuestion)
    guard entries[index].bad >= Self.badAnswers || parts[index].isWatched else { return }
    let stop = Stop(cause: .failed("\(parts[index].words) \(what)"), until: now + Self.stopTime(of: parts))
    stopPart(parts.count - 1, stop, now, &actions)
  }

  // MARK: ends and answers

  private mutating func ended(_ command: PartCommand, _ end: PartCommandEnd, _ now: BootInstant, _ actions: inout [Action]) {
    switch phase {
    case .starting(let index, .commanding(command), let until):
      switch end {
      case .done: course.move(to: .starting(index, ask(index, until: until, now, &actions), until: until))
      case .failed(let reason): failStart(index, reason, now, &actions)
      case .timedOut:
        failStart(index, "it did not start within \(InWords.number(parts[index].startTimeout)) s", now, &actions)
      case .refused(let reason): failStart(index, reason, isBegun: false, now, &actions)
      }
    case .stopping(let index, .cutting(command), let stop):
      if case .refused = end { entries[index].state = .down }
      stopPart(index, stop, now, &actions)
    case .stopping(let index, .commanding(command), var stop):
      stop.failure =
        switch end {
        case .done: nil
        case .failed(let reason), .refused(let reason): reason
        case .timedOut: "its stop was not over in time"
        }
      course.move(to: .stopping(index, ask(index, until: nil, now, &actions), stop))
    default: break
    }
  }

  private mutating func answered(
    _ command: PartCommand, _ answer: PartAnswer, _ processes: Int?, _ now: BootInstant, _ actions: inout [Action]
  ) {
    switch phase {
    case .up: judge(command, answer, now, &actions)
    case .starting(let index, .asking(command), let until): starts(index, answer, until, now, &actions)
    case .stopping(let index, .asking(command), let stop): stops(index, stop, answer, processes, now, &actions)
    default: break
    }
  }

  private mutating func starts(
    _ index: Int, _ answer: PartAnswer, _ until: BootInstant, _ now: BootInstant, _ actions: inout [Action]
  ) {
    let reason: String
    switch answer {
    case .up:
      entries[index].state = .up
      return startPart(index + 1, now, &actions)
    case .failed(let text): return failStart(index, "its status says that it has failed (\(text))", now, &actions)
    case .down: reason = "its status says that it is down"
    case .dead(let text): reason = "its status says that it is dead (\(text))"
    case .changing(let text): reason = "it is \(text)"
    case .unknown(let text): reason = "nobody can tell whether it is up: \(text)"
    }
    guard now + Self.pause < until else {
      return failStart(index, "\(InWords.number(parts[index].startTimeout)) s after its start began, \(reason)", now, &actions)
    }
    course.move(to: .starting(index, .waiting(until: now + Self.pause, asks: true), until: until))
  }

  private mutating func failStart(
    _ index: Int, _ reason: String, isBegun: Bool = true, _ now: BootInstant, _ actions: inout [Action]
  ) {
    let begun = isBegun ? index : index - 1
    if !isBegun { entries[index].state = .down }
    let time = Self.stopTime(of: Array(parts.prefix(begun + 1)))
    stopPart(begun, Stop(cause: .startFailed("\(parts[index].words): \(reason)"), until: now + time), now, &actions)
  }
}

// MARK: down

extension PartSequence {
  private mutating func stop(_ until: BootInstant, _ now: BootInstant, _ actions: inout [Action]) {
    let asked = Stop(cause: .asked, until: until)
    switch phase {
    case .idle: look(asked, &actions)
    case .starting(let index, .commanding(let command), _):
      actions.append(.cut(command))
      course.move(to: .stopping(index, .cutting(command), asked))
    case .starting(let index, _, _): stopPart(index, asked, now, &actions)
    case .up: stopPart(parts.count - 1, asked, now, &actions)
    case .stopping(let index, let step, var stop):
      guard until < stop.until else { return }
      stop.until = until
      switch step {
      case .commanding(let command): actions.append(.cut(command))
      default: break
      }
      if case .waiting(let due, let asks) = step, due > until {
        return course.move(to: .stopping(index, .waiting(until: max(until, now), asks: asks && until > now), stop))
      }
      course.move(to: .stopping(index, step, stop))
    case .looking(let step, var stop):
      stop.until = min(stop.until, until)
      course.move(to: .looking(step, stop))
    case .over: break
    }
  }

  /// This part, or the next one below it of which something may be there.
  private mutating func stopPart(_ index: Int, _ stop: Stop, _ now: BootInstant, _ actions: inout [Action]) {
    for index in entries.indices { entries[index].question = nil }
    var index = index
    while index >= 0, entries[index].state == .down { index -= 1 }
    let stop = Stop(cause: stop.cause, until: stop.until)
    guard index >= 0 else { return look(stop, &actions) }
    entries[index].state = .stopping
    commandStop(index, stop, now, &actions)
  }

  private mutating func commandStop(_ index: Int, _ stop: Stop, _ now: BootInstant, _ actions: inout [Action]) {
    var stop = stop
    var until = now + Self.tidying
    if now < stop.until {
      until = max(now + Self.pause, min(now + .seconds(parts[index].stopTimeout), stop.until))
    } else {
      // Its time is over: what executes is ended first, and where it says then that it is down there is nothing to tidy up.
      stop.lateAttempts += 1
      actions.append(.kill(part: index))
      if stop.lateAttempts == 1 { return course.move(to: .stopping(index, ask(index, until: nil, now, &actions), stop)) }
    }
    let command = command(index)
    actions.append(.stop(command, until: until))
    course.move(to: .stopping(index, .commanding(command), stop))
  }

  private mutating func stops(
    _ index: Int, _ stop: Stop, _ answer: PartAnswer, _ processes: Int?, _ now: BootInstant, _ actions: inout [Action]
  ) {
    var stop = stop
    switch answer {
    case .dead where stop.lateAttempts == 1: course.move(to: .stopping(index, .waiting(until: now, asks: false), stop))
    case .down, .dead:
      if processes == 0 {
        entries[index].state = .down
        return stopPart(index - 1, stop, now, &actions)
      }
      linger(index, &stop, processes, now, &actions)
      course.move(to: .stopping(index, .waiting(until: now + Self.pause, asks: true), stop))
    case .up, .changing, .failed, .unknown:
      entries[index].state = PartState(ofStop: answer, stop.failure)
      let pause = stop.lateAttempts > 1 ? Self.latePause : stop.failure == nil ? Self.pause : Self.pauseAfterFailure
      if now >= stop.until || stop.failure != nil {
        if stop.failure != nil, now < stop.until, case .mount = parts[index].kind { actions.append(.terminate(part: index)) }
        let next = now < stop.until ? min(now + pause, stop.until) : stop.lateAttempts < 2 ? now : now + pause
        course.move(to: .stopping(index, .waiting(until: next, asks: false), stop))
      } else {
        course.move(to: .stopping(index, .waiting(until: now + pause, asks: true), stop))
      }
    }
  }

  /// It says that it is down, and something of it still executes.
  private mutating func linger(
    _ index: Int, _ stop: inout Stop, _ processes: Int?, _ now: BootInstant, _ actions: inout [Action]
  ) {
    let count =
      processes.map { "\($0) of its processes \($0 == 1 ? "is" : "are") left" }
      ?? "whether processes of it are left is not known"
    entries[index].state = .unknown("its status says that it is down, and \(count)")
    if let since = stop.lingersSince {
      if now - since >= Self.lingering { actions.append(.kill(part: index)) }
    } else {
      stop.lingersSince = now
      actions.append(now < stop.until ? .terminate(part: index) : .kill(part: index))
    }
  }

  private mutating func look(_ stop: Stop, _ actions: inout [Action]) {
    let command = command(-1)
    actions.append(.look(command))
    course.move(to: .looking(.asking(command), stop))
  }

  private mutating func looked(_ command: PartCommand, _ remains: PartsRemains, _ now: BootInstant, _ actions: inout [Action]) {
    guard case .looking(.asking(command), var stop) = phase else { return }
    stop.lateAttempts += 1
    let pause = stop.lateAttempts > 2 ? Self.latePause : Self.pause
    switch remains {
    case .none:
      course.move(to: .over(stop.cause))
      actions.append(.over(stop.cause))
      return
    case .some(let what):
      stop.failure = what
      actions.append(.killAll)
    case .unknown(let reason): stop.failure = reason
    }
    course.move(to: .looking(.waiting(until: now + pause, asks: true), stop))
  }

  /// What keeps it from being down, as a clause; nil: nothing that is known.
  public var hindrance: String? {
    switch phase {
    case .stopping(let index, _, _):
      switch entries[index].state {
      case .failed(let reason), .unknown(let reason): "\(parts[index].words): \(reason)"
      default: "\(parts[index].words) is not down"
      }
    case .looking(_, let stop): stop.failure
    default: nil
    }
  }
}
