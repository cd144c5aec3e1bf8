import HoldfastModel
import HoldfastTime

/// A shorter deadline that the guard is to confirm.
package enum Shortening: StateList {
  case none
  case asked(BootInstant)
  /// The guard has said something since.
  case answered(BootInstant)

  package func mayBecome(_ next: Shortening) -> Bool {
    switch (self, next) {
    case (.none, .asked), (_, .none): true
    case (.asked(let asked), .answered(let answered)): asked == answered
    default: self == next
    }
  }

  /// The guard has said something: answers come in order.
  var heard: Shortening { if case .asked(let deadline) = self { .answered(deadline) } else { self } }
}
