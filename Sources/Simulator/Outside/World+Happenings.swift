import GuardCore
import HoldfastModel

/// Something that can be broken for a while: a newer fault of the same matter is not ended by the end of an older one.
struct Matter: Hashable {
  enum Kind: Hashable {
    case pause, freezes, confirmation, heldFreezes, kills, timers, way, links, store, room, pace, libvirt, starts, calls
    case start(WorkloadName), stop(WorkloadName), blockJob(WorkloadName), inbound
    case addresses, raising, stranger(IPAddress)
    case nodeCheck(CheckName), flappingNode(CheckName), blindNode(CheckName)
    case partStart(PartName), partStop(PartName), blindPart(PartName)
    case service(WorkloadName), flapping(WorkloadName), blindness(WorkloadName)
  }
  var kind: Kind
  /// nil: the store's.
  var node: NodeName?
}

extension World {
  func carryOut(_ happening: Happening) {
    tell("\(happening)")
    switch happening {
    case .controllerDies, .controllerStarts, .controllerHalts, .controllerHaltsBetweenSteps, .guardDies, .guardStarts,
      .bothDie:
      carryOutOnProcess(happening)
    case .powerFails, .powerReturns, .hostPauses, .hostGoesOn, .clockRuns: carryOutOnHost(happening)
    case .freezesSlowly, .freezesUnconfirmed, .startsHoldFreezes, .killsFail, .timersLate: carryOutOnKernel(happening)
    case .cutOff, .connected, .linksBad: carryOutOnLinks(happening)
    case .storeStops, .storeServes, .storeFull, .storeHasRoom, .storeSlows, .storeChangesLeader, .storeCompacts, .intentLost,
      .watchDeaf:
      carryOutOnStore(happening)
    case .libvirtDies, .libvirtStarts, .libvirtHangs, .libvirtAnswers, .libvirtSlows, .libvirtFails:
      carryOutOnLibvirt(happening)
    case .startsBreak, .startsMended, .stopsBreak, .stopsMended, .startedByHand, .blockJob, .inboundFails, .diskReplaced,
      .definedByHand, .undefinedByHand, .machineTypeForgotten, .machineTypeKnown,
      .migrationBreaks, .domainEnds, .guestPowersDown, .guestCrashes:
      carryOutOnDomains(happening)
    case .serviceDies, .serviceBreaks, .serviceMended, .serviceFlaps, .checksBlind: carryOutOnServices(happening)
    case .addressesSlow, .addressesFail, .strangerTakes, .strangerLeaves, .addressIsLost: carryOutOnAddresses(happening)
    case .nodeCheckFails, .nodeCheckMended, .nodeCheckFlaps, .nodeCheckBlind: carryOutOnNodeChecks(happening)
    case .partStartBreaks, .partStopBreaks, .partMended, .partDies, .partBlind: carryOutOnParts(happening)
    case .asked(let order, let node): operators.carryOut(order, through: node)
    }
  }

  /// Ends it after the time, if there is one, unless the same matter was broken anew.
  private func end(_ kind: Matter.Kind, _ host: SimulatedHost?, after span: Span?, _ mend: @escaping () -> Void) {
    let matter = Matter(kind: kind, node: host?.name)
    let turn = (turns[matter] ?? 0) + 1
    turns[matter] = turn
    guard let span else { return }
    after(span) { [self] in if turns[matter] == turn { mend() } }
  }

  private func carryOutOnProcess(_ happening: Happening) {
    switch happening {
    case .controllerDies(let node, let back):
      guard let host = host(node) else { return }
      host.killController()
      // The service manager stops with its host.
      if let back { host.after(back) { if !host.hasLeft { host.startController() } } }
    case .controllerStarts(let node): host(node)?.comeBack()
    case .controllerHalts(let node, let span): host(node)?.controller?.halt(for: span)
    case .controllerHaltsBetweenSteps(let node, let steps, let span):
      host(node)?.controller?.trap = .init(steps: steps, span: span)
    case .guardDies(let node, let back):
      guard let host = host(node) else { return }
      host.killGuard()
      if let back { host.after(back) { host.startGuard() } }
    case .guardStarts(let node): host(node)?.startGuard()
    case .bothDie(let node, let guardBack, let controllerBack):
      carryOutOnProcess(.guardDies(node, back: guardBack))
      carryOutOnProcess(.controllerDies(node, back: controllerBack))
    default: break
    }
  }

