import HoldfastModel

/// The way from "everything is frozen" to going on: what lost its claim is killed, the claims of the rest are validated by a transaction, and
/// only with its answer is the guard told to thaw.
///
///     settling ──everything decided──▶ validating ──committed──▶ resuming ──▶ armed
///        ▲                                 │                        │
///        └────────failed, session lost─────┴────refused by guard────┘
///
/// `asked`: so many workloads were to go on with an earlier thaw, and the guard refused that or another command: it may come still. nil: none was
/// asked for since everything was frozen.
package enum Thaw: StateList {
  case settling(asked: Int?)
  /// The transaction is on its way.
  case validating(asked: Int?)
  /// The guard was told, and has not answered.
  case resuming(goingOn: Int)

  package func mayBecome(_ next: Thaw) -> Bool {
    switch (self, next) {
    case (.settling(let asked), .validating(let still)), (.validating(let asked), .settling(let still)): asked == still
    case (.validating, .resuming): true
    case (.resuming(let goingOn), .settling(let asked)): goingOn == asked
    // Nothing is thawed that was not validated, and nothing is validated while a thaw is on its way.
    default: self == next
    }
  }

  /// The guard was told to thaw since everything was frozen, and how many workloads go on with that.
  var asked: Int? {
    switch self {
    case .settling(let asked), .validating(let asked): asked
    case .resuming(let goingOn): goingOn
    }
  }
  var isSettling: Bool { if case .settling = self { true } else { false } }
  var isValidating: Bool { if case .validating = self { true } else { false } }
  var isResuming: Bool { if case .resuming = self { true } else { false } }

  /// What became of what was frozen, for people.
  func words(of me: NodeName) -> String {
    switch asked ?? 0 {
    case 0: "\(me) is thawed: nothing of what was frozen there goes on"
    case 1: "1 workload of \(me) was thawed and goes on where it was"
    case let goingOn: "\(goingOn) workloads of \(me) were thawed and go on where they were"
    }
  }
}
