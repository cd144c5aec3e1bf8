import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import HostParts

/// What goes wrong, when, and for how long: all from the seed, many things at once, or from a schedule.
///
/// Some pairs of faults no clock can stand (design brief, 2.10) and are kept apart: a guard that is gone while its controller is
/// down or stopped, so that nobody is left to notice the deadline.
final class FaultSource {
  private unowned let world: World
  private let dice: Dice
  private(set) var isStorm = false
  /// There was a storm.
  private(set) var isOver = false
  private var rates: FaultRates { world.settings.faults }

  init(_ world: World, dice: Dice) {
    self.world = world
    self.dice = dice
  }

  // MARK: the storm

  func begin() {
    isStorm = true
    world.tell("the storm begins")
    if let schedule = world.settings.schedule {
      for scheduled in schedule {
        world.at(scheduled.at) { [self] in if isBearable(scheduled.happening) { world.happen(scheduled.happening) } }
      }
      return
    }
    for kind in FaultKind.allCases { if let interval = rates.intervals[kind] { again(kind, interval.inSeconds, until: nil) } }
    if let burst = rates.burst { nextBurst(burst) }
  }

  /// Everything that is broken is repaired.
  func end() {
    isStorm = false
    isOver = true
    world.tell("the storm is over")
    world.repairEverything()
  }

  private func again(_ kind: FaultKind, _ mean: Double, until end: Moment?) {
    world.after(dice.seconds(0.01 * mean...2 * mean)) { [self] in
      if let end, world.now >= end { return }
      guard isStorm else { return }
      strike(kind)
      again(kind, mean, until: end)
    }
  }

  private func nextBurst(_ burst: FaultRates.Burst) {
    world.after(dice.span(.zero...burst.every + burst.every)) { [self] in
      guard isStorm else { return }
      let end = world.now + dice.span(burst.length)
      for kind in FaultKind.allCases {
        if let interval = rates.intervals[kind] { again(kind, interval.inSeconds / burst.factor, until: end) }
      }
      world.at(end) { [self] in nextBurst(burst) }
    }
  }

  /// A fail-over has begun: the best time for the next fault.
  func aftershock() {
    guard isStorm, world.settings.schedule == nil, dice.chance(rates.aftershock) else { return }
    let kinds = FaultKind.allCases.filter { rates.intervals[$0] != nil }
    guard let any = dice.pick(kinds) else { return }
    // Claims are under way right now: a cut keeps some of them for later.
    let kind = dice.chance(0.3) && kinds.contains(.partition) ? .partition : any
    let delays: [ClosedRange<Double>] = [0...5, 0...100, 100...2000]
    world.after(dice.milliseconds(delays[dice.number(0...2)])) { [self] in if isStorm { strike(kind) } }
  }

  private func strike(_ kind: FaultKind) {
    guard let happening = draw(kind), isBearable(happening) else { return }
    world.tally.count(kind)
    world.happen(happening)
  }

  /// Whether somebody is left to notice the deadline.
  private func isBearable(_ happening: Happening) -> Bool {
    switch happening {
    case .controllerDies(let node, _), .controllerHalts(let node, _), .controllerHaltsBetweenSteps(let node, _, _):
      world.host(node)?.guardProcess != nil
    case .guardDies(let node, _): world.host(node)?.controller.map { !$0.isHalted } ?? false
    case .bothDie(let node, let guardBack, _): world.host(node).map { isBearable(on: $0, without: guardBack) } ?? false
    default: true
    }
  }

  /// The next guard is there before the deadline.
  private func isBearable(on host: SimulatedHost, without guardBack: Span) -> Bool {
    guard let controller = host.controller, !controller.isHalted, let guardProcess = host.guardProcess, !host.isPaused else {
      return false
    }
    guard !guardProcess.isIsolated else { return true }
    let left = controller.core.session.deadline.map { Span($0 - host.now) }
    return left.map { $0 > guardBack + .milliseconds(50) } ?? false
  }

  // MARK: what exactly

  private func anyHost(where suits: (SimulatedHost) -> Bool = { _ in true }) -> SimulatedHost? {
    dice.pick(world.hosts.filter { $0.isUp && suits($0) })
  }

  private func draw(_ kind: FaultKind) -> Happening? {
    switch kind {
    case .controllerCrash, .controllerHalt, .haltBetweenSteps, .guardCrash, .bothCrash: drawProcess(kind)
    case .hostCrash, .plannerCrash, .hostPause, .longHostPause, .clockChange: drawHost(kind)
    case .slowFreezes, .unconfirmedFreezes, .heldFreezes, .failedKills, .lateTimers: drawKernel(kind)
    case .partition, .badLinks: drawLinks(kind)
    case .storeOutage, .storeFull, .storeSlow, .leaderChange, .compaction, .deafWatch: drawStore(kind)
    case .libvirtCrash, .libvirtHang, .libvirtSlow, .libvirtFailures, .brokenStart, .brokenMigration, .domainEnd:
      drawLibvirt(kind)
    case .order: world.operators.random(dice)
    case .serviceDeath, .brokenService, .flappingService, .blindChecks: drawService(kind)
    case .powerDown, .guestCrash: drawGuest(kind)
    case .slowAddresses, .failedAddresses, .stranger, .lostAddress: drawAddresses(kind)
    case .nodeTrouble, .commonTrouble, .flappingNode, .blindNode: drawNodeCheck(kind)
    case .partDeath, .brokenPart, .stuckPart, .blindPart: drawPart(kind)
    }
  }

