import HoldfastModel

/// A live migration between two hosts' libvirts, as libvirt's own protocol has it: the target prepares, the memory is sent, the source
/// is paused, the target finishes (and stays paused), its answer comes, the source ends its domain. Where the answer does not come,
/// the source is resumed, unless it was paused before.
final class SimulatedMigration {
  let domain: SimulatedDomain
  var isCancelled = false
  var breaks: Happening.MigrationStep?
  private let source: SimulatedHost
  private let target: SimulatedHost
  private let sourceLife: Int
  private let targetLife: Int
  private let targetBoot: Int32
  private let ended: (OperationOutcome) -> Void
  private let limit: Moment
  private var copy: SimulatedDomain?
  private var isOver = false
  /// Milliseconds.
  private var left: Double
  private var dice: Dice { source.dice }

  init(
    _ domain: SimulatedDomain, from source: SimulatedHost, to target: SimulatedHost, _ limits: MigrationLimits,
    _ ended: @escaping (OperationOutcome) -> Void
  ) {
    self.domain = domain
    self.source = source
    self.target = target
    self.ended = ended
    limit = source.world.now + .seconds(limits.time)
    sourceLife = source.libvirt.lives
    targetLife = target.libvirt.lives
    targetBoot = target.boot
    let usually = source.dice.number(0...9) == 0 ? 20_000 : Double(source.dice.number(100...3000))
    left = limits.bandwidth.map { Double(domain.memory) / Double($0) * 1000 } ?? usually
  }

  func begin() {
    guard breaks != .prepare, let copy = target.libvirt.receive(domain) else { return giveUp("the target does not take it") }
    self.copy = copy
    // What comes to nothing without an answer is noticed on the target, sooner or later.
    send()
  }

  private var isTargetThere: Bool {
    target.isUp && target.boot == targetBoot && target.libvirt.isUp && target.libvirt.lives == targetLife
      && copy?.isGone == false && copy?.isKilled == false
  }

  private func send() {
    source.after(dice.milliseconds(20...60)) { [self] in
      guard !isOver, source.libvirt.lives == sourceLife else { return }
      if domain.isGone || domain.isKilled { return giveUp("the domain is gone") }
      guard isTargetThere else { return giveUp("the target is gone") }
      if isCancelled || source.world.now >= limit { return giveUp("it was given up") }
      if breaks == .transfer, left < 1000 { return giveUp("the connection broke") }
      let isHeldUp = source.isFrozen(domain) || copy.map(target.isFrozen) ?? true || !target.libvirt.answers || target.isPaused
      if !isHeldUp { left -= 40 }
      if left <= 0 { standStill() } else { send() }
    }
  }

  private func standStill() {
    if domain.pause == nil { source.libvirt.pause(domain, as: .sent) }
    source.after(dice.milliseconds(5...60)) { [self] in
      guard !isOver, source.libvirt.lives == sourceLife else { return }
      guard isTargetThere, !domain.isGone, let copy else { return giveUp("the target is gone") }
      copy.completedAt = source.world.now
      target.libvirt.pause(copy, as: .suspended)
      if breaks == .finish {
        // libvirt's answer to that: the source is resumed, whatever is on the other side.
        self.copy = dice.chance(0.5) ? copy : nil
        return giveUp("the answer of the target did not come")
      }
      confirm()
    }
  }

  private func confirm() {
    source.after(dice.milliseconds(1...30)) { [self] in
      guard !isOver, source.libvirt.lives == sourceLife else { return }
      if breaks == .confirm {
        source.libvirt.kill()
        return source.after(dice.milliseconds(200...3000)) { [source] in source.libvirt.restart() }
      }
      end()
      source.kill(domain, why: "it was migrated", lasting: dice.milliseconds(2...40), end: .migrated)
      domain.whenGone { [ended] in ended(.done) }
    }
  }

  /// The source's libvirt is gone: the domain stays as it is, and what arrives is dropped unless all of it is there.
  func sourceDied() {
    isOver = true
    dropCopy()
    // The next one finds a domain that is paused, and lets it be.
  }

  private func end() {
    isOver = true
    source.libvirt.migrations[domain.id.name] = nil
  }

  private func giveUp(_ reason: String) {
    end()
    dropCopy()
    if !domain.isGone, !domain.isKilled, domain.pause == .sent { source.libvirt.goOn(domain) }
    source.after(dice.milliseconds(1...50)) { [ended] in ended(.failed(reason: reason)) }
  }

  /// The target's libvirt ends what has not arrived whole, when it notices.
  private func dropCopy() {
    guard let copy, target.isUp, target.boot == targetBoot, copy.pause == .arriving || !isOver || dice.chance(0.5) else {
      return
    }
    target.after(dice.milliseconds(5...3000)) { [target] in
      guard !copy.isGone, copy.pause != nil else { return }
      target.libvirt.destroy(copy)
    }
  }
}
