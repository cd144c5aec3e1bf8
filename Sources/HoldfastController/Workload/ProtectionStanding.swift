import GuardCore
import HoldfastModel

/// The guard's orders about one workload, and what it may have taken of them: the only maker of the receipt for a start.
///
///     unguarded ──protect──▶ told ──forget, release──▶ forgetting ──the guard lists it no more──▶ unguarded
///                              ▲                          └──protect──▶ told anew ──the guard listed it no more──▶ told
///                              └────────────────────────────────────────────────────────────┘
///
/// Retired, it begins anew as unguarded, or as forgetting where the guard is forgetting it.
struct ProtectionStanding: Hashable, Sendable {
  private enum Standing: StateList {
    case unguarded
    /// The guard was told to protect it.
    case told(GuardedWorkload)
    /// The guard was told to forget the workload and still lists it: what it said before it took the command is no news.
    case forgetting
    /// The guard was told to protect the workload anew, and its word of before still stands.
    case toldAnew(GuardedWorkload)

    func mayBecome(_ next: Standing) -> Bool {
      switch (self, next) {
      case (.unguarded, .told), (.told, .told), (.told, .unguarded), (.told, .forgetting): true
      // Only a word of the guard without the name ends that.
      case (.forgetting, .toldAnew), (.forgetting, .unguarded), (.toldAnew, .told), (.toldAnew, .toldAnew): true
      case (.toldAnew, .forgetting), (.forgetting, .forgetting), (.unguarded, .forgetting), (.unguarded, .unguarded): true
      case (.unguarded, .toldAnew), (.told, .toldAnew), (.forgetting, .told), (.toldAnew, .unguarded): false
      }
    }
  }

  private var course = StateCourse(Standing.unguarded)

  var breach: String? { course.breach }
  /// The workload as the guard was told to protect it.
  var told: GuardedWorkload? {
    switch course.state {
    case .told(let workload), .toldAnew(let workload): workload
    case .unguarded, .forgetting: nil
    }
  }
  /// The guard lists it still, and was told to forget it.
  var isForgetting: Bool {
    switch course.state {
    case .forgetting, .toldAnew: true
    case .unguarded, .told: false
    }
  }

  // MARK: questions

  /// The guard has said that it protects the workload.
  func isAcknowledged(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool {
    !isForgetting && guardWord.workloads.contains(name.text)
  }

  /// The guard has said that it knows of a start of it.
  func isStartKnown(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool {
    !isForgetting && guardWord.starting.contains(name.text)
  }

  /// The guard's word that it knows of the start that is about to be made; nil: not yet.
  func receipt(for own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> GuardReceipt? {
    guard let spec = own.spec?.value else { return nil }
    // What may run more than once is not under the guard.
    guard !facts.rules.isExclusive(own.name, spec) || told?.isStarting == true && isStartKnown(own.name, guardWord) else {
      return nil
    }
    return GuardReceipt(workload: own.name)
  }

  // MARK: what happens

  /// The guard is told to protect the workload so.
  mutating func protects(_ workload: GuardedWorkload) { course.move(to: isForgetting ? .toldAnew(workload) : .told(workload)) }

  /// The guard is told that it no longer does.
  ///
  /// - Parameter isListed: it lists the workload now.
  mutating func ends(isListed: Bool) { course.move(to: isForgetting || isListed ? .forgetting : .unguarded) }

  /// The guard has said that it does not list the workload.
  mutating func dropped() {
    switch course.state {
    case .forgetting: course.move(to: .unguarded)
    case .toldAnew(let workload): course.move(to: .told(workload))
    case .unguarded, .told: break
    }
  }

  /// The workload is not this node's any more: that the guard is forgetting it outlives that.
  mutating func retire() { course.beginAnew(as: isForgetting ? .forgetting : .unguarded) }
}

/// The guard's word that it knows of a start, so that the deadline covers it and the next life of the controller hears of it
/// (Docs/safety.md, rule 11); or the rules' word that the workload is none of the guard's. Only `ProtectionStanding` makes it.
struct GuardReceipt: ~Copyable {
  let workload: WorkloadName

  fileprivate init(workload: WorkloadName) { self.workload = workload }
}
