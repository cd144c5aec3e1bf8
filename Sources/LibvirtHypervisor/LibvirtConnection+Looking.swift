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
  @discardableResult
  func lookNow(at name: String) async -> Bool {
    // The inventory that comes will see it.
    guard inventoryTold else { return false }
    let moment = ledger.begin()
    let before = ledger.sighting(of: name).told?.run
    do {
      let sighting = try await call { reader throws(LibvirtError) in try reader.look(at: name, before: before) }
      take(sighting, of: name, asOf: moment)
      return true
    } catch {
      cannotTell(name, asOf: moment, error)
      return false
    }
  }

  /// Looks at everything.
  func takeInventory(notices: Notices) async {
    // One after the other, each begun after it was asked for.
    let previous = inventory
    let task = Task {
      await previous?.value
      await inventoryOnce(notices: notices)
    }
    inventory = task
    await task.value
  }

  private func inventoryOnce(notices: Notices) async {
    guard case .up = phase else { return }
    let opening = openings
    let moment = ledger.begin()
    let before = ledger.runs
    do {
      var sightings = try await call { reader throws(LibvirtError) in try reader.lookAtAll(before: before) }
      guard opening == openings, case .up = phase else { return }
      for (name, unknown) in startsInFlight where sightings[name]?.told == nil { sightings[name] = unknown }
      let (domains, news) = ledger.take(sightings, asOf: moment)
      if notices == .always || news || !inventoryTold { nowKnown(domains) }
      wakeAll()
      for domain in domains { follow(domain.id.name) }
      for name in lookWanted { look(at: name) }
    } catch {
      if opening == openings { lose(Words.of(error)) }
    }
  }

  func take(_ sighting: Sighting, of name: String, asOf moment: Ledger.Moment) {
    guard case .up = phase, inventoryTold else { return }
    // libvirtd may not have got to it yet.
    if case .absent = sighting, startsInFlight[name] != nil { return }
    let before = ledger.sighting(of: name).told?.run
    if case .active = sighting { stopReasons[name] = nil }
    switch ledger.take(sighting, of: name, asOf: moment) {
    case .nothing: break
    case .changed(let observation): send(.changed(observation))
    case .gone:
      // libvirt's event may come later than what was seen without it.
      let reason =
        stopReasons.removeValue(forKey: name) ?? (before?.process == nil ? "it is no longer active" : "its process has ended")
      logger.info("domain gone", metadata: ["domain": "\(name)", "reason": "\(reason)"])
      send(.gone(DomainID(connection: uri, name: name), reason: reason))
    }
    wake(named: name)
    follow(name)
  }

  /// A look failed or took too long: something may execute.
  private func cannotTell(_ name: String, asOf moment: Ledger.Moment, _ error: CallFailure) {
    guard case .up = phase, inventoryTold else { return }
    logger.warning("cannot tell a domain's state", metadata: ["domain": "\(name)", "reason": "\(Words.of(error))"])
    let last = ledger.sighting(of: name)
    if last.told != nil {
      if case .changed(let observation) = ledger.take(last.unclear, of: name, asOf: moment) { send(.changed(observation)) }
      again(name, after: .seconds(1))
    } else {
      // It was never seen: it may be protected. Only the whole can say more.
      Task { await takeInventory(notices: .news) }
    }
  }

  func again(_ name: String, after pause: Duration) {
    Task {
      try? await Task.sleep(for: pause, clock: .continuous)
      look(at: name)
    }
  }
}
