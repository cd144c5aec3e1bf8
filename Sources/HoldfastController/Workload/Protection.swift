import GuardCore
import HoldfastModel

/// What the guard was told about one workload, and what this controller may take for granted of that.
///
///     unguarded ──protect──▶ told ──forget, release──▶ forgetting ──the guard lists it no more──▶ unguarded
///                              ▲                          └──protect──▶ told anew ──the guard listed it no more──▶ told
///                              └────────────────────────────────────────────────────────────┘
///     any ──kill──▶ the same, with a kill that stays commanded until the guard is another one or the workload starts anew
struct Protection: Hashable, Sendable {
  /// A kill that the guard was told to make, because the claim is lost.
  private struct Kill: Hashable, Sendable {
    /// The cgroup that was known then: what shows up in another is to be killed as well.
    var cgroup: String?
  }

  private enum Standing: StateList {
    case unguarded
    /// The guard was told to protect it.
    case told(GuardedWorkload)
    /// It was told to forget the workload and still lists it: what it said before it took the command is no news.
    case forgetting
    /// It was told to protect the workload anew, and its word of before still stands.
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
  private var kill: Kill?

  var isBlank: Bool { self == Protection() }
  var breach: String? { course.breach }
  /// What the guard was told to protect.
  var told: GuardedWorkload? {
    switch course.state {
    case .told(let workload), .toldAnew(let workload): workload
    case .unguarded, .forgetting: nil
    }
  }
  private var isForgetting: Bool {
    switch course.state {
    case .forgetting, .toldAnew: true
    case .unguarded, .told: false
    }
  }
  /// The guard lists it still, and was told to forget it.
  var isForgotten: Bool { isForgetting }
  var isKillPending: Bool { kill != nil }
  var isToldOfStart: Bool { told?.isStarting == true }

  // MARK: questions

  /// The guard has said that it protects the workload.
  func isAcknowledged(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool {
    !isForgetting && guardWord.workloads.contains(name.text)
  }

  /// The guard has said that it knows of a start of it.
  func isStartKnown(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool {
    !isForgetting && guardWord.starting.contains(name.text)
  }

  /// It is in the guard's hands, as far as either of the two knows.
  func holds(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool { told != nil || isAcknowledged(name, guardWord) }

  /// The guard's word that it knows of the start that is about to be made; nil: not yet.
  func receipt(for name: WorkloadName, isExclusive: Bool, _ guardWord: borrowing GuardWord) -> GuardReceipt? {
    // What may run more than once is not under the guard.
    guard !isExclusive || isToldOfStart && isStartKnown(name, guardWord) else { return nil }
    return GuardReceipt(workload: name)
  }

  // MARK: what the guard is told

  mutating func protect(_ workload: GuardedWorkload, _ effects: inout Effects) {
    guard told != workload else { return }
    course.move(to: isForgetting ? .toldAnew(workload) : .told(workload))
    effects.tellGuard(.protect(workload))
  }

  /// Tells a guard that may not know what it is to protect.
  func protectAnew(_ effects: inout Effects) { if let told { effects.tellGuard(.protect(told)) } }

  /// The guard, where it protects the workload, is told by this command that it no longer does.
  mutating func end(_ name: WorkloadName, _ command: GuardCommand, _ guardWord: borrowing GuardWord, _ effects: inout Effects) {
    guard holds(name, guardWord) else { return }
    course.move(to: isForgetting || guardWord.workloads.contains(name.text) ? .forgetting : .unguarded)
    effects.tellGuard(command)
  }

  /// - Returns: false when the guard was told already, about the same cgroup.
  mutating func orderKill(_ name: WorkloadName, _ effects: inout Effects) -> Bool {
    let wanted = Kill(cgroup: told?.cgroup)
    guard kill != wanted else { return false }
    kill = wanted
    effects.tellGuard(.kill(workload: name.text))
    return true
  }

  /// - Returns: false when a kill was pending before.
  mutating func orderKill(in cgroup: String?) -> Bool {
    guard kill == nil else { return false }
    kill = Kill(cgroup: cgroup)
    return true
  }

  /// What was killed was another run, or is gone; or the guard that was told is another one.
  mutating func clearKill() { kill = nil }

  /// The guard has said that it does not list the workload.
  mutating func guardDropped() {
    switch course.state {
    case .forgetting: course.move(to: .unguarded)
    case .toldAnew(let workload): course.move(to: .told(workload))
    case .unguarded, .told: break
    }
  }

  /// What outlives the workload's being this node's.
  var remains: Protection {
    var remains = Protection()
    if isForgetting { remains.course.move(to: .forgetting) }
    return remains
  }
}

/// The guard's word that it knows of a start, so that the deadline covers it and the next life of the controller hears of it
/// (Docs/safety.md, rule 11). Only `Protection` makes it.
struct GuardReceipt: ~Copyable {
  let workload: WorkloadName

  fileprivate init(workload: WorkloadName) { self.workload = workload }
}