  private func drawProcess(_ kind: FaultKind) -> Happening? {
    guard let host = anyHost(where: { $0.controller != nil && $0.guardProcess != nil }) else { return nil }
    switch kind {
    case .controllerCrash:
      return .controllerDies(host.name, back: dice.chance(0.5) ? dice.milliseconds(50...500) : dice.seconds(0.5...15))
    case .controllerHalt: return .controllerHalts(host.name, for: dice.seconds(0.05...10))
    case .haltBetweenSteps:
      let length = dice.chance(0.5) ? dice.milliseconds(1...100) : dice.seconds(0.1...8)
      return .controllerHaltsBetweenSteps(host.name, after: dice.number(0...20), for: length)
    case .guardCrash:
      // Sometimes it is away for longer than its node may wait for it.
      return .guardDies(host.name, back: dice.chance(0.15) ? dice.seconds(2...60) : dice.milliseconds(20...1500))
    default: return .bothDie(host.name, guardBack: dice.milliseconds(20...300), controllerBack: dice.seconds(0.3...10))
    }
  }

  private func drawHost(_ kind: FaultKind) -> Happening? {
    switch kind {
    case .hostCrash: return anyHost().map { .powerFails($0.name, back: dice.seconds(0.5...40)) }
    case .plannerCrash:
      guard let node = world.store.planner?.node, world.host(node)?.isUp == true else { return nil }
      return .powerFails(node, back: dice.seconds(0.5...40))
    case .hostPause: return anyHost { !$0.isPaused }.map { .hostPauses($0.name, for: dice.milliseconds(1...60)) }
    case .longHostPause: return anyHost { !$0.isPaused }.map { .hostPauses($0.name, for: dice.seconds(0.1...15)) }
    default:
      let drift = world.settings.clockDrift
      guard drift > 0 else { return nil }
      return anyHost().map { .clockRuns($0.name, rate: dice.chance(0.5) ? drift : dice.number(-drift...drift)) }
    }
  }

  private func drawKernel(_ kind: FaultKind) -> Happening? {
    guard let host = anyHost() else { return nil }
    let length = dice.seconds(1...20)
    switch kind {
    case .slowFreezes: return .freezesSlowly(host.name, by: dice.milliseconds(2...20), for: length)
    case .unconfirmedFreezes: return .freezesUnconfirmed(host.name, for: length)
    case .heldFreezes: return .startsHoldFreezes(host.name, for: length)
    case .failedKills: return .killsFail(host.name, for: length)
    default: return .timersLate(host.name, by: dice.milliseconds(0.5...10), for: length)
    }
  }

  private func drawLinks(_ kind: FaultKind) -> Happening? {
    if kind == .badLinks {
      return anyHost().map { .linksBad([$0.name], share: dice.chance(0.5) ? 0.05 : 0.3, for: dice.seconds(0.5...15)) }
    }
    let some = world.hosts.filter { _ in dice.chance(0.35) }.map(\.name)
    let way: Happening.Way = dice.chance(0.5) ? .both : dice.chance(0.5) ? .requests : .answers
    let length = dice.chance(0.4) ? dice.milliseconds(20...900) : dice.seconds(0.5...15)
    return some.isEmpty ? nil : .cutOff(some, way, for: length)
  }

  private func drawStore(_ kind: FaultKind) -> Happening? {
    switch kind {
    case .storeOutage:
      guard world.store.service == .serving else { return nil }
      return .storeStops(
        dice.chance(0.6) ? .silent : .refusing, for: dice.chance(0.5) ? dice.seconds(0.3...2) : dice.seconds(1...12))
    case .storeFull: return world.store.isFull ? nil : .storeFull(for: dice.seconds(1...30))
    case .storeSlow:
      let isMild = dice.chance(0.5)
      return .storeSlows(least: isMild ? 20 : 100, most: isMild ? 200 : 1200, for: dice.seconds(0.5...6))
    case .leaderChange: return world.store.service == .serving ? .storeChangesLeader(for: dice.seconds(0.1...1.6)) : nil
    case .compaction: return .storeCompacts
    default: return anyHost { $0.controller != nil }.map { .watchDeaf($0.name, for: dice.seconds(0.1...8)) }
    }
  }

