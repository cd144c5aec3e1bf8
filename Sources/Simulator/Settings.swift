import HoldfastCore

/// How often what goes wrong. Intervals are mean seconds between two of a kind in the whole cluster; 0: never.
public struct FaultRates: Sendable {
  public var controllerCrash = 0.0
  public var controllerHalt = 0.0
  public var guardKill = 0.0
  public var hostCrash = 0.0
  public var hostPause = 0.0
  public var clockChange = 0.0
  public var partition = 0.0
  public var storeOutage = 0.0
  public var storeSlow = 0.0
  public var watchDeaf = 0.0
  public var compaction = 0.0
  public var libvirtKill = 0.0
  public var libvirtHang = 0.0
  public var libvirtSlow = 0.0
  public var libvirtFailures = 0.0
  public var startBroken = 0.0
  public var domainDeath = 0.0
  public var operatorCommand = 0.0
  /// Milliseconds.
  public var hostPauseLength: ClosedRange<Double> = 1...60

  // Shares of single messages and acts.
  public var lateMessages = 0.0
  public var lostMessages = 0.0
  public var heldMessages = 0.0
  public var slowFreezes = 0.0
  public var failedKills = 0.0
  /// Of the steps of a controller, that it is stopped right there.
  public var haltsBetweenSteps = 0.0

  public init() {}

  public static let none = FaultRates()

  /// Everything at once.
  public static let everything: FaultRates = {
    var rates = FaultRates()
    rates.controllerCrash = 20
    rates.controllerHalt = 25
    rates.guardKill = 25
    rates.hostCrash = 45
    rates.hostPause = 20
    rates.clockChange = 15
    rates.partition = 12
    rates.storeOutage = 50
    rates.storeSlow = 40
    rates.watchDeaf = 15
    rates.compaction = 20
    rates.libvirtKill = 35
    rates.libvirtHang = 40
    rates.libvirtSlow = 30
    rates.libvirtFailures = 60
    rates.startBroken = 40
    rates.domainDeath = 15
    rates.operatorCommand = 6
    rates.lateMessages = 0.02
    rates.lostMessages = 0.005
    rates.heldMessages = 0.5
    rates.slowFreezes = 0.1
    rates.failedKills = 0.1
    rates.haltsBetweenSteps = 0.0003
    return rates
  }()
}

/// A world to run.
public struct Settings: Sendable {
  public var nodes = 3
  public var workloads = 6
  /// MiB that a node has for workloads; each workload needs 256.
  public var memory = 4096
  public var timing = Timing()
  public var faults = FaultRates.none
  public var sabotage: Sabotage = []
  public var story: Story.Length = .last(300)
  /// How long faults happen.
  public var stormTime = Duration.seconds(120)
  /// How long the cluster gets to settle afterwards, and for how long nothing may move then.
  public var calmTime = Duration.seconds(180)
  public var stillTime = Duration.seconds(40)
  /// Clocks run within the drift.
  public var clocksDrift = true
  /// Domains that nobody protects, on each node.
  public var unmanaged = 1

  public init() {}

  /// What a seed of the great run looks like: size and faults from the seed itself.
  public static func storm(seed: UInt64) -> Settings {
    let dice = Dice(seed: seed, matter: 99)
    var settings = Settings()
    settings.nodes = dice.number(2...5)
    settings.workloads = dice.number(2...10)
    settings.memory = dice.chance(0.3) ? 256 * (settings.workloads / max(1, settings.nodes - 1) + 2) : 8192
    settings.timing.ttl = dice.chance(0.3) ? .seconds(1) : dice.chance(0.3) ? .seconds(5) : .seconds(3)
    settings.faults = .everything
    settings.unmanaged = dice.number(0...2)
    return settings
  }

  /// The times that the controllers are told.
  var coreTiming: Timing {
    var told = timing
    if sabotage.contains(.earlyExpiry) { told.margin = .zero - timing.ttl / 3 }
    if sabotage.contains(.driftIgnored) {
      told.drift = 0
      told.margin = .zero
      told.stopBudget = .zero
    }
    return told
  }
}
