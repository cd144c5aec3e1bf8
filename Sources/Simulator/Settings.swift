import HoldfastModel

/// A world to run.
public struct Settings: Sendable {
  public var cluster: ClusterSetup
  public var faults: FaultRates
  /// What happens, instead of what chance would bring: for a replay.
  public var schedule: [Scheduled]?
  /// Other numbers give other delays for the same seed and the same faults.
  public var chance: UInt64 = 0
  /// The clocks' rates differ from the world's by at most this, in parts per million.
  public var clockDrift: Int
  /// How long faults happen.
  public var stormTime: Span
  /// How long the cluster gets to come to rest afterwards.
  public var calmTime: Span
  /// The last part of the calm, in which nothing may move any more.
  public var stillTime = Span.seconds(40)
  /// The store's records are put through their codec as well: thorough, and slow.
  public var checksCodec = false
  /// After so many turns each controller is asked whether it overlooked something: at this distance that costs one to four hundredths of a search.
  /// A prime, so that the looks do not fall into step with what controllers do at regular intervals.
  public var turnsBetweenLooks = 997
  /// What controllers are told and ask for is hashed by content as well.
  public var takesFingerprint = false
  /// The story is kept in words.
  public var keepsStory = false
  public var tampering: (@Sendable () -> any Tampering)?

  public init(
    cluster: ClusterSetup, faults: FaultRates = .none, stormTime: Span = .seconds(120), calmTime: Span = .seconds(180)
  ) {
    self.cluster = cluster
    self.faults = faults
    self.stormTime = stormTime
    self.calmTime = calmTime
    clockDrift = Int(cluster.timing.drift)
  }

  var timing: Timing { cluster.timing }

  /// Two minutes of everything at once; the cluster's size and times come from the seed.
  ///
  /// - Parameters:
  ///   - checks: workloads have checks, and services fail.
  ///   - addresses: workloads have addresses, and what has to do with these fails.
  ///   - nodeChecks: nodes have checks, and fail them.
  ///   - parts: workloads are made of parts of the host, and these fail.
  public static func dense(
    seed: UInt64, checks: Bool = false, addresses: Bool = false, nodeChecks: Bool = false, parts: Bool = false
  ) -> Settings {
    let dice = Dice(seed: seed, matter: 99)
    let nodes = dice.number(2...5)
    let workloads = dice.number(2...10)
    // Mostly room enough; sometimes just enough for the loss of a node, or not even without one.
    let share = dice.chance(0.25) ? max(1, workloads / nodes) : workloads / max(1, nodes - 1) + 2
    let memory = dice.chance(0.4) ? 256 * share + 128 : 8192
    var timing = Timing()
    timing.ttl = dice.chance(0.3) ? .seconds(1) : dice.chance(0.3) ? .seconds(5) : .seconds(3)
    var cluster = ClusterSetup.uniform(
      nodes: nodes, workloads: workloads, memory: memory, unmanaged: dice.number(0...2), timing: timing)
    // Not every node can run everything.
    if dice.chance(0.2) { cluster.makeUneven() }
    if dice.chance(0.4) { cluster.policies = MadeUpPolicies.sets(for: cluster, dice) }
    cluster.migrate(Dice(seed: seed, matter: 97))
    if checks { cluster.addChecks(Dice(seed: seed, matter: 96)) }
    if addresses { cluster.addAddresses(Dice(seed: seed, matter: 95)) }
    if nodeChecks { cluster.addNodeChecks(Dice(seed: seed, matter: 94)) }
    if parts { cluster.addParts(Dice(seed: seed, matter: 93)) }
    var faults = checks ? FaultRates.dense.withServices() : .dense
    if addresses { faults = faults.withAddresses() }
    if parts { faults = faults.withParts() }
    return Settings(cluster: cluster, faults: nodeChecks ? faults.withNodeTroubles() : faults)
  }

  /// Hours of everything. The calm at the end is a part of the time.
  ///
  /// - Parameters:
  ///   - length: at least ten minutes make sense.
  ///   - faults: what goes wrong, and how often. Where services fail, workloads have checks; where addresses or parts do, they have some.
  public static func long(
    seed: UInt64, nodes: Int = 5, workloads: Int = 30, length: Span = .seconds(3600), faults: FaultRates = .sparse
  ) -> Settings {
    let dice = Dice(seed: seed, matter: 98)
    // Most have room for the loss of a node; some are so tight that not everything fits then.
    let others = max(1, nodes - 1)
    let share = (workloads + others - 1) / others
    let memory = 256 * (dice.chance(0.2) ? max(1, share - 1) : dice.chance(0.5) ? share + 2 : 2 * share) + 128
    var timing = Timing()
    timing.ttl = .seconds([3, 3, 5, 10][dice.number(0...3)])
    var cluster = ClusterSetup.uniform(nodes: nodes, workloads: workloads, memory: memory, unmanaged: 1, timing: timing)
    if dice.chance(0.4) { cluster.policies = MadeUpPolicies.sets(for: cluster, dice) }
    cluster.migrate(Dice(seed: seed, matter: 97))
    if faults.strikesServices { cluster.addChecks(Dice(seed: seed, matter: 96)) }
    if faults.strikesAddresses { cluster.addAddresses(Dice(seed: seed, matter: 95)) }
    if faults.strikesNodeChecks { cluster.addNodeChecks(Dice(seed: seed, matter: 94)) }
    if faults.strikesParts { cluster.addParts(Dice(seed: seed, matter: 93)) }
    let calm = Span.seconds(min(300, length.inSeconds / 2))
    return Settings(cluster: cluster, faults: faults, stormTime: length - calm - Simulation.warmUp, calmTime: calm)
  }
}
