import HoldfastModel
import HoldfastTime

/// One part as its workload's node knows it.
public enum PartState: Hashable, Sendable, Codable {
  case down
  case starting
  case up
  case stopping
  /// Its own status says so, and why.
  case failed(String)
  /// Nobody can tell, and why: never taken for down.
  case unknown(String)

  public var words: String {
    switch self {
    case .down: "down"
    case .starting: "starting"
    case .up: "up"
    case .stopping: "stopping"
    case .failed(let reason): "failed: \(reason)"
    case .unknown(let reason): "unknown: \(reason)"
    }
  }
}

extension PartState {
  /// As its node tells it; nil: it is up.
  public func trouble(of part: String) -> PartTrouble? {
    switch self {
    case .down: PartTrouble(part, .down)
    case .starting: PartTrouble(part, .starting)
    case .up: nil
    case .stopping: PartTrouble(part, .stopping)
    case .failed(let reason): PartTrouble(part, .failed, reason: InWords.oneLine(reason))
    case .unknown(let reason): PartTrouble(part, .unknown, reason: InWords.oneLine(reason))
    }
  }

  /// While it is being stopped and is not down.
  ///
  /// - Parameter failure: why the last stop failed.
  init(ofStop answer: PartAnswer, _ failure: String?) {
    if let failure {
      self = .failed("its stop failed: \(failure)")
      return
    }
    switch answer {
    case .failed(let reason): self = .failed(reason)
    case .unknown(let reason): self = .unknown(reason)
    case .up, .changing, .down, .dead: self = .stopping
    }
  }
}

/// What a part's own status says.
public enum PartAnswer: Hashable, Sendable {
  case up
  case down
  /// On its way from the one to the other, as words after "it is": not up yet, and not down.
  case changing(String)
  /// Dead, and something of it is left behind, such as its PID file.
  case dead(String)
  case failed(String)
  /// The question could not be asked, or was not answered in time.
  case unknown(String)

  var isChanging: Bool { if case .changing = self { true } else { false } }
}

/// How a part's start or stop ended, as far as its command tells. What is true is what its status says afterwards.
public enum PartCommandEnd: Hashable, Sendable {
  case done
  case failed(String)
  case timedOut
  /// A start: nothing was begun, and so there is nothing to be stopped.
  case refused(String)
}

/// What is left of the whole workload.
public enum PartsRemains: Hashable, Sendable {
  case none
  case some(String)
  /// That cannot be told, and why.
  case unknown(String)
}

/// How a workload's run ended.
public enum PartsEnd: Hashable, Sendable {
  case asked
  case startFailed(String)
  /// A part of it ended or failed by itself.
  case failed(String)
  /// The controller ended while it was being started: nobody saw how that went.
  case cutShort
}

/// One order to the world, so that what comes back is not taken for an answer to another.
public struct PartCommand: Hashable, Sendable {
  /// The part; -1: the whole workload.
  public var part: Int
  public var serial: Int

  public init(part: Int, serial: Int) {
    self.part = part
    self.serial = serial
  }
}

extension PartSequence {
  public enum Event: Hashable, Sendable {
    case start
    /// By then it is to be down; what is not is killed. Zero time left: at once.
    case stop(until: BootInstant)
    case ended(PartCommand, PartCommandEnd)
    /// - Parameter processes: in the part's own cgroup, besides the status itself; nil: that cannot be told.
    case answered(PartCommand, PartAnswer, processes: Int?)
    case looked(PartCommand, PartsRemains)
    /// A part that is watched may be another now than when it was last asked.
    case changed(part: Int)
    case tick
  }

  public enum Action: Hashable, Sendable {
    case start(PartCommand, until: BootInstant)
    case ask(PartCommand, until: BootInstant)
    case stop(PartCommand, until: BootInstant)
    /// The command is given up: it is ended, and its end is an event like any other.
    case cut(PartCommand)
    /// SIGTERM to what keeps the part from being down: its processes; of a mount those of the workload that hold it.
    case terminate(part: Int)
    /// SIGKILL to the same.
    case kill(part: Int)
    case killAll
    /// To look what is left of the whole workload.
    case look(PartCommand)
    case over(PartsEnd)
  }

  /// What is known of one part.
  struct Entry: Hashable, Sendable {
    var state: PartState
    /// Answers in a row by which it is not up.
    var bad = 0
    /// Since when it has been on its way.
    var changesSince: BootInstant?
    var nextQuestion: BootInstant
    var question: PartCommand?
    /// It changed while it was being asked: it is asked once more.
    var isStale = false
  }

  /// What is under way with the part whose turn it is.
  enum Step: Hashable, Sendable {
    case commanding(PartCommand)
    case asking(PartCommand)
    case waiting(until: BootInstant, asks: Bool)
    /// Its start was cut, and has not ended yet.
    case cutting(PartCommand)
  }

  /// The stop of the part whose turn it is.
  struct Stop: Hashable, Sendable {
    var cause: PartsEnd
    var until: BootInstant
    /// Why the last command failed.
    var failure: String?
    var lingersSince: BootInstant?
    /// Attempts after its time was over.
    var lateAttempts = 0
  }

  enum Phase: StateList {
    case idle
    case starting(Int, Step, until: BootInstant)
    case up
    case stopping(Int, Step, Stop)
    case looking(Step, Stop)
    case over(PartsEnd)

    func mayBecome(_ next: Phase) -> Bool {
      switch (self, next) {
      case (.idle, .starting), (.idle, .looking), (.starting, .starting), (.starting, .up), (.starting, .stopping),
        (.starting, .looking), (.up, .stopping), (.stopping, .stopping), (.stopping, .looking), (.looking, .looking),
        (.looking, .over):
        true
      default: false
      }
    }
  }
}
