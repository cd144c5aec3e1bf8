import GuardCore
import HoldfastController
import HoldfastModel
import Simulator

/// A rule of the core or the guard, broken on purpose from outside.
struct Mutant: Sendable, CustomStringConvertible {
  /// What is done instead of what is right.
  var name: String
  var make: @Sendable () -> any Tampering
  /// What goes wrong besides what does in every dense storm, and the mean time between two of a kind.
  var faults: [FaultKind: Span]
  /// What must see it; nil: any invariant.
  var breaks: Invariant?
  /// Workloads have checks, and services fail.
  var withChecks: Bool
  /// Workloads have addresses, and these fail.
  var withAddresses: Bool
  /// Nodes have checks of their own, and fail them.
  var withNodeChecks: Bool
  /// Workloads are made of parts of the host, and these fail.
  var withParts: Bool

  init(
    _ name: String, faults: [FaultKind: Span] = [:], breaks: Invariant? = nil, withChecks: Bool = false,
    withAddresses: Bool = false, withNodeChecks: Bool = false, withParts: Bool = false,
    _ make: @escaping @Sendable () -> any Tampering
  ) {
    self.name = name
    self.faults = faults
    self.breaks = breaks
    self.withChecks = withChecks
    self.withAddresses = withAddresses
    self.withNodeChecks = withNodeChecks
    self.withParts = withParts
    self.make = make
  }

  /// A storm to find it in.
  func settings(seed: UInt64) -> Settings {
    var settings = Settings.dense(
      seed: seed, checks: withChecks, addresses: withAddresses, nodeChecks: withNodeChecks, parts: withParts)
    settings.faults.intervals.merge(faults) { $1 }
    return settings
  }

  var description: String { name }

  static let all: [Mutant] =
    guards + sessions + claims + hypervisors + planners + maintenance + checks + addresses
    + nodeChecks + parts
}

extension ClusterTransaction {
  /// Renews its sender's session: changes one, and nothing else.
  var isRenewal: Bool {
    guard writes.count == 1, conditions.count == 1, case .put(.session, _)? = writes.first else { return false }
    if case .unchanged(.session, _)? = conditions.first { return true }
    return false
  }

  /// Ends sessions without opening one: another's, or at a departure the own.
  var endsSession: Bool {
    let opens = writes.contains { if case .put(.session, _) = $0 { true } else { false } }
    return !opens && writes.contains { if case .delete(.session) = $0 { true } else { false } }
  }

  var takesClaims: Bool {
    writes.contains {
      if case .put(.claim, .claim(let claim)) = $0 { claim.holder != nil && claim.activity == .starting } else { false }
    }
  }

  var places: Bool {
    let claims = writes.contains { if case .claim = $0.key { true } else { false } }
    return !claims && writes.contains { if case .put(.placement, _) = $0 { true } else { false } }
  }
}

extension Action {
  /// The same action with another transaction, where it has one that suits.
  func changing(_ suits: (ClusterTransaction) -> Bool, _ change: (inout ClusterTransaction) -> Void) -> [Action] {
    guard case .transact(let id, var transaction, let until) = self, suits(transaction) else { return [self] }
    change(&transaction)
    return [.transact(id, transaction, until: until)]
  }
}

/// Changes actions one by one.
final class ActionMutant: Tampering {
  private let change: (Action, Scene) -> [Action]

  init(_ change: @escaping (Action, Scene) -> [Action]) { self.change = change }

  func actions(for action: Action, _ scene: Scene) -> [Action] { change(action, scene) }
}

/// Changes events one by one.
final class EventMutant: Tampering {
  private let change: (Event, Scene) -> [Event]

  init(_ change: @escaping (Event, Scene) -> [Event]) { self.change = change }

  func events(for event: Event, _ scene: Scene) -> [Event] { change(event, scene) }
}

/// Tells controllers other times.
final class TimingMutant: Tampering {
  private let change: (inout Timing) -> Void

  init(_ change: @escaping (inout Timing) -> Void) { self.change = change }

  func timing(_ timing: Timing) -> Timing {
    var timing = timing
    change(&timing)
    return timing
  }
}

/// Changes what a guard asks for.
final class GuardActionMutant: Tampering {
  typealias Instead = (done: [GuardMachine.Action], told: [GuardMachine.Event])
  private let change: (GuardMachine.Action) -> Instead

  init(_ change: @escaping (GuardMachine.Action) -> Instead) { self.change = change }

  func guardActions(for action: GuardMachine.Action) -> Instead { change(action) }
}

/// Changes what a guard is told.
final class GuardEventMutant: Tampering {
  private let change: (GuardMachine.Event) -> [GuardMachine.Event]

  init(_ change: @escaping (GuardMachine.Event) -> [GuardMachine.Event]) { self.change = change }

  func guardEvents(for event: GuardMachine.Event) -> [GuardMachine.Event] { change(event) }
}
