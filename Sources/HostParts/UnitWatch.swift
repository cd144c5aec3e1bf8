import HoldfastModel

/// One systemd unit, as what systemd tells of it makes it: the part's answer, without a question to anybody. Pure: readings are events.
///
/// A run of a unit, which systemd numbers by its invocation, goes forward alone: it is activating, active, deactivating, and over. With another run, and after
/// a time in which nobody could tell, the story begins anew. What is told in another order is not believed, and the next reading decides.
public struct UnitWatch: Hashable, Sendable {
  public enum Event: Hashable, Sendable {
    case read(UnitFacts)
    /// Nobody can tell how it is, and why.
    case lost(String)
  }

  /// What a unit is that does not execute.
  enum Rest: Hashable, Sendable {
    case inactive
    /// Something is queued for it, and has not begun.
    case queued
    case failed(String)
  }

  enum State: StateList {
    /// Nobody can tell, and why.
    case unseen(String)
    case over(run: String, Rest)
    case starting(run: String, step: String)
    case up(run: String)
    /// Also when systemd is about to start it again by itself, which is not in force for a part.
    case stopping(run: String, step: String)
    /// It executes, and what puts it under the guard is not in force any more.
    case astray(run: String)

    func mayBecome(_ next: State) -> Bool {
      switch (self, next) {
      case (.starting, .starting), (.starting, .up), (.starting, .stopping), (.starting, .over), (.starting, .astray),
        (.up, .up), (.up, .stopping), (.up, .over), (.up, .astray), (.stopping, .stopping), (.stopping, .over),
        (.astray, .astray), (.astray, .up), (.astray, .stopping), (.astray, .over), (.over, .over):
        true
      default: false
      }
    }
  }

  private var course = StateCourse(State.unseen("systemd has not told of it yet"))
  private var state: State { course.state }

  public init() {}

  public mutating func take(_ event: Event) {
    switch event {
    case .lost(let reason): course.beginAnew(as: .unseen(reason))
    case .read(let facts):
      let next = State(facts)
      guard let run = state.run, let nextRun = next.run, run == nextRun else { return course.beginAnew(as: next) }
      guard state.mayBecome(next) else {
        return course.beginAnew(
          as: .unseen("systemd tells that it is \(next.words), and told before that it was \(state.words), in one run"))
      }
      course.move(to: next)
    }
  }

  // MARK: questions

  /// Whether what was read last holds.
  public var isSeen: Bool { if case .unseen = state { false } else { true } }

  public var answer: PartAnswer {
    switch state {
    case .unseen(let reason): .unknown(reason)
    case .up: .up
    case .over(_, .inactive): .down
    case .over(_, .failed(let reason)): .failed(reason)
    case .over(_, .queued), .starting, .stopping: .changing(state.words)
    case .astray: .failed("its settings were changed, so that the guard would not stop it: `systemctl cat` shows them")
    }
  }
}

extension UnitWatch.State {
  /// nil: that is not known.
  fileprivate var run: String? {
    switch self {
    case .unseen: nil
    case .over(let run, _), .starting(let run, _), .up(let run), .stopping(let run, _), .astray(let run): run
    }
  }

  fileprivate init(_ facts: UnitFacts) {
    let run = facts.invocation
    switch facts.activity {
    case .inactive, .failed: self = .over(run: run, UnitWatch.Rest(facts))
    case .deactivating: self = .stopping(run: run, step: facts.step)
    // systemd calls it activating.
    case .activating where facts.step.hasPrefix("auto-restart"): self = .stopping(run: run, step: facts.step)
    case .active where facts.isCovered: self = .up(run: run)
    case .activating where facts.isCovered: self = .starting(run: run, step: facts.step)
    case .active, .activating: self = .astray(run: run)
    case .other(let word): self = .unseen("systemd tells that it is \(word), which this build does not know")
    }
  }

  /// After "it is".
  fileprivate var words: String {
    switch self {
    case .unseen: "unknown"
    case .over(_, .inactive): "inactive"
    case .over(_, .queued): "queued"
    case .over(_, .failed): "failed"
    case .starting(_, let step): "activating (\(step))"
    case .up: "active"
    case .stopping(_, let step): "deactivating (\(step))"
    case .astray: "outside of the guard's partition"
    }
  }
}

extension UnitWatch.Rest {
  fileprivate init(_ facts: UnitFacts) {
    if facts.job != nil {
      self = .queued
    } else if facts.activity == .failed {
      self = .failed("systemd tells \(facts.result)\(facts.mainStatus.map { ", status \($0)" } ?? "")")
    } else {
      self = .inactive
    }
  }
}
