import HoldfastController
import HoldfastTime

/// How long the store has not answered this node, for people.
///
/// A renewal says more than any other answer, since what runs here hangs on it: while a session stands and was renewed, only renewals count.
package struct StoreContact: Hashable, Sendable {
  /// Between two questions of a node that renews no session.
  package static let interval: Duration = .seconds(1)

  /// When it last answered anything that this node asked of it; nil: never.
  private var heard: BootInstant?

  package init() {}

  package mutating func take(_ event: Event, at now: BootInstant) {
    switch event {
    case .store(.listed), .transaction(_, .verdict), .committed: answered(at: now)
    default: break
    }
  }

  package mutating func answered(at now: BootInstant) { heard = now }

  /// - Parameter renewed: when the last renewal of the session that stands was sent; nil: there is none that was renewed.
  /// - Returns: nil: it has never answered.
  package func silence(renewed: BootInstant?, at now: BootInstant) -> Duration? { (renewed ?? heard).map { now - $0 } }
}