  private func drawService(_ kind: FaultKind) -> Happening? {
    let checked = world.settings.cluster.workloads.filter { !$0.checks.isEmpty }.map(\.name)
    guard let workload = dice.pick(checked), let node = dice.pick(world.hosts)?.name else { return nil }
    // Mostly where it runs.
    let place = world.store.claim(of: workload)?.holder?.node
    let target = dice.chance(0.8) ? place ?? node : node
    switch kind {
    case .serviceDeath: return .serviceDies(workload)
    case .brokenService: return .serviceBreaks(workload, target, for: dice.seconds(5...60))
    case .flappingService: return .serviceFlaps(workload, target, for: dice.seconds(2...30))
    default: return .checksBlind(workload, target, for: dice.seconds(2...40))
    }
  }

  private func drawAddresses(_ kind: FaultKind) -> Happening? {
    if kind == .stranger {
      let all = world.settings.cluster.workloads.flatMap(\.addresses).map(\.address)
      return dice.pick(all).map { .strangerTakes($0, for: dice.seconds(1...40)) }
    }
    if kind == .lostAddress {
      guard let host = anyHost(where: { !$0.addresses.up.isEmpty }) else { return nil }
      return dice.pick(host.addresses.up.sorted()).map { .addressIsLost(host.name, $0.address) }
    }
    guard let host = anyHost() else { return nil }
    return kind == .slowAddresses
      ? .addressesSlow(host.name, by: dice.milliseconds(1...6), for: dice.seconds(1...20))
      : .addressesFail(host.name, for: dice.seconds(1...20))
  }

  private func drawNodeCheck(_ kind: FaultKind) -> Happening? {
    let checks = Set(world.settings.cluster.policies.flatMap(\.nodeChecks).map(\.check.name))
    guard let check = dice.pick(checks.sorted()), let node = dice.pick(world.hosts)?.name else { return nil }
    return switch kind {
    case .nodeTrouble: .nodeCheckFails(check, [node], for: dice.seconds(5...60))
    case .commonTrouble: .nodeCheckFails(check, world.hosts.map(\.name), for: dice.seconds(5...60))
    case .flappingNode: .nodeCheckFlaps(check, [node], for: dice.seconds(2...30))
    default: .nodeCheckBlind(check, [node], for: dice.seconds(2...40))
    }
  }

  private func drawPart(_ kind: FaultKind) -> Happening? {
    let made = world.settings.cluster.workloads.filter { !$0.parts.isEmpty }
    guard let workload = dice.pick(made), let part = dice.pick(workload.parts), let node = dice.pick(world.hosts)?.name else {
      return nil
    }
    let name = PartName(part.name, of: workload.name)
    // Mostly where it runs.
    let place = world.store.claim(of: workload.name)?.holder?.node
    let target = dice.chance(0.8) ? place ?? node : node
    switch kind {
    case .partDeath: return .partDies(name)
    case .brokenPart: return .partStartBreaks(name, target, hangs: dice.chance(0.4), for: dice.seconds(5...60))
    case .stuckPart: return .partStopBreaks(name, target, hangs: dice.chance(0.4), for: dice.seconds(5...60))
    default: return .partBlind(name, target, for: dice.seconds(2...30))
    }
  }

  private func drawGuest(_ kind: FaultKind) -> Happening? {
    guard let host = anyHost(where: { $0.libvirt.isUp }), let name = dice.pick(host.domains.keys.sorted()) else { return nil }
    return kind == .powerDown ? .guestPowersDown(host.name, name) : .guestCrashes(host.name, name)
  }

  private func drawLibvirt(_ kind: FaultKind) -> Happening? {
    guard let host = anyHost(where: { $0.libvirt.isUp }) else { return nil }
    switch kind {
    case .libvirtCrash: return .libvirtDies(host.name, back: dice.seconds(0.5...20))
    case .libvirtHang: return .libvirtHangs(host.name, for: dice.seconds(0.2...20))
    case .libvirtSlow:
      let isMild = dice.chance(0.5)
      return .libvirtSlows(host.name, least: isMild ? 100 : 500, most: isMild ? 1500 : 9000, for: dice.seconds(1...20))
    case .libvirtFailures: return .libvirtFails(host.name, share: 0.5, for: dice.seconds(1...15))
    case .brokenStart:
      return dice.pick(world.operators.known).map { .startsBreak($0, host.name, times: nil, for: dice.seconds(5...60)) }
    case .brokenMigration:
      guard host.libvirt.interruptions.isEmpty, world.settings.cluster.nodes.contains(where: \.takesMigrations) else {
        return nil
      }
      return dice.pick(Happening.MigrationStep.allCases).map { .migrationBreaks(host.name, at: $0) }
    default: return dice.pick(host.domains.keys.sorted()).map { .domainEnds(host.name, $0) }
    }
  }
}
