import HoldfastModel
import Logging

extension LibvirtConnection {
  enum Notices: Sendable {
    case always
    /// Only what was not told before.
    case news
  }

  /// Looks at a domain soon: hints that come meanwhile are served by one more look.
  func look(at name: String) {
    lookWanted.insert(name)
    guard looking.insert(name).inserted else { return }
    Task {
      while lookWanted.remove(name) != nil { await lookNow(at: name) }
      looking.remove(name)
    }
  }

  /// Looks at a domain and tells what is new. Gives false when it could not be told.
  ///
  /// Not at one whose start libvirt has not answered: the return of that call brings the look. libvirt 9 locks its list of domains while it looks one up, and
  /// waits for that one's lock meanwhile, which a start holds for as long as a hook of it runs, or it hangs: nothing could be seen or destroyed then.
  ///
  /// - Parameter readsAnew: what it is made of is read, however short ago that was.
  @discardableResult
  func lookNow(at name: String, readsAnew: Bool = false) async -> Bool {
    // The inventory that comes will see it; or the return of its start.
    guard inventoryTold, startsInFlight[name] == nil else { return false }
    let moment = ledger.begin()
    var before = ledger.sighting(of: name).told?.run
    if readsAnew { before?.isStale = true }
    do {
      take(try await lookOnce(at: name, before: before), of: name, asOf: moment)
      return true
    } catch {
      cannotTell(name, asOf: moment, error)
      return false
    }
  }

  func lookOnce(at name: String, before: Run?) async throws(CallFailure) -> Sighting {
    try await ask(Question(kind: .look, name: name), on: lookThreads) { reader throws(LibvirtError) in
      try reader.look(at: name, before: before)
    }
  }

  func take(_ sighting: Sighting, of name: String, asOf moment: Ledger.Moment) {
    guard case .up = phase, inventoryTold else { return }
    // libvirtd may not have got to it yet.
    if case .absent = sighting, startsInFlight[name] != nil { return }
    let before = ledger.sighting(of: name).told?.run
    if case .active = sighting { stopReasons[name] = nil }
    if case .absent = sighting, before != nil, awaitsReason(of: name) { return }
    switch ledger.take(sighting, of: name, asOf: moment) {
    case .nothing: break
    case .changed(let observation):
      send(.changed(observation))
      tellFlaw(of: observation, before: before)
    case .gone:
      // libvirt's event may come later than what was seen without it.
      let reason =
        stopReasons.removeValue(forKey: name)
        ?? (before?.process == nil ? StopReason("it is no longer active", .unknown) : .processEnded)
      logger.info("domain gone", metadata: ["domain": "\(name)", "reason": "\(reason.text)"])
      send(.gone(DomainID(connection: uri, name: name), reason: reason.text, end: reason.end))
    }
    wake(named: name)
    follow(name)
    if Self.isPassing(sighting) { lookAgain(at: name) }
  }

  /// What ended a domain decides whether it is started again: libvirt's word for it is waited for a little, where it was seen gone before, whoever looks
  /// meanwhile. The end is told when the word comes, or with the look after that time.
  private func awaitsReason(of name: String) -> Bool {
    guard stopReasons[name] == nil else {
      reasonsAwaited[name] = nil
      return false
    }
    let now = ContinuousClock.now
    if let until = reasonsAwaited[name] {
      guard now < until else {
        reasonsAwaited[name] = nil
        return false
      }
      return true
    }
    reasonsAwaited[name] = now + Self.reasonPatience
    Task {
      try? await Task.sleep(for: Self.reasonPatience, clock: .continuous)
      look(at: name)
    }
    return true
  }

  /// libvirt tells an end some milliseconds after the process is gone; on a busy host it takes its time. Where libvirt lost the domain it tells nothing, and
  /// the workload's next start waits so long.
  private static let reasonPatience = Duration.seconds(1)

  /// What libvirt is about to make something else of. There will be an event, but before it says so it may be done.
  static func isPassing(_ sighting: Sighting) -> Bool {
    guard case .active(let observation, _) = sighting else { return false }
    return observation.state == .arriving || observation.reason == .startingUp || observation.reason == .noAnswer
  }

  /// Once for each run.
  func tellFlaw(of observation: DomainObservation, before: Run?) {
    guard let flaw = observation.flaw, before?.flaw != flaw else { return }
    logger.warning(
      "a domain's XML cannot be read, so its links are not known",
      metadata: ["domain": "\(observation.id.name)", "reason": "\(flaw)"])
  }

  /// A look failed or took too long: something may execute.
  private func cannotTell(_ name: String, asOf moment: Ledger.Moment, _ error: CallFailure) {
    guard case .up = phase, inventoryTold else { return }
    warn(name, Words.of(error))
    let last = ledger.sighting(of: name)
    if last.told != nil {
      if case .changed(let observation) = ledger.take(last.unclear, of: name, asOf: moment) { send(.changed(observation)) }
      lookAgain(at: name)
    } else {
      // It was never seen: it may be protected. Only the whole can say more.
      Task { await takeInventory(notices: .news) }
    }
  }

  /// Once, until it can be told again.
  func warn(_ name: String, _ reason: String) {
    let wasToldSo = ledger.sighting(of: name).told?.observation.reason == .noAnswer
    logger.log(
      level: wasToldSo ? .debug : .warning,
      "cannot tell a domain's state", metadata: ["domain": "\(name)", "reason": "\(reason)"])
  }

  /// Looks again in a second, or when the look that hangs returns.
  func lookAgain(at name: String) {
    guard !isHanging(Question(kind: .look, name: name)), lookLater.insert(name).inserted else { return }
    Task {
      try? await Task.sleep(for: .seconds(1), clock: .continuous)
      lookLater.remove(name)
      look(at: name)
    }
  }
}
