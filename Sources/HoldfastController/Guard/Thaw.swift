import HoldfastModel
import HoldfastTime

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
  /// `awaited`: since when claims are awaited that are being taken anew; nil: none are.
  case settling(asked: Int?, awaited: BootInstant? = nil)
  /// The transaction is on its way.
  case validating(asked: Int?)
  /// The guard was told, and has not answered.
  case resuming(goingOn: Int)

  package func mayBecome(_ next: Thaw) -> Bool {
    switch (self, next) {
    // A wait begins, and ends; it is not put off.
    case (.settling(let asked, let since), .settling(let still, let then)):
      asked == still && (since == nil || then == nil || since == then)
    case (.settling(let asked, _), .validating(let still)): asked == still
    case (.validating(let asked), .settling(let still, let awaited)): asked == still && awaited == nil
    case (.validating, .resuming): true
    case (.resuming(let goingOn), .settling(let asked, let awaited)): goingOn == asked && awaited == nil
    // Nothing is thawed that was not validated, and nothing is validated while a thaw is on its way.
    default: self == next
    }
  }

  /// The guard was told to thaw since everything was frozen, and how many workloads go on with that.
  var asked: Int? {
    switch self {
    case .settling(let asked, _), .validating(let asked): asked
    case .resuming(let goingOn): goingOn
    }
  }
  /// Since when claims are awaited that are being taken anew; nil: none are.
  var claimsAwaitedSince: BootInstant? { if case .settling(_, let awaited) = self { awaited } else { nil } }

  /// Claims are awaited, since then unless they were before.
  func awaiting(since now: BootInstant) -> Thaw {
    if case .settling(let asked, nil) = self { .settling(asked: asked, awaited: now) } else { self }
  }
  var isSettling: Bool { if case .settling = self { true } else { false } }
  var isValidating: Bool { if case .validating = self { true } else { false } }
  var isResuming: Bool { if case .resuming = self { true } else { false } }

  /// The outcome for what was frozen, in words.
  func words(of me: NodeName) -> String {
    switch asked ?? 0 {
    case 0: "\(me) is thawed: nothing of what was frozen there continues"
    case 1: "1 workload of \(me) was thawed and continues where it was"
    case let goingOn: "\(goingOn) workloads of \(me) were thawed and continue where they were"
    }
  }
}
