/// The kinds of things that happen by chance. The raw values are the keys of a faults file.
public enum FaultKind: String, CaseIterable, Sendable {
  case controllerCrash = "controller-crash"
  case controllerHalt = "controller-halt"
  case haltBetweenSteps = "controller-halt-between-steps"
  case guardCrash = "guard-crash"
  case bothCrash = "both-crash"
  case hostCrash = "host-crash"
  case plannerCrash = "planner-crash"
  case hostPause = "host-pause"
  case longHostPause = "long-host-pause"
  case clockChange = "clock-change"
  case slowFreezes = "slow-freezes"
  case unconfirmedFreezes = "unconfirmed-freezes"
  case heldFreezes = "held-freezes"
  case failedKills = "failed-kills"
  case lateTimers = "late-timers"
  case partition = "partition"
  case badLinks = "bad-links"
  case storeOutage = "store-outage"
  case storeFull = "store-full"
  case storeSlow = "store-slow"
  case leaderChange = "store-leader-change"
  case compaction = "store-compaction"
  case deafWatch = "deaf-watch"
  case libvirtCrash = "libvirt-crash"
  case libvirtHang = "libvirt-hang"
  case libvirtSlow = "libvirt-slow"
  case libvirtFailures = "libvirt-failures"
  case brokenStart = "broken-start"
  case brokenMigration = "broken-migration"
  case domainEnd = "domain-end"
  case order = "order"
  case serviceDeath = "service-death"
  case brokenService = "broken-service"
  case flappingService = "flapping-service"
  case blindChecks = "blind-checks"
  case powerDown = "power-down"
  case guestCrash = "guest-crash"
  case slowAddresses = "slow-addresses"
  case failedAddresses = "failed-addresses"
  case stranger = "stranger"
  case lostAddress = "lost-address"
  case nodeTrouble = "node-trouble"
  case commonTrouble = "common-trouble"
  case flappingNode = "flapping-node"
  case blindNode = "blind-node"
  case partDeath = "part-death"
  case brokenPart = "broken-part"
  case stuckPart = "stuck-part"
  case blindPart = "blind-part"

  /// Those that only checks see.
  public static let ofServices: [FaultKind] = [.serviceDeath, .brokenService, .flappingService, .blindChecks]
  /// Those that only workloads with addresses notice.
  public static let ofAddresses: [FaultKind] = [.slowAddresses, .failedAddresses, .stranger, .lostAddress]

  /// Those that only node checks see.
  public static let ofNodeChecks: [FaultKind] = [.nodeTrouble, .commonTrouble, .flappingNode, .blindNode]

  /// Those that only workloads made of parts notice.
  public static let ofParts: [FaultKind] = [.partDeath, .brokenPart, .stuckPart, .blindPart]

