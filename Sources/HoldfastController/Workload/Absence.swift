import HoldfastModel

/// The proof that nothing of a workload is on this node and nothing of it can come up any more: what giving its claim away takes (Docs/safety.md,
/// rules 8 and 13). It cannot be kept, so that it is of this turn's sight.
struct Absence: ~Copyable {
  let workload: WorkloadName

  /// nil while the workload is seen here, or nobody can tell, or an earlier start of it may still succeed.
  init?(_ parts: borrowing WorkloadParts, _ own: WorkloadFacts) {
    guard parts.name == own.name, !parts.mayStillAppear else { return nil }
    switch own.sight {
    case .absent: break
    // Its name is taken by a domain that is somebody else's.
    case .present(let domain): guard let spec = own.spec?.value, !own.isCopy(domain, spec) else { return nil }
    case .unknown: return nil
    }
    workload = own.name
  }
}
