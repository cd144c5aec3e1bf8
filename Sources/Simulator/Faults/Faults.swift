import GuardProtocol
import HoldfastCore

/// What goes wrong, when, and for how long: all from the seed, many things at once.
///
/// Some pairs of faults no clock can stand (design brief, 2.10) and are kept apart: a guard that is gone while its controller is
/// down or stopped, so that nobody is left to notice the deadline.
final class Faults {
  private unowned let world: World
  private let dice: Dice
  private(set) var isStorm = false
  private var rates: FaultRates { world.settings.faults }

  init(_ world: World, dice: Dice) {
    self.world = world
    self.dice = dice
  }

  // MARK: the storm

  func begin() {
    isStorm = true
    world.tell("the storm begins")
    repeatedly(rates.controllerCrash) { [unowned self] in crashController() }
    repeatedly(rates.controllerHalt) { [unowned self] in haltController() }
    repeatedly(rates.guardKill) { [unowned self] in killGuard() }
    repeatedly(rates.hostCrash) { [unowned self] in crashHost() }
    repeatedly(rates.hostPause) { [unowned self] in pauseHost() }
    repeatedly(rates.clockChange) { [unowned self] in changeClock() }
    repeatedly(rates.partition) { [unowned self] in cutLink() }
    repeatedly(rates.storeOutage) { [unowned self] in stopStore() }
    repeatedly(rates.storeSlow) { [unowned self] in slowStore() }
    repeatedly(rates.watchDeaf) { [unowned self] in deafenWatch() }
    repeatedly(rates.compaction) { [unowned self] in world.store.compact() }
    repeatedly(rates.libvirtKill) { [unowned self] in killLibvirt() }
    repeatedly(rates.libvirtHang) { [unowned self] in hangLibvirt() }
    repeatedly(rates.libvirtSlow) { [unowned self] in slowLibvirt() }
    repeatedly(rates.libvirtFailures) { [unowned self] in failLibvirt() }
    repeatedly(rates.startBroken) { [unowned self] in breakStart() }
    repeatedly(rates.domainDeath) { [unowned self] in endDomain() }
    repeatedly(rates.operatorCommand) { [unowned self] in world.operators.random() }
  }

  private func repeatedly(_ mean: Double, _ body: @escaping () -> Void) {
    guard mean > 0 else { return }
    world.after(dice.seconds(0.01 * mean...2 * mean)) { [unowned self] in
      guard isStorm else { return }
      body()
      repeatedly(mean, body)
    }
  }

  /// Everything that is broken is repaired.
  func end() {
    isStorm = false
    world.tell("the storm is over")
    world.store.serve(.serving)
    world.store.pace = 0.3...1.5
    for host in world.hosts {
      host.link.quality = Link.Quality()
      host.link.mend()
      host.resume()
      host.powerOn()
      host.libvirt.broken = [:]
      host.libvirt.failures = 0
      host.libvirt.slowness = nil
      host.libvirt.restart()
      host.libvirt.hang(false)
      host.after(.milliseconds(100)) { [unowned host] in
        host.startGuard()
        host.hasLeft = false
        host.startController()
      }
    }
  }

  // MARK: single acts

  func freezeTime(_ dice: Dice) -> Duration {
    dice.chance(isStorm ? rates.slowFreezes : 0) ? dice.milliseconds(2...20) : dice.milliseconds(0.1...0.6)
  }
  func timerLateness(_ dice: Dice) -> Duration {
    dice.chance(isStorm ? rates.slowFreezes : 0) ? dice.milliseconds(0.5...10) : dice.milliseconds(0.02...0.3)
  }
  func killFails(_ dice: Dice) -> Bool { dice.chance(isStorm ? rates.failedKills : 0) }

  func maybeHalt(_ process: ControllerProcess) {
    guard isStorm, dice.chance(rates.haltsBetweenSteps), process.host.guardian != nil else { return }
    process.halt(for: dice.chance(0.5) ? dice.milliseconds(1...100) : dice.seconds(0.1...8))
  }

  // MARK: the kinds

  private func anyHost(where suits: (SimulatedHost) -> Bool = { _ in true }) -> SimulatedHost? {
    dice.pick(world.hosts.filter { $0.isUp && suits($0) })
  }

  private func crashController() {
    guard let host = anyHost(where: { $0.controller != nil && $0.guardian != nil }) else { return }
    host.killController()
    host.after(dice.chance(0.5) ? dice.milliseconds(50...500) : dice.seconds(0.5...15)) { [unowned host] in
      if !host.hasLeft { host.startController() }
    }
  }