  /// What it is, for people.
  public var meaning: String {
    switch self {
    case .controllerCrash: "A controller is killed and is back after 50 ms to 15 s."
    case .controllerHalt: "A controller is stopped (SIGSTOP) for 50 ms to 10 s."
    case .haltBetweenSteps:
      "A controller is stopped between two steps of one decision, or between looking at the clock and acting."
    case .guardCrash: "A guard is killed and is back after 20 ms to 1.5 s, sometimes after up to a minute."
    case .bothCrash:
      "A controller and its guard are killed at once; the guard is back after 20 ms to 300 ms, before the deadline."
    case .hostCrash: "A host loses power and boots again after 0.5 s to 40 s."
    case .plannerCrash: "The same, of the host whose controller is the planner."
    case .hostPause: "A host stops as a whole for 1 to 60 ms, and everything on it runs again at once."
    case .longHostPause: "The same for 0.1 s to 15 s."
    case .clockChange: "A host's clock runs at another rate, within the drift."
    case .slowFreezes: "For a while, freezes on a host take 2 to 20 ms longer."
    case .unconfirmedFreezes: "For a while, freezes on a host hold and cannot be confirmed."
    case .heldFreezes: "For a while, starts that a freeze catches on a host keep it from being confirmed until they are killed."
    case .failedKills: "For a while, every second attempt at a kill on a host reaches nobody."
    case .lateTimers: "For a while, the guard's timer on a host comes up to 10 ms late."
    case .partition: "Some hosts are cut off from the store, both ways or one way, for 20 ms to 15 s."
    case .badLinks: "For a while, a host's messages to and from the store are lost, late and overtaken by others."
    case .storeOutage: "The store is silent or refuses everything for 0.3 s to 12 s."
    case .storeFull: "The store is full for 1 s to 30 s: what puts anything is refused, what only deletes is applied."
    case .storeSlow: "The store takes up to 1.2 s for a request, for a while."
    case .leaderChange: "The store changes its leader: for up to 1.6 s requests wait, are refused, or vanish."
    case .compaction: "The store forgets its history: watches that lag must list anew."
    case .deafWatch: "A controller's watch tells nothing for up to 8 s."
    case .libvirtCrash: "libvirtd is killed, perhaps within a start, and is back after 0.5 s to 20 s."
    case .libvirtHang: "libvirtd takes calls and answers none for 0.2 s to 20 s."
    case .libvirtSlow: "Starts take 0.1 s to 9 s, for a while."
    case .libvirtFailures: "Every second call of libvirt fails, for a while."
    case .brokenStart: "A workload does not start on one host for 5 s to 60 s."
    case .brokenMigration:
      "The next live migration from a host breaks off: before, in the middle, or after all of it has arrived."
    case .domainEnd: "A domain ends by itself."
    case .order: "Somebody starts, stops, moves, defines, releases or adopts something, or makes a node leave."
    case .serviceDeath: "What a workload is for dies, and its domain runs on; started anew it answers again."
    case .brokenService: "A workload's service answers nothing on one host for 5 s to 60 s, whoever starts it."
    case .flappingService: "For a while, every second answer of a workload's service on a host is bad."
    case .blindChecks: "For a while, a workload's checks cannot be made on one host."
    case .powerDown: "A domain's guest powers itself off."
    case .guestCrash: "A domain's guest crashes, and libvirt keeps it as it is."
    case .slowAddresses: "For a while, changes of addresses on a host take 1 to 6 ms longer."
    case .failedAddresses: "For a while, no address can be added on a host."
    case .nodeTrouble: "A host fails a node check for 5 s to 60 s."
    case .commonTrouble: "All hosts fail a node check for 5 s to 60 s."
    case .flappingNode: "For a while, every second answer of a host's node check is bad."
    case .blindNode: "For a while, a node check cannot be made on one host."
    case .partDeath: "A part of a workload ends by itself: its daemon, or its mount."
    case .brokenPart: "A part of a workload does not start on one host, or its start hangs, for 5 s to 60 s."
    case .stuckPart: "A part of a workload does not stop on one host, as a busy mount, or its stop hangs, for 5 s to 60 s."
    case .blindPart: "For a while, a part's status does not answer on one host."
    case .stranger: "Somebody who is none of the cluster has a workload's address for 1 s to 40 s."
    case .lostAddress: "Somebody takes a workload's address from its link, and the guard there hears nothing of it."
    }
  }
}

/// How often what goes wrong.
public struct FaultRates: Sendable {
  /// The mean time between two of a kind, in the whole cluster. A kind that is not there does not happen.
  public var intervals: [FaultKind: Span]
  /// The share of all messages to and from the store that comes late, and that is lost.
  public var lateMessages = 0.0
  public var lostMessages = 0.0
  /// The chance that a fail-over is followed at once by another fault.
  public var aftershock = 0.0
  /// From time to time everything happens so many times as often.
  public var burst: Burst?

  public struct Burst: Hashable, Sendable {
    /// The mean time from one burst to the next.
    public var every: Span
    public var length: ClosedRange<Span>
    public var factor: Double

    public init(every: Span, length: ClosedRange<Span>, factor: Double) {
      self.every = every
      self.length = length
      self.factor = factor
    }
  }

  public init(_ intervals: [FaultKind: Span] = [:]) { self.intervals = intervals }

  public static let none = FaultRates()

  /// Services fail: workloads have checks, then.
  public var strikesServices: Bool { FaultKind.ofServices.contains { intervals[$0] != nil } }

