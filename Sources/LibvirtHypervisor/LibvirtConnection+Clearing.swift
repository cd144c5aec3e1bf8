import HoldfastModel
import Logging

extension LibvirtConnection {
  /// Sees to it that a domain whose process has ended is soon known to be gone.
  ///
  /// libvirt sometimes loses the connection to a new container's controller: then it says "running" for ever and sends no
  /// event. When libvirtd was down while a controller died it says "shut off", and the container's processes may run on.
  func follow(_ name: String) {
    guard startsInFlight[name] == nil, Self.isUnsettled(ledger.sighting(of: name)) else { return }
    guard clearing.insert(name).inserted else { return }
    Task {
      await settle(name)
      clearing.remove(name)
      clearedAway.remove(name)
    }
  }

  private func settle(_ name: String) async {
    let noticed = ContinuousClock.now + limits.notice
    var pause = Duration.milliseconds(20)
    while inventoryTold {
      let sighting = ledger.sighting(of: name)
      guard Self.isUnsettled(sighting), let (observation, run) = sighting.told else { return }
      if ContinuousClock.now >= noticed, observation.mark?.cluster == cluster, run.hasEnded { await clearAway(name, run) }
      if case .active = sighting, ContinuousClock.now < noticed {
        // libvirt looks after its own domains: there will be an event, unless it has lost this one.
        try? await Task.sleep(until: noticed, clock: .continuous)
      } else {
        try? await Task.sleep(for: pause, clock: .continuous)
        pause = min(pause * 2, .seconds(1))
      }
      await lookNow(at: name)
    }
  }

  private static func isUnsettled(_ sighting: Sighting) -> Bool {
    switch sighting {
    case .active(_, let run): run.hasEnded
    case .leftover: true
    case .absent: false
    }
  }

  /// Makes libvirt and the kernel agree that a protected domain without its process is gone.
  private func clearAway(_ name: String, _ run: Run) async {
    logger.warning("a domain's process is gone, and libvirt does not clear it away: clearing", metadata: ["domain": "\(name)"])
    clearedAway.insert(name)
    do {
      let order = Question(kind: .destroy, name: name)
      try await ask(order, on: destroyThreads, limit: limits.lifecycle) { reader throws(LibvirtError) in
        // Looked at again on this thread: a domain that restarted itself has another process by now.
        let sighting = try reader.look(at: name, before: run)
        guard let (_, now) = sighting.told, now.hasEnded, now.uuid == run.uuid else { return }
        try reader.destroy(sighting)
      }
    } catch {
      logger.warning("clearing failed", metadata: ["domain": "\(name)", "reason": "\(Words.of(error))"])
    }
  }
}

extension DomainReader {
  /// Ends at once what was just seen, be it a domain or what libvirt no longer knows of it.
  func destroy(_ sighting: Sighting) throws(LibvirtError) {
    switch sighting {
    case .active(_, let run):
      guard let domain = try connection.domain(uuid: run.uuid) else { return }
      do throws(LibvirtError) {
        try domain.destroy()
      } catch {
        // It ended by itself meanwhile.
        if try domain.isGone() { return }
        throw error
      }
    case .leftover(_, let run):
      run.process?.kill()
      if let cgroup = run.cgroup { hostFacts.cgroups?.kill(in: cgroup) }
    case .absent: return
    }
  }
}
