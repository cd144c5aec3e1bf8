import HoldfastModel

/// The proof that nothing of a workload is on this node, neither its domain nor an address, and nothing of it can come up any more: what giving its
/// claim away takes (Docs/safety.md, rules 8, 13 and 18). It cannot be kept, so that it is of this turn's sight. It is made from the workload's own
/// machines alone, which only the roster makes.
struct Absence: ~Copyable {
  let workload: WorkloadName

  /// nil while it is seen here, or nobody can tell, or an earlier start may still succeed, or an address of it may be up.
  init?(
    of own: WorkloadFacts, _ run: Run, _ fence: StartFence, _ protection: Protection, _ facts: Facts,
    _ guardWord: borrowing GuardWord
  ) {
    guard protection.holdsNoAddress(own, guardWord), !fence.mayStillAppear(isStarting: run.isStarting) else {
      return nil
    }
    switch own.sight {
    case .absent: break
    // Its name is taken by a domain that is somebody else's.
    case .present(let domain): guard let spec = own.spec?.value, !own.isCopy(domain, spec) else { return nil }
    case .unknown: return nil
    }
    workload = own.name
  }

  /// While libvirt does not answer, where no start was asked of it; nil also while the guard has not said that it knows of none.
  init?(
    withoutStartOf own: WorkloadFacts, _ run: Run, _ fence: StartFence, _ protection: Protection, _ facts: Facts,
    _ guardWord: borrowing GuardWord
  ) {
    guard Self.isWithoutStart(own, run, fence, facts), guardWord.isArmed, !protection.holds(own.name, guardWord),
      protection.holdsNoAddress(own, guardWord)
    else { return nil }
    workload = own.name
  }

  /// Whether the workload was absent when libvirt last answered, and nothing has been asked of libvirt since that could bring it here.
  static func isWithoutStart(_ own: WorkloadFacts, _ run: Run, _ fence: StartFence, _ facts: Facts) -> Bool {
    guard own.sight == .unknown, let id = own.id, let spec = own.spec?.value else { return false }
    return facts.local.wasLastSeenAbsent(id) && run.isIdle && !fence.mayStillAppear(isStarting: run.isStarting)
      && own.migration == nil && facts.rules.isExclusive(own.name, spec)
  }
}

/// The right to remove the records of a workload that leaves protection: its claim is nobody's; or it is this node's, and the workload is absent, or
/// seen to run on outside protection, and no address of it is up. It is made from the workload's own machines alone.
struct ForgetPermit: ~Copyable {
  let workload: WorkloadName

  init?(
    _ own: WorkloadFacts, _ run: Run, _ fence: StartFence, _ protection: Protection, _ facts: Facts,
    _ guardWord: borrowing GuardWord
  ) {
    guard own.isClaimed || !own.isHeld else { return nil }
    // What runs on outside protection leaves its addresses behind.
    let isOutside =
      (run.isUnmarked || own.isUnprotecting && own.observed.map { $0.mark == nil } ?? false)
      && (!own.isClaimed || protection.holdsNoAddress(own, guardWord))
    guard isOutside || !own.isHeld || Absence(of: own, run, fence, protection, facts, guardWord) != nil else { return nil }
    workload = own.name
  }
}
