import GuardCore
import HoldfastTime

/// The commands that wait to be sent to the guard: what it is to know, rather than all that was said on the way there.
///
/// The guard may be late, the controller says much when much happens, and a great part of it is outdated before it is sent. So a command takes
/// the place of what it makes superfluous, and what waits grows with the workloads, not with what is said of them.
///
/// **What is merged.**
/// - Of several `extend` only the later deadline waits, where the first of them stood.
/// - A `release` says everything about its workload: it waits alone, where the first word about the workload stood. A `forget` is not queued behind
///   it, as it forgets, too.
/// - Of several `protect` of one workload only the newest waits, where the one before it stood. A `forget` waits behind it, as a `protect` ends an
///   earlier `release`.
/// - A word that repeats the last one about its workload, and a `kill` or a `status` that waits already, are not queued again.
/// - Of several `acknowledge` only the last waits, at the end: it asks for what was commanded before it.
///
/// **What keeps its order.**
/// - A `protect` never takes the place of a `forget` or a `release` of its workload: it waits behind that one. Between the two the guard says its
///   state without the workload, and whoever told it to forget waits for that before they believe that the next `protect` was taken.
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
  /// Behind the last barrier: where the words about each workload are. Of those that can still be merged there are two at most: a `protect` and the
  /// `forget` behind it, or a `forget` or `release` and the `protect` behind it.
  private var words: [String: [Place]] = [:]
  private var kills: [String: Place] = [:]
  private var extend: Place?
  private var status: Place?
  private var acknowledge: Place?
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
    commands[0] = nil
    trim()
  }

  package mutating func removeAll() { self = CommandQueue() }

  package mutating func add(_ command: GuardCommand) {
    switch command {
    case .extend(let deadline): add(extend: deadline)
    case .protect(let workload): add(protect: command, workload.name)
    case .release(let name, _): add(release: command, name)
    case .forget(let name): add(forget: name)
    case .kill(let name): add(kill: name)
    case .status:
      if at(status) == nil { status = append(command) }
    case .acknowledge:
      if let place = acknowledge, at(place) != nil { clear(place) }
      acknowledge = append(command)
    case .hello, .shorten, .isolate, .resume, .disarm:
      guard commands.last != command else { return }
      append(command)
      (words, kills, extend, status, acknowledge) = ([:], [:], nil, nil, nil)
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

  private mutating func add(protect command: GuardCommand, _ name: String) {
    guard !isRepeated(command, about: name) else { return }
    let places = mergeable(name)
    if let last = places.last, case .protect = at(last) {
      commands[last - first] = command
      return
    }
    // Behind a `forget` or a `release` it makes the `protect` before that superfluous, and never that itself.
    for place in places.dropLast() { remove(place, about: name) }
    words[name, default: []].append(append(command))
  }

  private mutating func add(release command: GuardCommand, _ name: String) {
    guard !isRepeated(command, about: name) else { return }
    let places = mergeable(name)
    guard let place = places.first else {
      words[name, default: []].append(append(command))
      return
    }
    commands[place - first] = command
    for other in places.dropFirst() { remove(other, about: name) }
  }

  private mutating func add(forget name: String) {
    if let last = words[name]?.last {
      switch at(last) {
      case .forget, .release: return
      default: break
      }
    }
    // The guard is without the workload behind this one: an earlier word that took it away says no more.
    for place in mergeable(name).dropLast() { remove(place, about: name) }
    words[name, default: []].append(append(.forget(workload: name)))
  }

  /// It repeats the last word about its workload, and nothing that it depends on came since.
  private func isRepeated(_ command: GuardCommand, about name: String) -> Bool {
    guard let last = words[name]?.last else { return false }
    return at(last) == command && last > extend ?? -1
  }

  /// Where the words about the workload are that wait and may still be changed, in their order.
  private func mergeable(_ name: String) -> [Place] { (words[name] ?? []).filter { $0 >= settled && at($0) != nil } }

  private mutating func remove(_ place: Place, about name: String) {
    words[name]?.removeAll { $0 == place }
    clear(place)
  }

  private mutating func clear(_ place: Place) {
    commands[place - first] = nil
    count -= 1
    trim()
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

  /// The first is one that waits, as it is the next to be sent; and so is the last, so that a barrier can be compared with it.
  private mutating func trim() {
    let gone = commands.prefix { $0 == nil }.count
    commands.removeFirst(gone)
    first += gone
    while let last = commands.last, last == nil { commands.removeLast() }
  }
}