  /// The same, and services fail as often as other things do in the dense rates; with a divisor, so much less often.
  public func withServices(thinning: Double = 1) -> FaultRates {
    var rates = self
    let seconds: [FaultKind: Double] = [.serviceDeath: 12, .brokenService: 30, .flappingService: 30, .blindChecks: 30]
    rates.intervals.merge(seconds.mapValues { .seconds($0 * thinning) }) { own, _ in own }
    return rates
  }

  /// Addresses fail: workloads have some, then.
  public var strikesAddresses: Bool { FaultKind.ofAddresses.contains { intervals[$0] != nil } }

  /// The same, and what has to do with addresses fails as often as other things do in the dense rates; with a divisor, so much less often.
  public func withAddresses(thinning: Double = 1) -> FaultRates {
    var rates = self
    let seconds: [FaultKind: Double] = [.slowAddresses: 15, .failedAddresses: 30, .stranger: 30, .lostAddress: 20]
    rates.intervals.merge(seconds.mapValues { .seconds($0 * thinning) }) { own, _ in own }
    return rates
  }

  /// Nodes fail their own checks: they have some, then.
  public var strikesNodeChecks: Bool { FaultKind.ofNodeChecks.contains { intervals[$0] != nil } }

  /// The same, and nodes fail their own checks as often as other things fail in the dense rates; with a divisor, so much less often.
  public func withNodeTroubles(thinning: Double = 1) -> FaultRates {
    var rates = self
    let seconds: [FaultKind: Double] = [.nodeTrouble: 30, .commonTrouble: 60, .flappingNode: 40, .blindNode: 40]
    rates.intervals.merge(seconds.mapValues { .seconds($0 * thinning) }) { own, _ in own }
    return rates
  }

  /// Parts fail: workloads are made of some, then.
  public var strikesParts: Bool { FaultKind.ofParts.contains { intervals[$0] != nil } }

  /// The same, and parts of workloads fail as often as other things do in the dense rates; with a divisor, so much less often.
  public func withParts(thinning: Double = 1) -> FaultRates {
    var rates = self
    let seconds: [FaultKind: Double] = [.partDeath: 20, .brokenPart: 25, .stuckPart: 20, .blindPart: 30]
    rates.intervals.merge(seconds.mapValues { .seconds($0 * thinning) }) { own, _ in own }
    return rates
  }

  private static let denseSeconds: [FaultKind: Double] = [
    .controllerCrash: 20, .controllerHalt: 25, .haltBetweenSteps: 15, .guardCrash: 25, .bothCrash: 40, .hostCrash: 60,
    .plannerCrash: 90,
    .hostPause: 20, .longHostPause: 60, .clockChange: 15, .slowFreezes: 20, .unconfirmedFreezes: 60, .failedKills: 40,
    .lateTimers: 20, .partition: 12, .badLinks: 30, .storeOutage: 50, .storeSlow: 40, .leaderChange: 60, .compaction: 20,
    .deafWatch: 15, .libvirtCrash: 35, .libvirtHang: 40, .libvirtSlow: 30, .libvirtFailures: 60, .brokenStart: 40,
    .brokenMigration: 10,
    .domainEnd: 15, .order: 6
  ]

  /// Everything but a full store, starts that hold freezes up, what only checks see and the ends of guests at once, for minutes: something goes wrong every second.
  public static let dense: FaultRates = {
    var rates = FaultRates(denseSeconds.mapValues { .seconds($0) })
    rates.lateMessages = 0.01
    rates.lostMessages = 0.002
    rates.aftershock = 0.3
    return rates
  }()

  /// How much rarer the sparse rates are than the dense ones.
  public static let sparseThinning = 20.0

  /// The same, for hours: hundreds of faults in an hour, half of them in bursts in which they are as dense as above.
  public static let sparse: FaultRates = {
    let thinning = sparseThinning
    var rates = FaultRates(denseSeconds.mapValues { .seconds($0 * thinning) })
    rates.lateMessages = 0.002
    rates.lostMessages = 0.0005
    rates.aftershock = 0.3
    rates.burst = Burst(every: .seconds(900), length: .seconds(15) ... .seconds(45), factor: thinning)
    return rates
  }()
}
