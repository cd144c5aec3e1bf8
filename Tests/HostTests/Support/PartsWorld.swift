import HoldfastModel
import HoldfastTime
import HostParts

/// A host on virtual time that does what a sequence wants done: parts come up and go down as it is told, unless a table says otherwise.
struct PartsWorld {
  /// What becomes of an order.
  enum Course: Hashable {
    case works
    case fails
    /// It is not over when its time is.
    case hangs
    case refuses
    /// Its command ends well, and nothing comes of it.
    case lies
  }

  var sequence: PartSequence
  var now = BootInstant(nanoseconds: 1_000_000_000)
  /// By part.
  var starts: [Int: Course] = [:]
  var stops: [Int: Course] = [:]
  var answers: [Int: PartAnswer] = [:]
  /// Parts that leave a process behind when they stop; and those whose processes survive a SIGKILL, as they hang in the kernel.
  var lingering: Set<Int> = []
  var immortal: Set<Int> = []
  /// What the last look at everything finds, beside the parts.
  var remains: PartsRemains = .none

  private(set) var up: Set<Int> = []
  private(set) var processes: Set<Int> = []
  private(set) var log: [String] = []
  private(set) var end: PartsEnd?
  private var coming: [(at: BootInstant, event: PartSequence.Event)] = []

  init(_ parts: [HostPart]) { sequence = PartSequence(parts) }

  /// As an earlier life left it: everything is there.
  init(_ parts: [HostPart], found isUp: Bool) {
    sequence = PartSequence(parts, found: isUp, now: now)
    (up, processes) = (Set(parts.indices), Set(parts.indices))
  }

  mutating func take(_ event: PartSequence.Event) {
    for action in sequence.take(event, now: now) { perform(action) }
  }

  /// Lets time pass, event by event.
  mutating func run(for time: Duration) {
    let until = now + time
    var events = 0
    while events < 10_000 {
      events += 1
      let next = [coming.map(\.at).min(), sequence.alarm].compactMap { $0 }.min()
      guard let next, next <= until else { break }
      now = max(now, next)
      if let index = coming.firstIndex(where: { $0.at <= now }) {
        take(coming.remove(at: index).event)
      } else {
        take(.tick)
      }
    }
    now = until
  }

  private mutating func perform(_ action: PartSequence.Action) {
    switch action {
    case .start(let command, let until): start(command, until)
    case .stop(let command, let until): stop(command, until)
    case .ask(let command, _):
      log.append("ask \(command.part)")
      let count = processes.contains(command.part) ? 1 : 0
      let answer = answers[command.part] ?? (up.contains(command.part) ? .up : .down)
      coming.append((now + .milliseconds(10), .answered(command, answer, processes: count)))
    case .cut(let command):
      log.append("cut \(command.part)")
      coming.removeAll { $0.event.command == command }
      coming.append((now + .milliseconds(10), .ended(command, .timedOut)))
    case .terminate(let part): log.append("term \(part)")
    case .kill(let part):
      log.append("kill \(part)")
      if !immortal.contains(part) {
        processes.remove(part)
        up.remove(part)
      }
    case .killAll: log.append("kill all")
    case .look(let command):
      log.append("look")
      let left: PartsRemains = processes.isEmpty ? remains : .some("processes")
      coming.append((now + .milliseconds(10), .looked(command, left)))
    case .over(let end):
      log.append("over")
      self.end = end
    }
  }

  private mutating func start(_ command: PartCommand, _ until: BootInstant) {
    log.append("start \(command.part)")
    let course = starts[command.part] ?? .works, soon = now + .milliseconds(100)
    switch course {
    case .refuses: return coming.append((soon, .ended(command, .refused("it is there"))))
    case .fails: coming.append((soon, .ended(command, .failed("status 1"))))
    case .hangs: coming.append((until, .ended(command, .timedOut)))
    case .lies: return coming.append((soon, .ended(command, .done)))
    case .works:
      up.insert(command.part)
      coming.append((soon, .ended(command, .done)))
    }
    // What fails may have left something behind.
    processes.insert(command.part)
  }

  private mutating func stop(_ command: PartCommand, _ until: BootInstant) {
    log.append("stop \(command.part)")
    let soon = now + .milliseconds(100)
    switch stops[command.part] ?? .works {
    case .fails, .refuses: coming.append((soon, .ended(command, .failed("busy"))))
    case .hangs: coming.append((until, .ended(command, .timedOut)))
    case .lies: coming.append((soon, .ended(command, .done)))
    case .works:
      up.remove(command.part)
      if !lingering.contains(command.part), !immortal.contains(command.part) { processes.remove(command.part) }
      coming.append((soon, .ended(command, .done)))
    }
  }

  /// A part ends by itself.
  mutating func crash(_ part: Int) {
    up.remove(part)
    processes.remove(part)
  }

  mutating func forgetLog() { log = [] }
}

extension PartSequence.Event {
  fileprivate var command: PartCommand? {
    switch self {
    case .ended(let command, _), .answered(let command, _, _), .looked(let command, _): command
    case .start, .stop, .changed, .tick: nil
    }
  }
}

/// A mount, a script and an agent.
let threeParts = [
  HostPart(name: "data", kind: .mount(MountPart(what: "/dev/vg/data", place: "/srv/data"))),
  HostPart(name: "server", kind: .script(ScriptPart(start: ["/x/start"], stop: ["/x/stop"], status: ["/x/status"]))),
  HostPart(name: "web", kind: .ocf(AgentPart(agent: "ocf:heartbeat:nginx")))
]
