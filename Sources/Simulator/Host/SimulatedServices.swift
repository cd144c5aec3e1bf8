import HoldfastChecks
import HoldfastModel

/// Whether what runs on one host answers, as its checks see it. Only workloads with checks have a service.
final class SimulatedServices {
  private unowned let host: SimulatedHost
  private let dice: Dice
  /// Workloads whose services answer nothing here, whoever starts them; what makes them so outlasts a reboot.
  private(set) var broken: Set<WorkloadName> = []
  /// Every second answer of theirs is bad.
  private(set) var flapping: Set<WorkloadName> = []
  /// Their checks cannot be made here.
  private(set) var blind: Set<WorkloadName> = []
  /// By check of a flapping one: its last answer was bad.
  private var flaps: [WorkloadName: [CheckName: Bool]] = [:]

  /// - Parameter dice: of its own, so that checks shake nothing else.
  init(_ host: SimulatedHost, dice: Dice) {
    self.host = host
    self.dice = dice
  }

  /// The workload of a domain, where it has checks.
  private func workload(of domain: SimulatedDomain) -> WorkloadName? {
    guard let workload = host.world.invariants.workload(uuid: domain.uuid) else { return nil }
    return host.world.store.spec(of: workload)?.checks == nil ? nil : workload
  }

  private func domain(of workload: WorkloadName) -> SimulatedDomain? {
    host.domains[workload.text].flatMap { self.workload(of: $0) == workload ? $0 : nil }
  }

  // MARK: what becomes of them

  /// The domain has come up; its service does so a while later.
  func begins(_ domain: SimulatedDomain) {
    guard workload(of: domain) != nil else { return }
    domain.answersFrom = host.world.now + dice.milliseconds(100...1500)
    arrives(domain)
    host.after(.milliseconds(1500)) { [self] in host.world.chronicle?.changed() }
  }

  /// The domain is here from now on; its service may be in no better state than it was.
  func arrives(_ domain: SimulatedDomain) {
    guard let workload = workload(of: domain) else { return }
    if broken.contains(workload) || flapping.contains(workload) { domain.hasFailed = true }
  }

  /// Where it runs here: until it is started anew.
  func die(_ workload: WorkloadName) {
    guard let domain = domain(of: workload), !domain.isKilled else { return }
    domain.isServiceDead = true
    fails(workload)
  }

  func breaks(_ workload: WorkloadName, _ isBroken: Bool) {
    if isBroken {
      broken.insert(workload)
      fails(workload)
    } else {
      broken.remove(workload)
      host.world.chronicle?.changed()
    }
  }

  func flap(_ workload: WorkloadName, _ isFlapping: Bool) {
    if isFlapping {
      flapping.insert(workload)
      fails(workload)
    } else {
      flapping.remove(workload)
    }
  }

  func blind(_ workload: WorkloadName, _ isBlind: Bool) {
    if isBlind { blind.insert(workload) } else { blind.remove(workload) }
  }

  private func fails(_ workload: WorkloadName) {
    domain(of: workload)?.hasFailed = true
    host.world.chronicle?.changed()
  }

  /// Everything answers again, but for what died lately: that has to be started anew.
  func repair() {
    broken = []
    flapping = []
    blind = []
    for domain in host.domains.values {
      guard domain.isServiceDead, let workload = workload(of: domain) else { continue }
      // What was restarted in vain waits for longer than the calm is.
      if host.world.store.claim(of: workload)?.ends ?? 0 > 1 { domain.isServiceDead = false }
    }
  }

  // MARK: questions

  func answers(_ domain: SimulatedDomain) -> Bool {
    guard let workload = workload(of: domain) else { return true }
    guard !domain.isServiceDead, !broken.contains(workload) else { return false }
    return domain.answersFrom.map { host.world.now >= $0 } ?? true
  }

  /// It answers nothing, and will not before it is started anew, or mended.
  func isDown(_ domain: SimulatedDomain) -> WorkloadName? {
    guard let workload = workload(of: domain), !flapping.contains(workload), !blind.contains(workload) else { return nil }
    return domain.isServiceDead || broken.contains(workload) ? workload : nil
  }

  // MARK: probes

  /// What comes of a probe that begins now, and when; nil: nothing ever does.
  func answer(_ request: ProbeRequest, _ ended: @escaping (ProbeResult.Answer) -> Void) {
    let isStorm = host.world.faults.isStorm
    if isStorm, dice.chance(0.003) { return }
    let late = isStorm && dice.chance(0.003) ? Span(request.timeout) + dice.seconds(0...5) : .zero
    host.after(dice.milliseconds(1...20) + late) { [self] in
      let domain = host.domains[request.place.domain.name]
      if blind.contains(request.workload) { return ended(.cannotTell(reason: "the program that asks is missing")) }
      guard let domain, domain.pid == request.place.pid, !domain.isKilled else {
        return ended(.bad(reason: "nothing answers: its process is gone"))
      }
      // What executes nothing answers nothing. When the host stops as a whole, so does whoever asks.
      guard domain.pause == nil, !host.isFrozen(domain) else {
        return host.after(Span(request.timeout)) { ended(.bad(reason: "no answer in time")) }
      }
      guard answers(domain) else { return ended(.bad(reason: "connection refused")) }
      if flapping.contains(request.workload) {
        let isBad = !(flaps[request.workload]?[request.check] ?? false)
        flaps[request.workload, default: [:]][request.check] = isBad
        if isBad { return ended(.bad(reason: "no answer in time")) }
      }
      ended(.good)
    }
  }
}
