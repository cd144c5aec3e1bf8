import HoldfastModel
import HoldfastTime

/// Notices on their way to their receivers as a state machine: `(event, now) → actions`. No I/O, no clock, no tasks.
///
/// Each receiver has a line of its own, and gets one notice at a time: one that is slow or away holds up nobody else. What failed is tried again, later each
/// time; meanwhile those of the line come first that were tried less often, so that one that cannot be delivered holds up no other either.
package struct Outbox: Sendable {
  /// Notices that wait for one receiver; then the oldest of the least severe is dropped.
  package static let mostWaiting = 500
  /// So long a notice is tried; then it is given up. While this host is off no time passes.
  package static let patience: Duration = .seconds(86_400)
  /// Between two tries of a receiver that fails: from one second up, twice as long each time.
  package static let longestPause: Duration = .seconds(600)
  /// Beyond a receiver's own time limit: whoever delivers keeps that, and says so.
  package static let lateness: Duration = .seconds(5)
  /// People are told of what was dropped at most once in this time.
  package static let lossPause: Duration = .seconds(600)

  /// What is not taken at once is tried again, and is nothing to know of.
  package static let troubleAfter: Duration = .seconds(120)

  package enum Event: Hashable, Sendable {
    /// A wake-up that was asked for, or just time passing.
    case tick
    /// What waited when the program ended.
    case found(Kept)
    case post(Notice)
    case ended(serial: Int, Ending)
  }

  /// How one try ended.
  package enum Ending: Hashable, Sendable {
    case delivered
    case failed(reason: String)
  }

  package enum Action: Hashable, Sendable {
    case deliver(Attempt)
    /// What waits has changed.
    case save
    case tell([Loss])
    /// Send `tick` at this instant. A later one replaces it only by the next action of this kind.
    case wake(BootInstant)
  }

  /// One try.
  package struct Attempt: Hashable, Sendable {
    package var serial: Int
    package var notice: Notice
    package var receiver: NoticeReceiver
  }

  /// Notices that a receiver does not get.
  package struct Loss: Hashable, Sendable {
    package enum Cause: Hashable, Sendable {
      case full
      /// The last try's failure.
      case tooOld(last: String)
      case noReceiver
    }
    /// As people may see it.
    package var receiver: String
    package var count: Int
    package var cause: Cause
  }

  /// A receiver that takes nothing.
  package struct Trouble: Hashable, Sendable {
    /// As people may see it.
    package var receiver: String
    /// Notices.
    package var waiting: Int
    package var since: BootInstant
    /// The last try's failure.
    package var last: String
  }

  fileprivate enum Delivery: StateList {
    case idle
    /// Its answer is waited for until then.
    case underWay(serial: Int, notice: String, until: BootInstant)
    /// It failed: the next try begins then.
    case waiting(until: BootInstant)

    func mayBecome(_ next: Delivery) -> Bool {
      switch (self, next) {
      case (.idle, .underWay), (.underWay, .idle), (.underWay, .waiting), (.waiting, .idle): true
      default: false
      }
    }
  }

  fileprivate struct Letter: Sendable {
    var notice: Notice
    var tries: Int
    /// Then it is given up.
    var until: BootInstant
  }

  fileprivate struct Line: Sendable {
    let receiver: NoticeReceiver
    /// The oldest first.
    var letters: [Letter] = []
    var delivery = StateCourse(Delivery.idle)
    /// In a row.
    var failures = 0
    var lastFailure = "it was not tried"
    /// Since when it has taken nothing; nil: the last that was tried was taken.
    var failingSince: BootInstant?
  }

  private var lines: [Line]
  private var lastSerial = 0
  private var alarm: BootInstant?
  private var losses: [Loss] = []
  private var tellsLossesAt: BootInstant?
  private var isChanged = false
  private var actions: [Action] = []

  package init(_ receivers: [NoticeReceiver]) { lines = receivers.map { Line(receiver: $0) } }

  // MARK: questions

  /// Nothing waits, and nothing is under way.
  package var isEmpty: Bool { lines.allSatisfy(\.letters.isEmpty) }

  /// The first transition that is none of the listed ones; nil: there was none.
  package var breach: String? { lines.lazy.compactMap(\.delivery.breach).first }

  /// Receivers that have taken nothing for a while, although something waits for them.
  package func troubles(at now: BootInstant) -> [Trouble] {
    lines.compactMap { line in
      guard !line.letters.isEmpty, let since = line.failingSince, now - since >= Self.troubleAfter else { return nil }
      return Trouble(receiver: "\(line.receiver)", waiting: line.letters.count, since: since, last: line.lastFailure)
    }
  }

  // MARK: events

  package mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    switch event {
    // One that rang a moment early must not have been the last.
    case .tick: alarm = nil
    case .found(let kept): find(kept, now: now)
    case .post(let notice): post(notice, now: now)
    case .ended(let serial, let ending): ended(serial, ending, now: now)
    }
    for index in lines.indices { advance(index, now: now) }
    tellLosses(now: now)
    if isChanged { actions.append(.save) }
    isChanged = false
    if let next = nextChange, next != alarm {
      alarm = next
      actions.append(.wake(next))
    }
    defer { actions.removeAll(keepingCapacity: true) }
    return actions
  }

  /// What was there before comes before what was said since.
  private mutating func find(_ kept: Kept, now: BootInstant) {
    for line in kept.lines {
      isChanged = true
      guard let index = lines.firstIndex(where: { $0.receiver.identity == line.receiver }) else {
        lose(line.letters.count, NoticeReceiver.shown(line.receiver), .noReceiver)
        continue
      }
      let letters = line.letters.map { letter in
        // What a damaged file says is no reason to stop, or to try for ever.
        let left = letter.secondsLeft.isFinite ? max(0, min(letter.secondsLeft, Self.patience.inSeconds)) : 0
        return Letter(notice: letter.notice, tries: letter.tries, until: now + .seconds(left))
      }
      lines[index].letters.insert(contentsOf: letters, at: 0)
      dropSurplus(index)
    }
  }

  private mutating func post(_ notice: Notice, now: BootInstant) {
    for index in lines.indices where lines[index].receiver.wants(notice) {
      lines[index].letters.append(Letter(notice: notice, tries: 0, until: now + Self.patience))
      isChanged = true
      dropSurplus(index)
    }
  }

  private mutating func dropSurplus(_ index: Int) {
    while let surplus = lines[index].surplus {
      lines[index].letters.remove(at: surplus)
      lose(1, "\(lines[index].receiver)", .full)
    }
  }

  private mutating func ended(_ serial: Int, _ ending: Ending, now: BootInstant) {
    for index in lines.indices {
      // What answers after its time was given up is answered for already.
      guard case .underWay(serial, let notice, _) = lines[index].delivery.state else { continue }
      switch ending {
      case .delivered:
        lines[index].letters.removeAll { $0.notice.id == notice }
        (lines[index].failures, lines[index].failingSince) = (0, nil)
        lines[index].delivery.move(to: .idle)
        isChanged = true
      case .failed(let reason): fail(index, notice, reason, now: now)
      }
    }
  }

  private mutating func fail(_ index: Int, _ notice: String, _ reason: String, now: BootInstant) {
    lines[index].failures += 1
    lines[index].lastFailure = reason
    lines[index].failingSince = lines[index].failingSince ?? now
    if let letter = lines[index].letters.firstIndex(where: { $0.notice.id == notice }) {
      lines[index].letters[letter].tries += 1
    }
    lines[index].delivery.move(to: .waiting(until: now + Self.pause(after: lines[index].failures)))
  }

  /// - Parameter failures: in a row.
  package static func pause(after failures: Int) -> Duration {
    min(longestPause, .seconds(1 << max(0, min(failures - 1, 20))))
  }

  // MARK: time

  /// What time brings to a line: the end of a try, of a notice's life, of a pause; and then the next try.
  private mutating func advance(_ index: Int, now: BootInstant) {
    if case .underWay(_, let notice, let until) = lines[index].delivery.state, until <= now {
      fail(index, notice, "it did not end in time", now: now)
    }
    giveUpOld(index, now: now)
    if case .waiting(let until) = lines[index].delivery.state, until <= now { lines[index].delivery.move(to: .idle) }
    guard case .idle = lines[index].delivery.state, let letter = lines[index].next else { return }
    lastSerial += 1
    let receiver = lines[index].receiver
    lines[index].delivery.move(
      to: .underWay(serial: lastSerial, notice: letter.id, until: now + receiver.timeout + Self.lateness))
    actions.append(.deliver(Attempt(serial: lastSerial, notice: letter, receiver: receiver)))
  }

  private mutating func giveUpOld(_ index: Int, now: BootInstant) {
    let old = lines[index].letters.filter { $0.until <= now && $0.notice.id != lines[index].current }.map(\.notice.id)
    guard !old.isEmpty else { return }
    lines[index].letters.removeAll { old.contains($0.notice.id) }
    isChanged = true
    lose(old.count, "\(lines[index].receiver)", .tooOld(last: lines[index].lastFailure))
  }

  private var nextChange: BootInstant? {
    var instants = lines.compactMap { line -> BootInstant? in
      let old = line.letters.lazy.filter { $0.notice.id != line.current }.map(\.until).min()
      switch line.delivery.state {
      case .idle: return nil
      case .underWay(_, _, let until), .waiting(let until): return min(until, old ?? until)
      }
    }
    if !losses.isEmpty, let tellsLossesAt { instants.append(tellsLossesAt) }
    return instants.min()
  }

  // MARK: losses

  private mutating func lose(_ count: Int, _ receiver: String, _ cause: Loss.Cause) {
    if let index = losses.firstIndex(where: { $0.receiver == receiver && $0.cause.isLike(cause) }) {
      (losses[index].count, losses[index].cause) = (losses[index].count + count, cause)
    } else if count > 0 {
      losses.append(Loss(receiver: receiver, count: count, cause: cause))
    }
  }

  private mutating func tellLosses(now: BootInstant) {
    guard !losses.isEmpty, tellsLossesAt.map({ $0 <= now }) ?? true else { return }
    actions.append(.tell(losses))
    (losses, tellsLossesAt) = ([], now + Self.lossPause)
  }
}

