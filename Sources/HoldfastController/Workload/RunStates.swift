import HoldfastModel
import HoldfastTime

/// A call that ended; only its effect is waited for.
struct EndedCall: Hashable, Sendable {
  var at: BootInstant
  /// How many inventories its connection had given then.
  var inventories: Int
  /// Everything was asked to be observed anew.
  var isRefreshed = false
  /// The call did not say what came of it.
  var isUnknown: Bool
}

/// What was asked of libvirt for a workload and is not settled.
enum RunPhase: StateList {
  case idle
  case calling(DomainOperation)
  case settling(DomainOperation, EndedCall)

  func mayBecome(_ next: RunPhase) -> Bool {
    switch (self, next) {
    case (.idle, .calling), (.calling, .idle), (.settling, .idle): true
    // What is waited for is the effect of that very call.
    case (.calling(let called), .settling(let settled, _)), (.settling(let called, _), .settling(let settled, _)):
      called == settled
    default: false
    }
  }
}

/// What people were told of the domain: that it runs, that it is ended for a check, or that the guard killed it.
enum RunTold: StateList {
  case nothing
  /// - Parameter well: since when it has run well, as far as its checks say; nil: they do not say so.
  case running(since: BootInstant, well: BootInstant?)
  /// A check of it fails, or it crashed and is kept: it is ended for that, which is counted already.
  case ending
  /// libvirt may show it for a moment more.
  case killed

  func mayBecome(_ next: RunTold) -> Bool {
    switch (self, next) {
    case (.nothing, .running), (.running, .killed), (.running, .nothing), (.killed, .nothing): true
    // Only what its checks say of it may change.
    case (.running(let since, let well), .running(let other, let next)): since == other && well != next
    // It may fail before it was told that it runs; and it may recover before it has ended.
    case (.nothing, .ending), (.running, .ending), (.ending, .running), (.ending, .killed), (.ending, .nothing): true
    // What was killed is gone before it runs again, and is not ended besides.
    case (.killed, .running), (.killed, .ending), (.nothing, .killed): false
    case (.ending, .ending), (.killed, .killed), (.nothing, .nothing): false
    }
  }
}

/// The consequence of a call's end for other machines.
enum RunConsequence: Hashable, Sendable {
  case none
  /// - Parameter hindrance: nil: it is the workload's own.
  case migrationFailed(Hindrance?, reason: String)
  case migrationArrived
  case tooLate
  /// Starts were barred here by an earlier life: so one of them may still come.
  case wasBarred
}
