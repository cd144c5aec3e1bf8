import HoldfastModel
import Logging

extension LibvirtConnection {
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
      let found = try await ask(.list, on: lookThreads) { reader throws(LibvirtError) in try reader.list(before: before) }
      var sightings = await lookAtEach(found.listed, before: before)
      guard opening == openings, case .up = phase else { return }
      sightings.merge(found.leftovers) { seen, _ in seen }
      for (name, unknown) in startsInFlight where sightings[name]?.told == nil { sightings[name] = unknown }
      let (domains, news) = ledger.take(sightings, asOf: moment)
      if notices == .always || news || inventoryOwed || !inventoryTold { nowKnown(domains) }
      wakeAll()
      for domain in domains {
        follow(domain.id.name)
        tellFlaw(of: domain, before: before[domain.id.name])
      }
      for (name, sighting) in sightings where Self.isPassing(sighting) { lookAgain(at: name) }
      for name in lookWanted { look(at: name) }
    } catch {
      guard opening == openings, case .up = phase else { return }
      switch error {
      case .timedOut, .notBegun:
        // Before it is told that it can list them again. A connection that is lost owes one in any case.
        if notices == .always { inventoryOwed = true }
        await cannotList(Words.of(error))
      case .abandoned, .libvirt: lose(Words.of(error))
      }
    }
  }

  /// A few at a time, each with a limit of its own: one that does not answer costs the others nothing.
  private func lookAtEach(_ listed: [DomainReader.Listed], before: [String: Run]) async -> [String: Sighting] {
    // One thread is left for single looks.
    let atOnce = max(limits.concurrentCalls - 1, 1)
    var found: [String: Sighting] = [:]
    await withTaskGroup(of: (String, Sighting).self) { group in
      var rest = listed[...]
      for domain in rest.prefix(atOnce) {
        group.addTask { (domain.name, await self.look(at: domain, before: before[domain.name])) }
      }
      rest = rest.dropFirst(atOnce)
      for await (name, sighting) in group {
        found[name] = sighting
        guard let domain = rest.popFirst() else { continue }
        group.addTask { (domain.name, await self.look(at: domain, before: before[domain.name])) }
      }
    }
    return found
  }

  private func look(at listed: DomainReader.Listed, before: Run?) async -> Sighting {
    // See `lookNow(at:)`.
    if let unknown = startsInFlight[listed.name] { return unknown }
    do {
      return try await lookOnce(at: listed.name, before: before)
    } catch {
      warn(listed.name, Words.of(error))
      let last = ledger.sighting(of: listed.name)
      return last.told?.run.uuid == listed.uuid ? last.unclear : unknown(listed)
    }
  }

  /// What is told of one that libvirt lists and does not answer about.
  private func unknown(_ listed: DomainReader.Listed) -> Sighting {
    let run = Run(uuid: listed.uuid, number: listed.number ?? -1)
    let observation = DomainObservation(
      id: DomainID(connection: uri, name: listed.name), uuid: listed.uuid, state: .unclear, reason: .noAnswer, mark: nil,
      memory: 0, vcpus: 0, persistent: false, pid: nil, cgroup: nil, links: [])
    return .active(observation, run)
  }

  /// libvirt has not listed its domains in time. What holds one of them up, such as a start that hangs, holds the list up too: that is no
  /// reason to give up the connection, on which other starts and migrations are under way, as long as libvirtd answers at all.
  private func cannotList(_ reason: String) async {
    let opening = openings
    do {
      try await call(on: lookThreads) { reader throws(LibvirtError) in try reader.connection.ping() }
    } catch {
      if opening == openings { lose(reason) }
      return
    }
    guard opening == openings, case .up = phase else { return }
    // Else its return brings another.
    if !isHanging(.list) {
      Task {
        try? await Task.sleep(for: .seconds(1), clock: .continuous)
        await takeInventory(notices: .news)
      }
    }
    logger.warning("libvirt does not list its domains", metadata: ["reason": "\(reason)"])
    guard inventoryTold else {
      return tellUnreachable("libvirtd answers, but a call that hangs there keeps it from listing its domains")
    }
    for name in ledger.runs.keys { look(at: name) }
  }
}