  private func carryOutOnHost(_ happening: Happening) {
    switch happening {
    case .powerFails(let node, let back):
      guard let host = host(node) else { return }
      host.crash()
      if let back { after(back) { host.powerOn() } }
    case .powerReturns(let node): host(node)?.powerOn()
    case .hostPauses(let node, let span):
      guard let host = host(node), host.isUp else { return }
      host.pause()
      end(.pause, host, after: span) { host.resume() }
    case .hostGoesOn(let node): host(node)?.resume()
    case .clockRuns(let node, let rate): host(node)?.changeClock(rate: Int64(rate))
    default: break
    }
  }

  private func carryOutOnKernel(_ happening: Happening) {
    switch happening {
    case .freezesSlowly(let node, let extra, let span):
      guard let host = host(node) else { return }
      host.kernel.freezeDelay = extra
      end(.freezes, host, after: span) { host.kernel.freezeDelay = .zero }
    case .freezesUnconfirmed(let node, let span):
      guard let host = host(node) else { return }
      host.kernel.confirms = false
      end(.confirmation, host, after: span) { host.kernel.confirms = true }
    case .startsHoldFreezes(let node, let span):
      guard let host = host(node) else { return }
      host.kernel.startsHoldFreezes = true
      end(.heldFreezes, host, after: span) { host.kernel.startsHoldFreezes = false }
    case .killsFail(let node, let span):
      guard let host = host(node) else { return }
      host.kernel.failedKills = 0.5
      end(.kills, host, after: span) { host.kernel.failedKills = 0 }
    case .timersLate(let node, let extra, let span):
      guard let host = host(node) else { return }
      host.kernel.timerDelay = extra
      end(.timers, host, after: span) { host.kernel.timerDelay = .zero }
    default: break
    }
  }

  private func carryOutOnLinks(_ happening: Happening) {
    switch happening {
    case .cutOff(let nodes, let way, let span):
      for host in nodes.compactMap({ host($0) }) {
        host.link.sever(way)
        end(.way, host, after: span) { host.link.mend() }
      }
    case .connected(let nodes): for node in nodes { host(node)?.link.mend() }
    case .linksBad(let nodes, let share, let span):
      for host in nodes.compactMap({ host($0) }) {
        let usual = Link.Quality(late: settings.faults.lateMessages, loss: settings.faults.lostMessages)
        host.link.quality = Link.Quality(late: share, loss: share)
        end(.links, host, after: span) { host.link.quality = usual }
      }
    default: break
    }
  }

  private func carryOutOnStore(_ happening: Happening) {
    switch happening {
    case .storeStops(let silence, let span):
      store.serve(silence == .silent ? .silent : .refusing)
      end(.store, nil, after: span) { [self] in store.serve(.serving) }
    case .storeServes: store.serve(.serving)
    case .storeFull(let span):
      store.fill(true)
      end(.room, nil, after: span) { [self] in store.fill(false) }
    case .storeHasRoom: store.fill(false)
    case .storeSlows(let least, let most, let span):
      store.pace = least...max(least, most)
      end(.pace, nil, after: span) { [self] in store.pace = SimulatedStore.usualPace }
    case .storeChangesLeader(let span):
      store.serve(.changingLeader)
      end(.store, nil, after: span) { [self] in store.serve(.serving) }
    case .storeCompacts: store.compact()
    case .intentLost(let workload):
      _ = store.apply(ClusterTransaction(if: [], write: [.delete(.intent(workload))]), from: "somebody")
    case .watchDeaf(let node, let span): host(node)?.controller?.deafenWatch(for: span)
    default: break
    }
  }

