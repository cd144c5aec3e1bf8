import HoldfastChecks
import HoldfastModel

/// What one host's own checks find. What is wrong with it outlasts a reboot.
final class SimulatedNodeHealth {
  private unowned let host: SimulatedHost
  private let dice: Dice
  /// Checks that fail, and since when.
  private(set) var failing: [CheckName: Moment] = [:]
  /// Every second answer of theirs is bad.
  private(set) var flapping: Set<CheckName> = []
  /// They cannot be made.
  private(set) var blind: Set<CheckName> = []
  /// When they were last put right.
  private var mended: [CheckName: Moment] = [:]
  /// Of flapping ones whose last answer was bad.
  private var wasBad: Set<CheckName> = []

  /// - Parameter dice: of its own, so that node checks shake nothing else.
  init(_ host: SimulatedHost, dice: Dice) {
    self.host = host
    self.dice = dice
  }

  // MARK: what becomes of it

  func fail(_ check: CheckName, _ isFailing: Bool) {
    if !isFailing { mended[check] = host.world.now }
    failing[check] = isFailing ? failing[check] ?? host.world.now : nil
    host.world.chronicle?.changed()
  }

  func flap(_ check: CheckName, _ isFlapping: Bool) {
    if !isFlapping { mended[check] = host.world.now }
    if isFlapping { flapping.insert(check) } else { flapping.remove(check) }
  }

  func blind(_ check: CheckName, _ isBlind: Bool) {
    if isBlind { blind.insert(check) } else { blind.remove(check) }
  }

  func repair() {
    for check in flapping.union(failing.keys) { mended[check] = host.world.now }
    (failing, flapping, blind) = ([:], [], [])
  }

  /// It was bad now and then, at least, since that moment.
  func wasInTrouble(_ check: CheckName, since: Moment) -> Bool {
    failing[check] != nil || flapping.contains(check) || mended[check].map { $0 >= since } ?? false
  }

  // MARK: probes

  /// What comes of a probe that begins now, and when; nil: nothing ever does.
  func answer(_ request: NodeProbeRequest, _ ended: @escaping (ProbeResult.Answer) -> Void) {
    let isStorm = host.world.faults.isStorm
    if isStorm, dice.chance(0.003) { return }
    let late = isStorm && dice.chance(0.003) ? Span(request.timeout) + dice.seconds(0...5) : .zero
    host.after(dice.milliseconds(1...20) + late) { [self] in
      if blind.contains(request.check) { return ended(.cannotTell(reason: "the program that asks is missing")) }
      if failing[request.check] != nil { return ended(.bad(reason: Self.trouble(request.probe))) }
      if flapping.contains(request.check), wasBad.symmetricDifference([request.check]).contains(request.check) {
        wasBad.insert(request.check)
        return ended(.bad(reason: Self.trouble(request.probe)))
      }
      wasBad.remove(request.check)
      ended(.good)
    }
  }

  private static func trouble(_ probe: NodeProbe) -> String {
    switch probe {
    case .link(let name): "\(name) is down"
    case .ping(let probe): "\(probe.address) does not answer"
    case .gateway: "the gateway does not answer"
    case .writable(let path): "\(path) is read-only"
    case .diskSpace(let probe): "\(probe.path) is full"
    case .memory: "memory is short"
    case .script(let probe): "\(probe.path) ends with status 1"
    }
  }
}