  private func haltController() {
    guard let host = anyHost(where: { $0.controller != nil && $0.guardian != nil }) else { return }
    host.controller?.halt(for: dice.seconds(0.05...10))
  }

  private func killGuard() {
    guard let host = anyHost(where: { $0.guardian != nil && $0.controller.map { !$0.isHalted } ?? false }) else { return }
    host.killGuard()
    host.after(dice.milliseconds(20...1500)) { [unowned host] in host.startGuard() }
  }

  private func crashHost() {
    guard let host = anyHost() else { return }
    host.crash()
    world.after(dice.seconds(0.5...40)) { [unowned host] in host.powerOn() }
  }

  private func pauseHost() {
    guard let host = anyHost(where: { !$0.isPaused }) else { return }
    host.pause()
    world.after(dice.milliseconds(rates.hostPauseLength)) { [unowned host] in host.resume() }
  }

  private func changeClock() {
    let drift = Int(world.settings.timing.drift)
    guard world.settings.clocksDrift, let host = anyHost() else { return }
    host.changeClock(rate: Int64(dice.chance(0.5) ? drift : dice.number(-drift...drift)))
  }

  private func cutLink() {
    let some = world.hosts.filter { _ in dice.chance(0.35) }
    let directions: Set<Link.Direction> =
      dice.chance(0.5) ? [.toStore, .fromStore] : dice.chance(0.5) ? [.toStore] : [.fromStore]
    let length = dice.chance(0.4) ? dice.milliseconds(20...900) : dice.seconds(0.5...15)
    guard !some.isEmpty else { return }
    let names = some.map(\.name.text).joined(separator: ", ")
    world.tell("\(names) cut off (\(directions.map(\.rawValue).sorted())) for \(length.inSeconds) s")
    for host in some { host.link.sever(directions) }
    world.after(length) { [unowned self] in
      world.tell("\(names) connected again")
      for host in some { host.link.mend() }
    }
  }

  private func stopStore() {
    guard world.store.service == .serving else { return }
    let service: SimulatedStore.Service = dice.chance(0.6) ? .silent : .refusing
    let length = dice.chance(0.5) ? dice.seconds(0.3...2) : dice.seconds(1...12)
    world.tell("the store is \(service.rawValue) for \(length.inSeconds) s")
    world.store.serve(service)
    world.after(length) { [unowned self] in
      world.tell("the store serves again")
      world.store.serve(.serving)
    }
  }

  private func slowStore() {
    world.tell("the store is slow")
    world.store.pace = dice.chance(0.5) ? 20...200 : 100...1200
    world.after(dice.seconds(0.5...6)) { [unowned self] in world.store.pace = 0.3...1.5 }
  }

  private func deafenWatch() {
    guard let host = anyHost(where: { $0.controller != nil }) else { return }
    let length = dice.seconds(0.1...8)
    host.tell("its watch is deaf for \(length.inSeconds) s")
    host.controller?.deafenWatch(for: length)
  }

  private func killLibvirt() {
    guard let host = anyHost(where: { $0.libvirt.isUp }) else { return }
    host.libvirt.kill()
    host.after(dice.seconds(0.5...20)) { [unowned host] in host.libvirt.restart() }
  }

  private func hangLibvirt() {
    guard let host = anyHost(where: { $0.libvirt.isUp }) else { return }
    host.libvirt.hang(true)
    host.after(dice.seconds(0.2...20)) { [unowned host] in host.libvirt.hang(false) }
  }

  private func slowLibvirt() {
    guard let host = anyHost() else { return }
    host.tell("libvirt is slow")
    host.libvirt.slowness = dice.chance(0.5) ? 100...1500 : 500...9000
    host.after(dice.seconds(1...20)) { [unowned host] in host.libvirt.slowness = nil }
  }

  private func failLibvirt() {
    guard let host = anyHost() else { return }
    host.tell("libvirt's calls fail now and then")
    host.libvirt.failures = 0.5
    host.after(dice.seconds(1...15)) { [unowned host] in host.libvirt.failures = 0 }
  }

  private func breakStart() {
    guard let host = anyHost(), let workload = dice.pick(world.operators.known) else { return }
    host.tell("\(workload) does not start here for a while")
    host.libvirt.broken[workload.text] = "its image is missing"
    host.after(dice.seconds(5...60)) { [unowned host] in host.libvirt.broken[workload.text] = nil }
  }

  private func endDomain() {
    guard let host = anyHost(), let name = dice.pick(host.domains.keys.sorted()), let domain = host.domains[name] else {
      return
    }
    host.after(.zero) { [unowned host] in
      if !host.isFrozen(domain), !domain.isKilled { host.remove(domain, why: "it ended by itself") }
    }
  }
}
