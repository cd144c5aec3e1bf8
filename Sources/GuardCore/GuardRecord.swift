import HoldfastTime

/// The guard's record, written down so that the next guard on this boot continues where this one was.
public struct GuardRecord: Hashable, Sendable {
  public enum Phase: Hashable, Sendable {
    case disarmed
    case armed(deadline: BootInstant)
    /// `killsAt`: what is `stop` is frozen until then, and killed then; nil: it was killed.
    case isolated(since: BootInstant, killsAt: BootInstant? = nil)
  }
  /// The kernel's boot id: instants of another boot mean nothing.
  public var boot: String
  public var phase: Phase
  /// Sorted by name.
  public var workloads: [GuardedWorkload]
  /// By name: the cgroups of what left protection and runs on in the partitions.
  public var released: [String: String]
  /// Workloads whose kill was begun and not yet seen to be complete.
  public var kills: [KillTarget]
  /// While isolated: cgroups that the guard froze by themselves, and links that it took down; for the way back.
  public var taken: TakenThings
  /// By workload: addresses that may be on the host's links, because the guard raised them, or was about to. A workload that is gone may still have some.
  ///
  /// A guard of version 3 or older takes a record that has addresses, here or with a workload, for one that cannot be read: it isolates, and knows of
  /// nothing. So it ends what runs here, rather than leaving addresses aside without a word. They stay on their links, as nothing tells it of them;
  /// where none are named the record is the one that it knows.
  public var addresses: [String: [GuardedAddress]]

  public init(
    boot: String, phase: Phase, workloads: [GuardedWorkload], released: [String: String] = [:], kills: [KillTarget],
    taken: TakenThings, addresses: [String: [GuardedAddress]] = [:]
  ) {
    self.boot = boot
    self.phase = phase
    self.workloads = workloads
    self.released = released
    self.kills = kills
    self.taken = taken
    self.addresses = addresses
  }

  /// The record as text: a line each, closed by `end`, so that a torn file is told from a whole one.
  public var text: String {
    var lines = [Self.title, "boot id=" + WireText.escaped(boot)]
    switch phase {
    case .disarmed: lines.append("phase disarmed")
    case .armed(let deadline): lines.append("phase armed at=\(deadline.nanoseconds)")
    case .isolated(let since, let killsAt):
      lines.append("phase isolated at=\(since.nanoseconds)" + (killsAt.map { " kills-at=\($0.nanoseconds)" } ?? ""))
    }
    lines += workloads.map { "workload " + $0.wireFields }
    for (name, cgroup) in released.sorted(by: { $0.key < $1.key }) {
      lines.append("released name=\(WireText.escaped(name)) cgroup=\(WireText.escaped(cgroup))")
    }
    for case .workload(let name, let cgroup) in kills {
      lines.append("killing name=\(WireText.escaped(name)) cgroup=\(WireText.escaped(cgroup))")
    }
    for (name, held) in addresses.sorted(by: { $0.key < $1.key }) {
      lines.append("addresses name=\(WireText.escaped(name)) list=" + WireText.list(held.map(\.description)))
    }
    for (word, set) in taken.named where !set.isEmpty { lines.append("\(word) list=" + WireText.list(set.sorted())) }
    return (lines + ["end"]).joined(separator: "\n") + "\n"
  }

  public init(text: String) throws(WireError) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard lines.count >= 4, lines.removeFirst() == Self.title, lines.removeLast().isEmpty, lines.removeLast() == "end" else {
      throw .malformed(message: "state", reason: "not a whole \"\(Self.title)\" file")
    }
    var bootSeen: String?
    var phaseSeen: Phase?
    var workloads: [GuardedWorkload] = []
    var released: [String: String] = [:]
    var kills: [KillTarget] = []
    var taken = TakenThings()
    var addresses: [String: [GuardedAddress]] = [:]
    for line in lines {
      var words = try WireWords(line)
      switch words.message {
      case "boot" where bootSeen == nil: bootSeen = try words.take("id")
      case "phase" where phaseSeen == nil: phaseSeen = try Phase(&words)
      case "workload": workloads.append(try GuardedWorkload(&words))
      case "released": released[try words.take("name")] = try words.take("cgroup")
      case "killing": kills.append(.workload(name: try words.take("name"), cgroup: try words.take("cgroup")))
      case "addresses": addresses[try words.take("name")] = try words.takeAddresses("list")
      default: try taken.read(&words)
      }
      try words.end()
    }
    guard let boot = bootSeen, let phase = phaseSeen else {
      throw .malformed(message: "state", reason: "boot or phase is missing")
    }
    self.init(
      boot: boot, phase: phase, workloads: workloads, released: released, kills: kills, taken: taken, addresses: addresses)
  }

  private static let title = "holdfast-guard-state 1"
}