  private func carryOutOnLibvirt(_ happening: Happening) {
    switch happening {
    case .libvirtDies(let node, let back):
      guard let host = host(node) else { return }
      host.libvirt.kill()
      if let back { host.after(back) { host.libvirt.restart() } }
    case .libvirtStarts(let node): host(node)?.libvirt.restart()
    case .libvirtHangs(let node, let span):
      guard let host = host(node), host.isUp else { return }
      host.libvirt.hang(true)
      end(.libvirt, host, after: span) { host.libvirt.hang(false) }
    case .libvirtAnswers(let node): host(node)?.libvirt.hang(false)
    case .libvirtSlows(let node, let least, let most, let span):
      guard let host = host(node) else { return }
      host.libvirt.slowness = least...max(least, most)
      end(.starts, host, after: span) { host.libvirt.slowness = nil }
    case .libvirtFails(let node, let share, let span):
      guard let host = host(node) else { return }
      host.libvirt.failures = share
      end(.calls, host, after: span) { host.libvirt.failures = 0 }
    default: break
    }
  }

  private func carryOutOnDomains(_ happening: Happening) {
    switch happening {
    case .startsBreak(let workload, let node, let times, let span):
      guard let host = host(node) else { return }
      host.libvirt.broken[workload.text] = .init(reason: "its image is missing", times: times)
      end(.start(workload), host, after: span) { host.libvirt.broken[workload.text] = nil }
    case .startsMended(let workload, let node): host(node)?.libvirt.broken[workload.text] = nil
    case .stopsBreak(let workload, let node, let times, let span):
      guard let host = host(node) else { return }
      host.libvirt.stubborn[workload.text] = .init(reason: "its processes do not end", times: times)
      end(.stop(workload), host, after: span) { host.libvirt.stubborn[workload.text] = nil }
    case .stopsMended(let workload, let node): host(node)?.libvirt.stubborn[workload.text] = nil
    case .startedByHand(let workload, let node): host(node)?.libvirt.startByHand(workload)
    case .blockJob(let workload, let node, let span):
      guard let host = host(node) else { return }
      host.libvirt.busy.insert(workload.text)
      end(.blockJob(workload), host, after: span) { host.libvirt.busy.remove(workload.text) }
    case .inboundFails(let node, let span):
      guard let host = host(node) else { return }
      host.libvirt.inboundFlaw = "Unable to verify TLS peer: certificate has expired"
      end(.inbound, host, after: span) { host.libvirt.inboundFlaw = nil }
    case .diskReplaced(let workload):
      for host in hosts {
        if let domain = host.domains[workload.text], domain.parts == nil { host.libvirt.replaceDisk(of: domain) }
      }
    case .definedByHand(let workload, let node): host(node)?.libvirt.keepDefinition(of: workload, true)
    case .undefinedByHand(let workload, let node): host(node)?.libvirt.keepDefinition(of: workload, false)
    case .machineTypeForgotten(let workload, let node): host(node)?.libvirt.forgetMachineType(of: workload, true)
    case .machineTypeKnown(let workload, let node): host(node)?.libvirt.forgetMachineType(of: workload, false)
    case .migrationBreaks(let node, let step):
      host(node)?.libvirt.interruptions.append(step)
    case .domainEnds(let node, let name): host(node)?.endByItself(name)
    case .guestPowersDown(let node, let name): host(node)?.endGuest(name, crashes: false)
    case .guestCrashes(let node, let name): host(node)?.endGuest(name, crashes: true)
    default: break
    }
  }

  private func carryOutOnServices(_ happening: Happening) {
    switch happening {
    case .serviceDies(let workload): for host in hosts { host.services.die(workload) }
    case .serviceBreaks(let workload, let node, let span):
      guard let host = host(node) else { return }
      host.services.breaks(workload, true)
      end(.service(workload), host, after: span) { host.services.breaks(workload, false) }
    case .serviceMended(let workload, let node): host(node)?.services.breaks(workload, false)
    case .serviceFlaps(let workload, let node, let span):
      guard let host = host(node) else { return }
      host.services.flap(workload, true)
      end(.flapping(workload), host, after: span) { host.services.flap(workload, false) }
    case .checksBlind(let workload, let node, let span):
      guard let host = host(node) else { return }
      host.services.blind(workload, true)
      end(.blindness(workload), host, after: span) { host.services.blind(workload, false) }
    default: break
    }
  }

