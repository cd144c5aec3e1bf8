import HoldfastPlanning

/// An executable that is asked before, or told after, what this node does with a workload.
public struct Hook: Hashable, Sendable {
  /// What a node does with a workload, as far as anybody is asked about it.
  public enum Act: String, CaseIterable, Hashable, Sendable {
    case start, stop, migrate
  }

  /// What follows when a hook says no, hangs, or cannot be run.
  public enum OnFailure: String, CaseIterable, Hashable, Sendable {
    /// It is not done: of a stop, it is done all the same.
    case refuse
    /// It is done all the same, and the failure is logged.
    case ignore
  }

  /// Hooks in one configuration.
  package static let most = 16
  /// What one run may take, unless the configuration says otherwise.
  public static let usualTimeout: Duration = .seconds(10)
  /// A start that waits for its hook keeps one of the few places for starts from others.
  package static let allowedTimeouts: ClosedRange<Duration> = .milliseconds(100) ... .seconds(60)

  /// The executable's absolute path.
  public var path: String
  /// Asked before these.
  public var before: Set<Act>
  /// Told after these.
  public var after: Set<Act>
  /// The workloads that it is about.
  public var workloads: Selection
  /// After that it is killed, and has failed.
  public var timeout: Duration
  public var onFailure: OnFailure

  public init(
    _ path: String, before: Set<Act> = [], after: Set<Act> = [], workloads: Selection = .all,
    timeout: Duration = usualTimeout, onFailure: OnFailure = .refuse
  ) {
    self.path = path
    self.before = before
    self.after = after
    self.workloads = workloads
    self.timeout = timeout
    self.onFailure = onFailure
  }

  /// Whether it is asked or told at this moment, of whatever workload.
  package func isFor(_ moment: HookMoment) -> Bool {
    switch moment {
    case .before(let act): before.contains(act)
    case .after(let act): after.contains(act)
    }
  }
}

/// When hooks are run.
public enum HookMoment: Hashable, Sendable {
  case before(Hook.Act)
  case after(Hook.Act)

  public static let all: [HookMoment] = Hook.Act.allCases.flatMap { [.before($0), .after($0)] }

  public var act: Hook.Act {
    switch self {
    case .before(let act), .after(let act): act
    }
  }

  /// As executables are told it: `before-start`.
  public var name: String {
    switch self {
    case .before(let act): "before-\(act.rawValue)"
    case .after(let act): "after-\(act.rawValue)"
    }
  }
}