extension GuardRecord.Phase {
  fileprivate init(_ words: inout WireWords) throws(WireError) {
    switch try words.takePlain() {
    case "disarmed": self = .disarmed
    case "armed": self = .armed(deadline: try words.instant(try words.take("at")))
    case "isolated":
      let since = try words.instant(try words.take("at"))
      // A guard that did not write it had killed what is `stop` when it isolated.
      var killsAt: BootInstant?
      if let text = try words.takeIfPresent("kills-at") { killsAt = try words.instant(text) }
      self = .isolated(since: since, killsAt: killsAt)
    case let other: throw words.malformed("no such phase: \(WireWords.shown(other))")
    }
  }
}

/// The things that were frozen or taken down one by one while isolated, and those that were found done already and are somebody else's.
public struct TakenThings: Hashable, Sendable {
  /// Cgroups that the guard froze one by one.
  public var frozen: Set<String> = []
  /// Among them those that were frozen when it came, such as a container that its owner had suspended: they stay so.
  public var foundFrozen: Set<String> = []
  /// Links that the guard took down.
  public var down: Set<String> = []
  /// Among them those that were down when it came.
  public var foundDown: Set<String> = []

  public init() {}

  fileprivate var named: [(String, Set<String>)] {
    [("frozen", frozen), ("found-frozen", foundFrozen), ("down", down), ("found-down", foundDown)]
  }

  fileprivate mutating func read(_ words: inout WireWords) throws(WireError) {
    switch words.message {
    case "frozen": frozen = Set(try words.takeList("list"))
    case "found-frozen": foundFrozen = Set(try words.takeList("list"))
    case "down": down = Set(try words.takeList("list"))
    case "found-down": foundDown = Set(try words.takeList("list"))
    default: throw .unknownMessage(WireWords.shown(words.message))
    }
  }
}

/// The target of a kill.
public enum KillTarget: Hashable, Sendable {
  case workload(name: String, cgroup: String)
  /// Everything in the partition for `isolation: stop`, except these cgroups: they belong to workloads that are now
  /// declared `freeze` and have not been restarted since.
  case stopPartition(sparing: Set<String>)
  /// A workload whose start was cut short before its cgroup was known: everything in the partitions that is in no other's cgroup, and
  /// what is in its own of an earlier run, wherever that is. Other starts that were cut short die with it, and are made again.
  case unseen(name: String, cgroup: String?, sparing: Set<String>)

  /// Without the sets: they tell little apart, and a hash of them costs more than the rest of a look-up.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .workload(let name, _), .unseen(let name, _, _): hasher.combine(name)
    case .stopPartition: hasher.combine(0)
    }
  }
}

extension KillTarget {
  /// Any fixed order, so that equal machines say equal things.
  static func order(_ a: KillTarget, _ b: KillTarget) -> Bool { a.sortKey < b.sortKey }

  private var sortKey: String {
    switch self {
    case .workload(let name, let cgroup): "1\(name)\n\(cgroup)"
    case .stopPartition(let sparing): "2\(sparing.sorted().joined(separator: "\n"))"
    case .unseen(let name, let cgroup, let sparing): "3\(name)\n\(cgroup ?? "")\n\(sparing.sorted().joined(separator: "\n"))"
    }
  }

  /// The workload that the kill is answered for.
  var workload: String? {
    switch self {
    case .workload(let name, _), .unseen(let name, _, _): name
    case .stopPartition: nil
    }
  }

  var label: String {
    switch self {
    case .workload(let name, _): name
    case .stopPartition: "the stop partition"
    case .unseen(let name, _, _): name
    }
  }
}

/// How far one attempt at a kill came.
public enum KillProgress: Hashable, Sendable {
  /// Every process was seen to be gone.
  case gone
  /// Every process that is left has its SIGKILL pending: whatever thaws it, it executes no further instruction of its own.
  case dying
  /// Not every process could be reached; something may still execute when it is thawed.
  case failed(reason: String)
}