  private func carryOutOnAddresses(_ happening: Happening) {
    switch happening {
    case .addressesSlow(let node, let extra, let span):
      guard let host = host(node) else { return }
      host.addresses.delay = extra
      end(.addresses, host, after: span) { host.addresses.delay = .zero }
    case .addressesFail(let node, let span):
      guard let host = host(node) else { return }
      host.addresses.refuses = true
      end(.raising, host, after: span) { host.addresses.refuses = false }
    case .strangerTakes(let address, let span):
      strangers.insert(address)
      end(.stranger(address), nil, after: span) { [self] in strangers.remove(address) }
    case .strangerLeaves(let address): strangers.remove(address)
    case .addressIsLost(let node, let address): host(node)?.addresses.lose(address)
    default: break
    }
  }

  private func carryOutOnNodeChecks(_ happening: Happening) {
    switch happening {
    case .nodeCheckFails(let check, let nodes, let span):
      for host in nodes.compactMap(host) {
        host.health.fail(check, true)
        end(.nodeCheck(check), host, after: span) { host.health.fail(check, false) }
      }
    case .nodeCheckMended(let check, let nodes): for host in nodes.compactMap(host) { host.health.fail(check, false) }
    case .nodeCheckFlaps(let check, let nodes, let span):
      for host in nodes.compactMap(host) {
        host.health.flap(check, true)
        end(.flappingNode(check), host, after: span) { host.health.flap(check, false) }
      }
    case .nodeCheckBlind(let check, let nodes, let span):
      for host in nodes.compactMap(host) {
        host.health.blind(check, true)
        end(.blindNode(check), host, after: span) { host.health.blind(check, false) }
      }
    default: break
    }
  }

  private func carryOutOnParts(_ happening: Happening) {
    switch happening {
    case .partStartBreaks(let part, let node, let hangs, let span):
      guard let host = host(node) else { return }
      host.partTroubles.starts[part] = hangs ? .hangs : .fails
      end(.partStart(part), host, after: span) { host.partTroubles.starts[part] = nil }
    case .partStopBreaks(let part, let node, let hangs, let span):
      guard let host = host(node) else { return }
      host.partTroubles.stops[part] = hangs ? .hangs : .fails
      end(.partStop(part), host, after: span) { host.partTroubles.stops[part] = nil }
    case .partMended(let part, let node): host(node)?.partTroubles.mend(part)
    case .partDies(let part): for host in hosts { host.domains[part.workload.text]?.parts?.die(part.part) }
    case .partBlind(let part, let node, let span):
      guard let host = host(node) else { return }
      host.partTroubles.blind.insert(part)
      end(.blindPart(part), host, after: span) { host.partTroubles.blind.remove(part) }
    default: break
    }
  }

  /// Everything that is broken is as it was.
  func repairEverything() {
    operators.useEverything()
    for matter in turns.keys { turns[matter, default: 0] += 1 }
    store.serve(.serving)
    store.fill(false)
    store.pace = SimulatedStore.usualPace
    strangers = []
    for host in hosts {
      host.link.quality = Link.Quality()
      host.link.mend()
      host.kernel = SimulatedHost.Kernel()
      host.services.repair()
      host.health.repair()
      (host.addresses.delay, host.addresses.refuses) = (.zero, false)
      host.partTroubles = PartTroubles()
      host.resume()
      host.powerOn()
      host.libvirt.broken = [:]
      host.libvirt.stubborn = [:]
      host.libvirt.busy = []
      host.libvirt.inboundFlaw = nil
      host.libvirt.failures = 0
      host.libvirt.slowness = nil
      for leftover in host.leftovers.values { host.libvirt.keepDefinition(of: leftover.workload, false) }
      for workload in host.incompatible.keys.sorted() { host.libvirt.forgetMachineType(of: workload, false) }
      host.libvirt.interruptions = []
      host.libvirt.restart()
      host.libvirt.hang(false)
      host.controller?.trap = nil
      host.after(.milliseconds(100)) {
        host.startGuard()
        host.comeBack()
      }
    }
  }
}
