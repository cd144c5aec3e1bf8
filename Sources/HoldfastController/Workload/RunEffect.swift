import HoldfastModel

/// What is seen of an operation that libvirt was asked for: it ends when its effect is there.
enum RunEffect {
  static func isShown(
    of kind: DomainOperation, _ call: EndedCall?, _ own: WorkloadFacts, _ sight: LocalDomains.Sight, _ inventories: Int
  ) -> Bool {
    switch (kind, sight) {
    // Seen before its call returned, a start is still under way; and after a call that nobody answered, until libvirt answers again.
    case (.start, .present): call.map { !$0.isUnknown || inventories > $0.inventories } ?? false
    // The next start waits for the call's return, a release does not.
    case (.stop, .absent): call != nil || !own.isWantedHere
    case (.migrate, .absent): call != nil
    case (.resume, .present(let domain)): call != nil && domain.state == .running
    case (.suspend, .present(let domain)): call != nil && domain.state == .paused
    case (.suspend, .absent), (.resume, .absent): true
    case (.mark, .present(let domain)): call != nil && !domain.persistent && isMarked(domain, own)
    default: false
    }
  }

  /// The domain carries the mark of its claim, or of the claim that its adoption is about to take.
  private static func isMarked(_ domain: DomainObservation, _ own: WorkloadFacts) -> Bool {
    domain.mark?.epoch == own.claim?.value.epoch || own.isAdopting && own.wasAdoptedHalfway(domain)
  }
}
