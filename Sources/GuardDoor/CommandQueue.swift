import GuardProtocol

/// The commands that wait to be sent to the guard: what it is to know, rather than all that was said on the way there.
///
/// The guard may be late, the controller says much when much happens, and a great part of it is outdated before it is sent. So a command takes
/// the place of what it makes superfluous, and what waits grows with the workloads, not with what is said of them.
///
/// **What is merged.**
/// - Of several `extend` only the later deadline waits, where the first of them stood.
/// - Of what the guard is told about one workload, `protect` and `release` say everything: only the newest of them waits, where the word before it
///   stood. A `forget` waits behind a `protect` (which ends an earlier `release`), and not behind a `release`, which forgets, too.
/// - A word that repeats the last one about its workload, and a `kill` or a `status` that waits already, are not queued again.
///
/// **What keeps its order.**
/// - `shorten`, `isolate`, `resume`, `disarm` (and `hello`) are barriers: nothing is merged across one. One that repeats the last command
///   that waits is not queued again.
/// - No word about a workload moves across an `extend`: without a deadline the guard refuses what runs.
/// - None moves across a `kill`, of any workload: a kill of what is in no known cgroup spares the cgroups that are known at that moment.
/// - A `kill` is queued again when another word about its workload was: it may be aimed at another run.
package struct CommandQueue: Sendable {
  /// Counted from the first command ever.
  private typealias Place = Int

  /// nil: made superfluous.
  private var commands: [GuardCommand?] = []
  /// The place of the first of them.
  private var first: Place = 0
  /// Behind the last barrier: where the words about each workload are, one or a `protect` and a `forget`.
  private var words: [String: [Place]] = [:]
  private var kills: [String: Place] = [:]
  private var extend: Place?
  private var status: Place?
  /// Words about workloads that stand before this place stay as they are.
  private var settled: Place = 0
  /// How many wait.
  package private(set) var count = 0

  package init() {}

  /// The next to be sent.
  package var next: GuardCommand? { commands.first ?? nil }

  /// The next was sent.
  package mutating func removeNext() {
    guard count > 0 else { return }
    count -= 1
    var gone = 1
    while gone < commands.count, commands[gone] == nil { gone += 1 }
    commands.removeFirst(gone)
    first += gone
  }

  package mutating func removeAll() { self = CommandQueue() }

  package mutating func add(_ command: GuardCommand) {
    switch command {
    case .extend(let deadline): add(extend: deadline)
    case .protect(let workload): add(command, about: workload.name)
    case .release(let name, _): add(command, about: name)
    case .forget(let name): add(forget: name)
    case .kill(let name): add(kill: name)
    case .status:
      if at(status) == nil { status = append(command) }
    case .hello, .shorten, .isolate, .resume, .disarm:
      guard commands.last != command else { return }
      append(command)
      (words, kills, extend, status) = ([:], [:], nil, nil)
    }
  }

  private mutating func add(extend deadline: BootInstant) {
    if let place = extend, case .extend(let waiting) = at(place) {
      commands[place - first] = .extend(deadline: max(waiting, deadline))
    } else {
      let place = append(.extend(deadline: deadline))
      extend = place
      settled = place
    }
  }

  private mutating func add(_ command: GuardCommand, about name: String) {
    let known = words[name] ?? []
    if let last = known.last, at(last) == command, last > extend ?? -1 { return }
    guard let place = known.first(where: { $0 >= settled && at($0) != nil }) else {
      words[name] = [append(command)]
      return
    }
    commands[place - first] = command
    for other in known where other > place {
      commands[other - first] = nil
      count -= 1
    }
    words[name] = [place]
    trim()
  }

  private mutating func add(forget name: String) {
    let command = GuardCommand.forget(workload: name)
    let known = words[name] ?? []
    if let last = known.last {
      switch at(last) {
      case .forget, .release: return
      default: break
      }
    }
    words[name] = known + [append(command)]
  }

  private mutating func add(kill name: String) {
    if let place = kills[name], at(place) != nil, place > words[name]?.last ?? -1 { return }
    let place = append(.kill(workload: name))
    kills[name] = place
    settled = place
  }

  @discardableResult
  private mutating func append(_ command: GuardCommand) -> Place {
    commands.append(command)
    count += 1
    return first + commands.count - 1
  }

  /// What waits there; nil when it was sent.
  private func at(_ place: Place?) -> GuardCommand? {
    guard let place, place >= first else { return nil }
    return commands[place - first]
  }

  /// The last is one that waits, so that a barrier can be compared with it.
  private mutating func trim() {
    while let last = commands.last, last == nil { commands.removeLast() }
  }
}