extension Outbox.Line {
  /// The id of the notice that is under way.
  fileprivate var current: String? { if case .underWay(_, let notice, _) = delivery.state { notice } else { nil } }

  /// What is tried next: of those that were tried least the oldest.
  fileprivate var next: Notice? { letters.min { $0.tries < $1.tries }?.notice }

  /// What has no room: of the least severe the oldest; nil: there is room for all.
  fileprivate var surplus: Int? {
    guard letters.count > Outbox.mostWaiting else { return nil }
    return letters.indices.filter { letters[$0].notice.id != current }
      .min { letters[$0].notice.severity.rank < letters[$1].notice.severity.rank }
  }
}

extension Outbox.Loss.Cause {
  /// The last failure's words make no other cause.
  fileprivate func isLike(_ other: Self) -> Bool {
    switch (self, other) {
    case (.full, .full), (.tooOld, .tooOld), (.noReceiver, .noReceiver): true
    default: false
    }
  }
}

extension Outbox.Loss: CustomStringConvertible {
  /// A sentence for the log and the history.
  package var description: String {
    let notices = count == 1 ? "a notice was" : "\(count) notices were"
    return switch cause {
    case .full: "\(notices) dropped, as \(Outbox.mostWaiting) others wait for '\(receiver)'"
    case .tooOld(let last):
      "\(notices) dropped, as '\(receiver)' took none of that within \(Int(Outbox.patience.inSeconds) / 3600) hours: \(last)"
    case .noReceiver: "\(notices) dropped that waited for '\(receiver)', which is no receiver any more"
    }
  }
}

// MARK: keeping

extension Outbox {
  /// What waits, as it is kept for the next start of the daemon.
  package struct Kept: Hashable, Sendable, Codable {
    package struct Line: Hashable, Sendable, Codable {
      package var receiver: String
      package var letters: [Letter]
    }
    package struct Letter: Hashable, Sendable, Codable {
      package var notice: Notice
      package var tries: Int
      package var secondsLeft: Double
    }
    package var version = 1
    package var lines: [Line]
  }

  package func kept(now: BootInstant) -> Kept {
    Kept(
      lines: lines.filter { !$0.letters.isEmpty }.map { line in
        Kept.Line(
          receiver: line.receiver.identity,
          letters: line.letters.map { Kept.Letter(notice: $0.notice, tries: $0.tries, secondsLeft: ($0.until - now).inSeconds) }
        )
      })
  }
}
