import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import HostParts

/// Puts an error between the core or the guard and the world around it. Tests prove with it that the invariants would see such an
/// error; nothing else uses it. One for every life of a controller, and one for every life of a guard.
public protocol Tampering: AnyObject {
  /// The times that a controller is told.
  func timing(_ timing: Timing) -> Timing
  /// What an earlier life left in the runtime directory.
  func saved(_ saved: OwnSession.Saved?) -> OwnSession.Saved?
  /// What is done instead of what the controller asked for.
  func actions(for action: Action, _ scene: Scene) -> [Action]
  /// What the controller is told instead of what happened.
  func events(for event: Event, _ scene: Scene) -> [Event]

  /// Workloads made of parts that a controller finds at its start.
  func foundParts(_ found: [WorkloadName]) -> [WorkloadName]
  /// What starts a part of a workload runs where the guard freezes and kills.
  var coversStarts: Bool { get }
  /// What is done instead of what a sequence of parts asked for.
  func partActions(for action: PartSequence.Action, _ scene: PartScene) -> [PartSequence.Action]
  /// What a sequence of parts is told instead of what happened.
  func partEvents(for event: PartSequence.Event, _ scene: PartScene) -> [PartSequence.Event]

  /// What a guard is told that it finds at its start.
  func found(_ found: GuardMachine.FoundAtStart) -> GuardMachine.FoundAtStart
  /// What the guard is told instead of what happened.
  func guardEvents(for event: GuardMachine.Event) -> [GuardMachine.Event]
  /// What is done instead of what the guard asked for, and what it is told at once.
  func guardActions(for action: GuardMachine.Action) -> (done: [GuardMachine.Action], told: [GuardMachine.Event])
}

extension Tampering {
  public func timing(_ timing: Timing) -> Timing { timing }
  public func saved(_ saved: OwnSession.Saved?) -> OwnSession.Saved? { saved }
  public func actions(for action: Action, _ scene: Scene) -> [Action] { [action] }
  public func events(for event: Event, _ scene: Scene) -> [Event] { [event] }
  public func foundParts(_ found: [WorkloadName]) -> [WorkloadName] { found }
  public var coversStarts: Bool { true }
  public func partActions(for action: PartSequence.Action, _ scene: PartScene) -> [PartSequence.Action] { [action] }
  public func partEvents(for event: PartSequence.Event, _ scene: PartScene) -> [PartSequence.Event] { [event] }
  public func found(_ found: GuardMachine.FoundAtStart) -> GuardMachine.FoundAtStart { found }
  public func guardEvents(for event: GuardMachine.Event) -> [GuardMachine.Event] { [event] }
  public func guardActions(for action: GuardMachine.Action) -> (done: [GuardMachine.Action], told: [GuardMachine.Event]) {
    ([action], [])
  }
}

/// What is the case around a controller when something is tampered with.
public struct Scene: Sendable {
  public var node: NodeName
  /// On the node's own clock.
  public var now: BootInstant
  public var core: Controller
  public var store: StoreModel<RecordKey, Record>
  /// A transaction of this controller that was not concluded yet.
  public var transactions: [TransactionID: ClusterTransaction]
}

/// What is the case around a sequence of parts when something is tampered with.
public struct PartScene: Sendable {
  public var node: NodeName
  public var workload: WorkloadName
  public var sequence: PartSequence
}
